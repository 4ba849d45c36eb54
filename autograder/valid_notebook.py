"""Makes a notebook of format 4 that nbformat accepts from any JSON that `notebook.parse` takes for a notebook.

Not by nbformat's own conversion, which raises for what real and hostile files have: cells without metadata, a minor
version that is no number, entries that are no cells. Whatever the schema refuses is left out here, and the rest stays.
The places of cells stay too, since a report names cells by them. There are no outputs: nbgrader clears them first.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from autograder import notebook

Document = dict[str, Any]

_KINDS = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "markdown"}  # 3 has five
_UNREADABLE = "This cell cannot be read."
_DEEPEST_HEADING = 6
_MINOR = 5  # the newest; cells have had ids since
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_JSON_TYPE = re.compile(r"^application/(.*\+)?json$")  # as the schema has it: any value stands below such a key


def valid(document: Document) -> Document:
    """Return a notebook that nbformat accepts, but for the ids of its cells, which `give_ids` completes.

    Parameters
    ----------
    document : dict
        As `autograder.notebook.document_of` gives it.
    """
    metadata = _kept(document.get("metadata"), _OF_NOTEBOOKS)
    minor = document.get("nbformat_minor")
    if type(minor) is not int or not 0 <= minor <= _MINOR:
        minor = _MINOR
    if document["nbformat"] == 3:
        minor = _MINOR
        metadata.pop("name", None)  # the file's, in format 3
    cells = [_cell(item) for item in notebook.raw_cells(document)]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


def give_ids(document: Document) -> None:
    """Give every cell an id of its own, the same for the same notebook; a copied cell may bear its original's."""
    cells: list[Document] = document["cells"]
    if document["nbformat_minor"] < _MINOR:
        for cell in cells:
            cell.pop("id", None)
        return
    own = {cell["id"] for cell in cells if _is_id(cell.get("id"))}
    taken: set[str] = set()
    for place, cell in enumerate(cells):
        name = str(cell.get("id"))
        is_id = _is_id(cell.get("id"))
        if not is_id or name in taken:
            stem = name = f"{'copy' if is_id else 'cell'}-{place}"
            more = 0
            while name in own or name in taken:
                more += 1
                name = f"{stem}-{more}"
            cell["id"] = name
        taken.add(name)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _cell(item: Any) -> Document:
    """Return a cell as the schema has it; one that cannot be read stays in its place."""
    said = item.get("cell_type") if isinstance(item, dict) else None
    kind = _KINDS.get(said) if isinstance(said, str) else None
    if kind is None:
        return {"cell_type": "raw", "metadata": {}, "source": _UNREADABLE}
    source = notebook.raw_source(item) or ""
    if said == "heading":
        source = _heading(source, item.get("level"))
    cell: Document = {"cell_type": kind, "metadata": _kept(item.get("metadata"), _OF_CELLS), "source": source}
    if "id" in item:
        cell["id"] = item["id"]
    if kind == "code":
        cell["outputs"], cell["execution_count"] = [], None
    elif _is_attachments(item.get("attachments")):
        cell["attachments"] = item["attachments"]
    return cell


def _heading(source: str | list[str], level: Any) -> str:
    text = source if isinstance(source, str) else "".join(source)
    marks = level if type(level) is int and 1 <= level <= _DEEPEST_HEADING else 1
    return f"{'#' * marks} {' '.join(text.splitlines())}"


def _kept(metadata: Any, checks: Mapping[str, Callable[[Any], bool]]) -> Document:
    """Return metadata without what the schema refuses, and without what nbformat takes out of every file."""
    if not isinstance(metadata, dict):
        return {}
    return {key: value for key, value in metadata.items() if key not in checks or checks[key](value)}


# -------------------------------------------------------------------------------------------- what the schema asks for


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_lines(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\n" not in value


def _are_tags(value: Any) -> bool:
    if not (isinstance(value, list) and all(isinstance(tag, str) and tag and "," not in tag for tag in value)):
        return False
    return len(set(value)) == len(value)


def _are_times(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(time, str) for time in value.values())


def _is_nbgrader(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("grade_id", ""), str)


def _is_kernel(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("name", "display_name"))


def _is_language(value: Any) -> bool:
    if not (isinstance(value, dict) and isinstance(value.get("name"), str)):
        return False
    texts = ("file_extension", "mimetype", "pygments_lexer")
    return isinstance(value.get("codemirror_mode", ""), str | dict) and all(
        isinstance(value.get(key, ""), str) for key in texts
    )


def _is_attachments(value: Any) -> bool:
    if not (isinstance(value, dict) and all(isinstance(bundle, dict) for bundle in value.values())):
        return False
    return all(
        _is_lines(content) or _JSON_TYPE.search(kind) is not None
        for bundle in value.values()
        for kind, content in bundle.items()
    )


def _never(_: Any) -> bool:
    return False


_OF_CELLS: Mapping[str, Callable[[Any], bool]] = {
    "name": _is_name,
    "tags": _are_tags,
    "jupyter": _is_object,
    "execution": _are_times,
    "format": _is_text,
    "nbgrader": _is_nbgrader,  # not the schema's: a grade id is looked up
    "collapsed": lambda value: isinstance(value, bool),
    "scrolled": lambda value: isinstance(value, bool) or value == "auto",
    "trusted": _never,
}
_OF_NOTEBOOKS: Mapping[str, Callable[[Any], bool]] = {
    "kernelspec": _is_kernel,
    "language_info": _is_language,
    "title": _is_text,
    "authors": lambda value: isinstance(value, list),
    "orig_nbformat": _never,
    "orig_nbformat_minor": _never,
    "signature": _never,
}
