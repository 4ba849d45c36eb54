"""What each tool makes of a solved release.

Each maker imitates what a tool writes, byte for byte where that matters. Those of nbformat are the real thing. Jupytext
itself is asked where it is installed (`make setup-ci`); its imitations are for where it is not.
"""

import json
import random
import warnings
from collections.abc import Iterator

import nbformat

from autograder import demo, variants
from autograder.variants import Document, code_cell, grade_id, mapped, source_of

PICTURE = "iVBORw0KGgo" + "A" * 400_000


def with_outputs(document: Document) -> Document:
    """Return a notebook as it is after Run All: counts, printed lines, pictures, 0.8 MB in all."""
    counts = iter(range(1, 1_000))

    def run(cell: Document) -> Document:
        if cell["cell_type"] != "code":
            return cell
        count = next(counts)
        outputs = [
            {"name": "stdout", "output_type": "stream", "text": ["a next\n", "shape (5, 4)\n"]},
            {"data": {"text/plain": ["<Axes: >"]}, "execution_count": count, "metadata": {},
             "output_type": "execute_result"},
        ]  # fmt: skip
        if count <= 2:
            outputs.append({"data": {"image/png": PICTURE}, "metadata": {}, "output_type": "display_data"})
        return cell | {"execution_count": count, "outputs": outputs}

    return mapped(document, run)


def new_ids(document: Document, length: int = 8) -> Document:
    """Return a notebook in which every cell has another id."""
    draw = random.Random(1)  # noqa: S311  ids, not secrets
    return mapped(document, lambda c: c | {"id": "".join(draw.choices("0123456789abcdef", k=length))})


def kept(document: Document, *keys: str) -> Document:
    """Return a notebook with these keys of its cells' metadata and no others."""
    return mapped(document, lambda c: c | {"metadata": {k: v for k, v in c["metadata"].items() if k in keys}})


def jupyterlab(s: demo.Solutions) -> str:
    """JupyterLab 4: run, with the times of each cell recorded; written by nbformat, as its server does."""
    times = {"execution": {"iopub.execute_input": "2026-11-02T10:00:00.000000Z", "shell.execute_reply.started": "x"}}
    document = mapped(with_outputs(s.solved()), lambda c: c | {"metadata": {**c["metadata"], **times}})
    return str(nbformat.writes(nbformat.from_dict(document)))


def notebook_7(s: demo.Solutions) -> str:
    """Notebook 7: a cell whose properties were opened is given three keys, and headings are folded."""
    opened = {"editable": True, "slideshow": {"slide_type": ""}, "tags": [], "jp-MarkdownHeadingCollapsed": True}
    document = mapped(with_outputs(s.solved()), lambda c: c | {"metadata": {**opened, **c["metadata"]}})
    return str(nbformat.writes(nbformat.from_dict(document)))


def vscode(s: demo.Solutions) -> str:
    """VS Code today: other ids for what was touched, a language for each cell, no final newline."""
    document = new_ids(with_outputs(s.solved()))
    document = mapped(document, lambda c: c | {"metadata": {**c["metadata"], "vscode": {"languageId": "python"}}})
    return json.dumps(document, indent=1, ensure_ascii=False)


def vscode_2021(s: demo.Solutions) -> str:
    """VS Code of some years ago: format 4.2, no ids, its own key for the format, metadata of the cells dropped."""
    document = variants.without_metadata(with_outputs(s.solved()))
    extra = {"orig_nbformat": 4, "interpreter": {"hash": "0" * 64}}
    return json.dumps(document | {"metadata": {**document["metadata"], **extra}, "nbformat_minor": 2}, indent=2)


