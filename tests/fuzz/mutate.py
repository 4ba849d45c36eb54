"""Changes seeds: as bytes, as JSON, as frames and streams of frames, as notebooks with Python in them.

Every function takes its chances from a `random.Random`, so a change can be made again from its seed.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from autograder.sandbox import wire

_NUMBERS = (
    0,
    1,
    -1,
    2,
    15,
    16,
    17,
    255,
    256,
    65535,
    10_000,
    10_001,
    100_001,
    2**31,
    2**32 - 1,
    2**53,
    2**62,
    2**63 - 1,
)
_NUMBERS += (2**63, -(2**63), -(2**63) - 1, 2**64, 10**30, 10**399, 10**400)
_FLOATS = (0.5, -0.0, 1e-320, 1e308, float("inf"), float("nan"))
_TEXTS = (
    "",
    "a",
    "\0",
    "\x1b[31m",
    "\u202e",
    "\ud800",
    "\ufeff",
    "\U0001f600",
    "\r\n",
    "x" * 50,
    "0x1p9999",
    "nan",
    "-inf",
)
_TEXTS += ("<f8", "|b1", "|O", "<M8[D]", "<c16", ">f8", "arrays", "value", "code", "UNQ_C1", "__class__", "=1+1")
_TAGS = ("a", "n", "k", "r", "t", "l", "d", "o", "f", "s")
_ROOM = 200_000  # characters that one change may add
# Replaced in the text of a JSON document, which may then be none.
_TOKENS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-0",
    b"01",
    b"1" * 5000,
    b"tru",
    b"null",
    b"\\ud800",
    b"\\u0000",
)
_TOKENS += (
    b"[" * 3000,
    b"{" * 30,
    b'{"":' * 400,
    b"[[],",
    b'"',
    b"\\",
    b",",
    b"}",
    b"]",
    b"\xff",
    b"\xef\xbb\xbf",
    b"/**/",
    b"\x00",
)
_PYTHON = (
    *("def rnn_cell_forward(xt, a_prev, parameters):\n", "def rnn_forward(*a, **k):\n    return None\n", "# UNQ_C1\n"),
    *(
        "rnn_cell_forward = lambda *a: 0\n",
        "if True:\n",
        "try:\n    pass\nexcept:\n",
        "%%bash\n",
        "%matplotlib inline\n",
    ),
    *("!ls \\\n", "\\\n", "\t", "\f", "\0", "f'{", "f'{x!r:{y}}'", "'''", '"""', "(" * 90, "[" * 250, "lambda:" * 100),
    *("-" * 5000, "x." * 3000 + "x", "1+" * 3000, "class rnn_forward:\n pass\n", "async def rnn_forward(): 0\n"),
    *("(rnn_forward, (a, *b)) = 1\n", "rnn_forward: int = 1\n", "global rnn_forward\n", "@rnn_forward\n", "\r", "\x0c"),
    *("match a:\n case rnn_forward:\n  pass\n", "with a as rnn_forward: pass\n", "for rnn_forward in a: a = None\n"),
    *("del rnn_forward\n", "import x as rnn_forward\n", "\u2028", "\ud800", "0" * 5000, "1" * 5000 + "\n", "None\n"),
)


def mutated(kind: str, data: bytes, pool: Sequence[bytes], rng: random.Random, longest: int = 1 << 20) -> bytes:
    """Return a seed changed in a few ways.

    Parameters
    ----------
    kind : str
        The folder that the seed is from.
    pool : sequence of bytes
        Other seeds of this kind, to take parts from.
    longest : int
        Longer ones are cut.
    """
    changes: tuple[Callable[..., bytes], ...] = _CHANGES[kind]
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        data = rng.choice(changes)(data, pool, rng)
    return data[:longest]


# ------------------------------------------------------------------------------------------------------------ bytes


def _bits(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _bytes(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 4)) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.choice(
            (0, 0xFF, 0x7F, 0x80, 10, 34, 44, 48, 91, 93, rng.randrange(256))
        )
    return bytes(changed)


