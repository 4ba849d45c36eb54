"""Makes submissions out of a notebook: with another solution, with a known mistake, without its metadata."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Document = dict[str, Any]


def read(path: Path) -> Document:
    """Return a notebook of ours as plain JSON."""
    document: Document = json.loads(path.read_text(encoding="utf-8"))
    return document


def write(document: Document) -> bytes:
    """Return a notebook's bytes as Jupyter would save them."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def source_of(cell: Document) -> str:
    """Return a cell's source as one text."""
    return "".join(cell["source"])


def grade_id(cell: Document) -> str:
    """Return nbgrader's name of a cell; empty where it has none."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def with_sources(document: Document, sources: Mapping[str, str]) -> Document:
    """Return a copy of a notebook in which cells have other sources.

    Parameters
    ----------
    sources : mapping of str to str
        New source by ``grade_id``.
    """
    return mapped(document, lambda c: c | {"source": sources.get(grade_id(c), source_of(c)).splitlines(keepends=True)})


def mapped(document: Document, change: Callable[[Document], Document]) -> Document:
    """Return a copy of a notebook with every cell changed."""
    return document | {"cells": [change(cell) for cell in document["cells"]]}


def without_metadata(document: Document) -> Document:
    """Return a copy as tools leave it that know nothing of nbgrader: no cell metadata, no ids."""
    return mapped(document, lambda c: {k: v for k, v in c.items() if k != "id"} | {"metadata": {}}) | {
        "nbformat_minor": 4
    }


def code_cell(source: str) -> Document:
    """Return a code cell of a student's own."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def with_cell(document: Document, source: str, *, before: str | None = None) -> Document:
    """Return a copy with one more code cell, before the cell of this ``grade_id`` or at the end."""
    cells = list(document["cells"])
    place = next((i for i, cell in enumerate(cells) if grade_id(cell) == before), len(cells))
    return document | {"cells": [*cells[:place], code_cell(source), *cells[place:]]}