def _colab(document: Document) -> Document:
    draw = random.Random(2)  # noqa: S311
    run = {
        "executionInfo": {
            "status": "ok", "timestamp": 1_790_000_000_000, "user_tz": -60, "elapsed": 5,
            "user": {"displayName": "A Student", "userId": "00000000000000000000"},
        },
    }  # fmt: skip

    def change(cell: Document) -> Document:
        name = "".join(draw.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789_-", k=12))
        own = {**cell["metadata"], "id": name}
        if cell["cell_type"] == "code":
            own |= {**run, "colab": {"base_uri": "https://localhost:8080/"}, "outputId": "0-0-0-0-0"}
        return {k: v for k, v in cell.items() if k != "id"} | {"metadata": own}

    metadata = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    return mapped(document, change) | {"nbformat": 4, "nbformat_minor": 0, "metadata": metadata}


def colab(s: demo.Solutions) -> str:
    """Colab: format 4.0, its own ids inside the metadata, what it knows of a run; nbgrader's keys kept."""
    return json.dumps(_colab(with_outputs(s.solved())), ensure_ascii=False)


def colab_stripped(s: demo.Solutions) -> str:
    """Colab, pasted cell by cell into a new notebook: nothing of nbgrader is left, a drive is mounted first."""
    document = variants.with_cell(
        kept(s.solved()), "from google.colab import drive\ndrive.mount('/content/drive')\n%cd /content"
    )
    return json.dumps(_colab(document | {"cells": [document["cells"][-1], *document["cells"][:-1]]}))


def jupytext(s: demo.Solutions) -> str:
    """Jupytext, to a script and back: outputs and ids are gone, nbgrader's metadata is kept."""
    header = {"jupytext": {"text_representation": {"extension": ".py", "format_name": "percent"}}}
    document = new_ids(kept(s.solved(), "nbgrader", "deletable", "editable"))
    return json.dumps(document | {"metadata": {**document["metadata"], **header}}, indent=1)


def jupytext_filtered(s: demo.Solutions) -> str:
    """Jupytext where a filter drops the metadata of cells."""
    return json.dumps(new_ids(kept(s.solved())), indent=1)


def jupytext_script(s: demo.Solutions) -> str:
    """Jupytext's script itself, handed in under a notebook's name."""
    parts = ["# ---\n# jupyter:\n#   jupytext:\n#     text_representation:\n#       extension: .py\n# ---\n"]
    for cell in s.solved()["cells"]:
        if cell["cell_type"] == "code":
            marks = "".join(f" {key}={json.dumps(value)}" for key, value in cell["metadata"].items())
            parts.append(f"# %%{marks}\n{source_of(cell)}\n")
        else:
            parts.append("# %% [markdown]\n" + "".join(f"# {line}\n" for line in source_of(cell).splitlines()))
    return "\n".join(parts)


def exported_script(s: demo.Solutions) -> str:
    """Jupyter's "Save and Export Notebook As, Executable Script": comments for texts, and no line that divides."""
    parts = ["#!/usr/bin/env python\n# coding: utf-8\n"]
    for cell in s.solved()["cells"]:
        if cell["cell_type"] == "code":
            parts.append(f"# In[ ]:\n\n\n{source_of(cell)}\n\n")
        else:
            parts.append("".join(f"# {line}\n" for line in source_of(cell).splitlines()))
    return "\n".join(parts)


def colab_script(s: demo.Solutions) -> str:
    """Colab's "Download .py": texts become strings, shell lines comments, and nothing divides."""
    parts = ["# -*- coding: utf-8 -*-", f'"""{s.assignment.name}.ipynb\n\nAutomatically generated by Colab.\n"""\n']
    for cell in s.solved()["cells"]:
        text = source_of(cell)
        parts.append(text + "\n" if cell["cell_type"] == "code" else '"""' + text.replace("\\", "\\\\") + '"""\n')
    return "\n".join(parts)


def nbformat_3(s: demo.Solutions) -> str:
    """Format 3, the old format, as nbformat itself converts to it."""
    # read with nbformat, which joins the lines of sources and outputs: conversion expects them so
    document = nbformat.reads(json.dumps(with_outputs(s.solved())), as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells about what the old format has no place for
        return json.dumps(nbformat.convert(document, 3))


def split(s: demo.Solutions) -> str:
    """Cells split: the comment that marks an exercise stays behind, alone in the cell above."""

    def cells() -> Iterator[Document]:
        for cell in s.solved()["cells"]:
            if grade_id(cell).startswith("UNQ_C"):
                head, function = source_of(cell).split("\n\n\n", 1)
                yield cell | {"source": head}
                yield code_cell(function)
            else:
                yield cell

    return json.dumps(s.solved() | {"cells": list(cells())})


def merged(s: demo.Solutions) -> str:
    """Both exercises, and a test between them, merged into one cell."""
    cells = {grade_id(c): c for c in s.solved()["cells"]}
    one = cells["UNQ_C1"] | {
        "source": "\n\n".join(source_of(cells[name]) for name in ("UNQ_C1", "test_UNQ_C1", "UNQ_C2"))
    }
    rest = [c for c in s.solved()["cells"] if grade_id(c) not in {"UNQ_C1", "test_UNQ_C1", "UNQ_C2"}]
    return json.dumps(s.solved() | {"cells": [*rest[:4], one, *rest[4:]]})


def moved(s: demo.Solutions) -> str:
    """All cells in the opposite order."""
    return json.dumps(s.solved() | {"cells": s.solved()["cells"][::-1]})


def renumbered(s: demo.Solutions) -> str:
    """Another count: the markers bear other numbers, the metadata is gone."""
    document = kept(s.solved())
    swapped = {"UNQ_C1": "UNQ_C7", "UNQ_C2": "UNQ_C8"}

    def change(cell: Document) -> Document:
        text = source_of(cell)
        for old, new in swapped.items():
            text = text.replace(old, new)
        return cell | {"source": text}

    return json.dumps(mapped(document, change))


def carriage_returns(s: demo.Solutions) -> str:
    """Windows line ends, in the file and in every source."""
    document = mapped(s.solved(), lambda c: c | {"source": source_of(c).replace("\n", "\r\n")})
    return json.dumps(document, indent=1).replace("\n", "\r\n")


def python_2(s: demo.Solutions) -> str:
    """Python 2 in a cell before the first exercise, and one of another language."""
    document = variants.with_cell(s.solved(), "print 'the shapes are', x.shape", before="UNQ_C1")
    return json.dumps(variants.with_cell(document, "%%bash\nls -l | head", before="UNQ_C2"))


FOR_ALL = (  # those that need nothing of the first assignment, and differ most
    jupyterlab, vscode_2021, colab, colab_stripped, jupytext_script, exported_script, colab_script, nbformat_3,
)  # fmt: skip
MAKERS = (
    jupyterlab, notebook_7, vscode, vscode_2021, colab, colab_stripped, jupytext, jupytext_filtered, jupytext_script,
    exported_script, colab_script, nbformat_3, split, merged, moved, renumbered, carriage_returns, python_2,
)  # fmt: skip