def _part(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randint(0, len(data))
    return start, min(len(data), start + rng.choice((1, 2, 4, 8, 30, 300, 5000)))


def _cut(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _part(data, rng)
    return rng.choice((data[:start], data[start:], data[:start] + data[end:]))


def _again(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _part(data, rng)
    return data[:start] + data[start:end] * rng.choice((2, 3, 50)) + data[end:]


def _splice(data: bytes, pool: Sequence[bytes], rng: random.Random) -> bytes:
    other = rng.choice(pool)
    start, end = _part(other, rng)
    here, there = _part(data, rng)
    return data[:here] + other[start:end] + data[rng.choice((here, there)) :]


def _token(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    marks = [i for i, byte in enumerate(data) if byte in b'[]{}:,"0123456789']
    at = rng.choice(marks) if marks else 0
    return data[:at] + rng.choice(_TOKENS) + data[at + rng.choice((0, 1)) :]


# ------------------------------------------------------------------------------------------------------------- JSON


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Return every place in a document, as the container and the key in it."""
    found, waiting = [], [document]
    while waiting:
        item = waiting.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        for key in keys:
            found.append((item, key))
            waiting.append(item[key])
    return found


def _any_value(rng: random.Random) -> Any:
    return rng.choice(
        (
            lambda: rng.choice(_NUMBERS),
            lambda: rng.choice(_FLOATS),
            lambda: rng.choice(_TEXTS),
            lambda: rng.choice((None, True, False, [], {}, [[]], {"": {}})),
            lambda: [rng.choice(_TAGS), rng.choice((*_NUMBERS[:5], "x", [], [[]], [["a", 1]]))],
            lambda: _nested(rng.choice(("t", "l", "d")), rng.choice((3, 15, 17, 20, 300))),
        )
    )()


def _nested(tag: str, depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [tag, [["k", value]] if tag == "d" else [value]]
    return value


def change_json(document: Any, rng: random.Random) -> Any:
    """Return a JSON document with one place in it changed; the document itself may be changed too."""
    places = _places(document)
    if not places:
        return _any_value(rng)
    container, key = rng.choice(places)
    value = container[key]
    what = rng.randrange(9)
    if what == 0:
        container[key] = _any_value(rng)
    elif what == 1:
        del container[key]
    elif what == 2:
        other, there = rng.choice(places)
        try:
            container[key] = json.loads(json.dumps(other[there]))
        except (IndexError, KeyError, RecursionError, ValueError):
            container[key] = None
    elif what == 3 and isinstance(container, list):
        container[key:key] = [value] * min(rng.choice((1, 2, 40, 3000)), _ROOM // len(repr(value)))
    elif what == 4 and isinstance(value, str):
        at = rng.randint(0, len(value))
        container[key] = value[:at] + rng.choice(_TEXTS) + value[at + rng.choice((0, 0, 1, 5)) :]
    elif what == 5 and isinstance(value, int | float):
        container[key] = rng.choice(
            (value + 1, value - 1, -value, value * 2, float(value) if abs(value) < 1e300 else 0)
        )
    elif what == 6 and isinstance(container, list):
        rng.shuffle(container)
    elif what == 7 and isinstance(container, dict):
        container[rng.choice(_TEXTS)] = container.pop(key)
    else:
        container[key] = rng.choice(
            (lambda: [value], lambda: {"a": value}, lambda: [value, value], lambda: str(value)[:100])
        )()
    return document


def _tree(data: bytes, pool: Sequence[bytes], rng: random.Random) -> bytes:
    try:
        for _ in range(rng.choice((1, 1, 2, 5))):
            # written and read again each time: what stands in several places must be several things to the next change
            document = change_json(json.loads(data), rng)
            data = json.dumps(document, ensure_ascii=rng.random() < 0.8).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return _token(data, pool, rng)
    return data


# ----------------------------------------------------------------------------------------------------------- frames


def parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return header, body and what follows them, as far as they are there."""
    header, body = (int.from_bytes(data[i : i + 4]) for i in (0, 4))
    rest = data[wire.PREFIX :]
    return rest[:header], rest[header : header + body], rest[header + body :]


def joined(header: bytes, body: bytes) -> bytes:
    """Return a frame whose lengths are right, whatever is in it."""
    return len(header).to_bytes(4) + len(body).to_bytes(4) + header + body


def _frame(data: bytes, pool: Sequence[bytes], rng: random.Random) -> bytes:
    """Change the header as JSON or as text, or the body; the lengths fit again."""
    header, body, rest = parts(data)
    what = rng.randrange(5)
    if what < 3:
        header = (_tree, _tree, _token)[what](header, pool, rng)
    else:
        body = rng.choice((_bits, _cut, _again))(body, pool, rng)
    return joined(header, body) + rest


def _lengths(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    """Announce another length than what follows."""
    at = rng.choice((0, 4))
    real = int.from_bytes(data[at : at + 4])
    caps = (wire.HEADER_CAP, wire.BODY_CAP)
    other = rng.choice((0, 1, real + 1, max(0, real - 1), *caps, caps[0] + 1, caps[1] + 1, 2**31, 2**32 - 1))
    return data[:at] + min(other, 2**32 - 1).to_bytes(4) + data[at + 4 :]


def _other_body(data: bytes, pool: Sequence[bytes], rng: random.Random) -> bytes:
    return joined(parts(data)[0], parts(rng.choice(pool))[1])


def _frames_of(stream: bytes) -> list[bytes]:
    frames = []
    while len(stream) >= wire.PREFIX:
        header, body, rest = parts(stream)
        frames.append(joined(header, body))
        stream = rest
    return frames


def _stream(data: bytes, pool: Sequence[bytes], rng: random.Random) -> bytes:
    """Change a frame of a stream, or their order and number."""
    control, frames = data[:2].ljust(2, b"\0"), _frames_of(data[2:])
    if not frames:
        return _splice(data, pool, rng)
    at = rng.randrange(len(frames))
    what = rng.randrange(8)
    if what < 3:
        frames[at] = rng.choice((_frame, _frame, _lengths, _bits))(frames[at], frames, rng)
    elif what == 3:
        frames[at : at + 1] = [frames[at]] * rng.choice((0, 2, 3, 30))
    elif what == 4:
        frames.insert(rng.randrange(len(frames)), frames.pop(at))
    elif what == 5:
        frames.insert(at, rng.choice(_frames_of(rng.choice(pool)[2:]) or frames))
    elif what == 6:
        frames = frames[:at]
    else:
        control = bytes([rng.randrange(256), rng.randrange(256)])
    return control + b"".join(frames)


# -------------------------------------------------------------------------------------------------------- notebooks


def _source(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    """Change the code in a cell, so that it is another program, or none."""
    try:
        document = json.loads(data)
        cells = [cell for cell in document["cells"] if isinstance(cell, dict) and "source" in cell]
        cell = rng.choice(cells)
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        lines = source.splitlines(keepends=True)
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return data
    at = rng.randint(0, len(lines))
    what = rng.randrange(6)
    if what == 0:
        lines.insert(at, rng.choice(_PYTHON))
    elif what == 1 and lines:
        del lines[at % len(lines)]
    elif what == 2 and lines:
        line = lines[at % len(lines)]
        middle = rng.randint(0, len(line))
        lines[at % len(lines)] = line[:middle] + rng.choice(_PYTHON) + line[middle:]
    elif what == 3:
        lines[at:at] = [rng.choice(_PYTHON)] * rng.choice((2, 10, 100))
    elif what == 4:
        lines = [line.replace("    ", rng.choice(("\t", " ", "     "))) for line in lines]
    else:
        document["cells"].append(dict(cell))
    cell["source"] = rng.choice((lambda: "".join(lines), lambda: lines))()
    return json.dumps(document).encode()


_PLAIN = (_bits, _bytes, _cut, _again, _splice)
_CHANGES: dict[str, tuple[Callable[..., bytes], ...]] = {
    "frames": (*_PLAIN, _frame, _frame, _frame, _frame, _lengths, _other_body),
    "calls": (*_PLAIN, *[_frame] * 9, _other_body),
    "streams": (_bits, _cut, _splice, *[_stream] * 9),
    "notebooks": (*_PLAIN, _token, *[_tree] * 5, *[_source] * 6),
    "reports": (*_PLAIN, _token, *[_tree] * 8),
    "timestamps": (*_PLAIN, _token),
}
