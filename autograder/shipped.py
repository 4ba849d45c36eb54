"""Every piece of text in the files of a release: cells, outputs, attachments, metadata, and what is packed in them."""

import base64
import binascii
import gzip
import io
import json
import re
import string
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autograder.regions import source_of

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{4}[\s\\n]{0,3}){6,}[A-Za-z0-9+/_-]{0,3}={0,2}")
_PNG = b"\x89PNG\r\n\x1a\n"
_PRINTABLE = frozenset(string.printable.encode())
_DEPTH = 4  # a zip in a data address in an attachment of a notebook


@dataclass(frozen=True)
class Piece:
    """A text and where it stands.

    Attributes
    ----------
    lines : bool
        Whether a line number within the text helps to find the place.
    """

    where: str
    text: str
    lines: bool = True


def pieces_of(path: str, data: bytes, depth: int = 0) -> Iterator[Piece]:
    """Yield every text of a file.

    Parameters
    ----------
    path : str
        How to call the file.
    data : bytes
        Its content. What is packed or encoded in it (zip, gzip, the texts of a PNG, base64) is yielded too.
    """
    if depth > _DEPTH:
        return
    for name, inner in _unpacked(data):
        yield from pieces_of(f"{path}, {name}", inner, depth + 1)
    text, readable = _decoded(data)
    if readable:
        content = _json(text)
        if isinstance(content, dict) and "cells" in content:
            yield from _notebook(path, content, depth)
            return
        if isinstance(content, dict | list):
            yield from _strings(path, content, depth)
            return
    yield Piece(path, text, lines=readable)
    yield from _encoded(path, text, depth)


def _decoded(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return data.decode("latin-1"), False


def _json(text: str) -> Any:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _notebook(path: str, notebook: dict[str, Any], depth: int) -> Iterator[Piece]:
    for index, cell in enumerate(notebook["cells"]):
        where = f"{path}, cell {cell.get('id', index)!r}"
        source = source_of(cell)
        yield Piece(f"{where} ({cell.get('cell_type')})", source)
        yield from _encoded(where, source, depth)
        for part in sorted(set(cell) - {"source", "cell_type", "id"}):
            yield from _strings(f"{where}, {part}", cell[part], depth)
    for part in sorted(set(notebook) - {"cells"}):
        yield from _strings(f"{path}, {part}", notebook[part], depth)


def _strings(where: str, value: Any, depth: int) -> Iterator[Piece]:
    """Yield every string within JSON; lists of strings, as notebooks store lines, also as one text."""
    if isinstance(value, str):
        yield Piece(where, value)
        yield from _encoded(where, value, depth)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield Piece(f"{where}, a name", str(key), lines=False)
            yield from _strings(f"{where}, {key}", inner, depth)
    elif isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        yield from _strings(where, "".join(value), depth)
        yield from _strings(where, "\n".join(value), depth)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(where, inner, depth)


def _encoded(where: str, text: str, depth: int) -> Iterator[Piece]:
    """Yield what stands in a text as base64: attachments, images in outputs, data addresses."""
    for found in _BASE64.finditer(text):
        compact = re.sub(r"\\n|[\s=]", "", found[0]).translate(str.maketrans("-_", "+/"))
        # a word may stand right before the encoded text and shift it: every alignment is tried
        for shift in range(4):
            body = compact[shift:]
            try:
                data = base64.b64decode(body + "=" * (-len(body) % 4))
            except (binascii.Error, ValueError):
                continue
            if _means_something(data):
                yield from pieces_of(f"{where}, base64", data, depth + 1)
                break


def _means_something(data: bytes) -> bool:
    if data.startswith((_PNG, b"PK\x03\x04", b"\x1f\x8b", b"\xff\xd8", b"GIF8", b"%PDF")):
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    ascii_part = bytes(b for b in data if b < 128)  # ASCII
    return bool(data) and all(b in _PRINTABLE for b in ascii_part)


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for name in sorted(archive.namelist()):
                    yield name, archive.read(name)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error):
            return
    elif data.startswith(b"\x1f\x8b"):
        try:
            yield "unpacked", gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return
    elif data.startswith(_PNG):
        yield from _png_texts(data)


def _png_texts(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the texts that a PNG carries beside its picture."""
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        at += length + 12
        if kind == b"tEXt":
            yield "text", body
        elif kind in (b"zTXt", b"iTXt"):
            for start in range(body.find(b"\0") + 1, len(body)):
                try:
                    yield "text", zlib.decompress(body[start:])
                    break
                except zlib.error:
                    continue
            else:
                yield "text", body
