"""The wire between host and guest: length-capped frames of plain data, a JSON header and raw array bytes.

Nothing here can execute anything: no pickle, no import, no name look-up. A frame is

    8 bytes   length of the header, length of the body (two unsigned 32-bit integers, big-endian)
    header    JSON: the message; its ``arrays`` lists ``[dtype, shape]`` of each array in the body
    body      the arrays' bytes, C order, little-endian, one after the other

Values inside a message are trees (`encode`, `decode`): ``null``, booleans, integers below 2**63 as themselves; the
rest as ``[tag, ...]``. What does not fit travels as an opaque tag with the name of its type, never as itself.

The reader treats the other end as hostile: every size is checked against its cap before memory is taken for it, and
anything that does not fit exactly is a `WireError`. There is no repair.
"""

import json
import math
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from types import MappingProxyType
from typing import Any

import numpy as np

HEADER_CAP = 8 << 20  # bytes of JSON in one frame
MARKS_CAP = 2_000_000  # commas, colons and brackets in it: each may be a value that takes a hundred bytes when parsed
BODY_CAP = 64 << 20  # bytes of arrays in one frame
ROOM_LEAST = 1 << 20  # bytes that there are at least for the arrays of one frame, where less than the cap is expected
_ROOM_FACTOR = 8  # times what is expected: copies where we have one array under many names, wider numbers
DEPTH_CAP = 16  # levels of tuples, lists and dictionaries
NODE_CAP = 100_000  # values in one tree
TEXT_CAP = 10_000  # characters of one string
DIMENSIONS_CAP = 8  # of an array
_LENGTHS = struct.Struct(">II")
PREFIX = _LENGTHS.size
_NUMBERED = frozenset(["a", "n", "k", "r"])  # tags whose value is a number in a list of the frame's

# bool, integers, floats; complex only so that the host can refuse it with a clear sentence
DTYPES = frozenset(["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"])
_DTYPE_OF = {name: np.dtype(name) for name in DTYPES}
_INT64 = 1 << 63


class WireError(Exception):
    """A frame that is not what it should be."""


@dataclass(frozen=True)
class Opaque:
    """A value that does not travel: only what it is called and how it looks.

    Attributes
    ----------
    type : str
        Name of its type.
    text : str
        A short description, escaped to printable ASCII.
    """

    type: str
    text: str


# ---------------------------------------------------------------------------------------------------- writing


class _Encoder:
    """One frame's arrays and dictionaries, each stored once however often it is referred to.

    Caches hold the same parameters at every step. A dictionary that stood in the frame before travels as its number, in
    the order in which dictionaries are completed; one that holds itself has no number yet, and so ends at the cap.
    """

    def __init__(self, known: Sequence[np.ndarray[Any, Any]] = (), room: int = BODY_CAP) -> None:
        self.arrays: list[list[Any]] = []
        self._known = {id(array): index for index, array in enumerate(known)}
        self.buffers: list[bytes] = []
        self._seen: dict[int, int] = {}
        self._dicts: dict[int, int] = {}
        self.sent: list[np.ndarray[Any, Any]] = []
        self._kept: list[Any] = []  # keeps ids from being given to another object
        self._room = room
        self._nodes = NODE_CAP

    def root(self, value: Any) -> Any:
        """Return the tree of one of the frame's values; dictionaries are numbered within each."""
        self._dicts.clear()
        return self.tree(value, 0)

    def tree(self, value: Any, depth: int) -> Any:
        self._nodes -= 1
        if self._nodes < 0 or depth > DEPTH_CAP:
            return _opaque(value, "nested too deeply or too large")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, np.ndarray) and _holds_objects(value):
            return self._container(value.tolist(), depth)
        if isinstance(value, np.ndarray | np.generic):
            return self._array(value)
        kind = type(value)
        if kind is int:
            return value if -_INT64 <= value < _INT64 else _opaque(value, "an integer of more than 64 bits")
        if kind is float:
            return ["f", value.hex()]
        if kind is str:
            return ["s", value[:TEXT_CAP]]
        return self._container(value, depth)

    def _container(self, value: Any, depth: int) -> Any:
        if isinstance(value, deque):
            value = list(value)
        elif isinstance(value, MappingProxyType):
            value = dict(value)
        if isinstance(value, tuple | list):
            tag = "t" if isinstance(value, tuple) else "l"
            if len(value) > self._nodes:
                return _opaque(value, f"{len(value)} entries")
            return [tag, [self.tree(v, depth + 1) for v in value]]
        if isinstance(value, dict):
            if id(value) in self._dicts:
                return ["r", self._dicts[id(value)]]
            if len(value) > self._nodes or not all(type(k) is str and len(k) <= TEXT_CAP for k in value):
                return _opaque(value, "a dictionary with other keys than short strings")
            items = [[k, self.tree(v, depth + 1)] for k, v in value.items()]
            self._dicts[id(value)] = len(self._dicts)
            self._kept.append(value)
            return ["d", items]
        if isinstance(value, Opaque):
            return ["o", value.type, value.text]
        return _opaque(value)

    def _array(self, value: Any) -> Any:
        scalar = isinstance(value, np.generic)
        if not scalar and type(value) is not np.ndarray:
            return _opaque(value, "a subclass of numpy.ndarray")
        if id(value) in self._known:
            return ["k", self._known[id(value)]]
        index = self._seen.get(id(value))
        if index is None:
            dtype = value.dtype if value.dtype.str in DTYPES else value.dtype.newbyteorder("<")
            if dtype.str not in DTYPES:
                return _opaque(value, f"of dtype {str(value.dtype)[:40]}")
            if value.nbytes > self._room or value.ndim > DIMENSIONS_CAP:
                return _opaque(value, f"of shape {value.shape}")
            self._room -= value.nbytes
            index = len(self.arrays)
            self._seen[id(value)] = index
            self.sent.append(value)
            self.arrays.append([dtype.str, list(value.shape)])
            if dtype.kind == "b":
                value = np.asarray(value).view(np.uint8) != 0  # numpy lets any byte stand for true
            self.buffers.append((value if dtype is value.dtype else np.asarray(value).astype(dtype)).tobytes())
        return ["n" if scalar else "a", index]


def _holds_objects(array: np.ndarray[Any, Any]) -> bool:
    """Return whether an array is a list of other things than numbers: numpy makes one of a list of caches."""
    if type(array) is not np.ndarray or array.dtype != object or not array.ndim or array.size > NODE_CAP:
        return False
    return not all(isinstance(entry, Number) for entry in array.flat)


def _opaque(value: Any, text: str = "") -> list[str]:
    return ["o", printable(type(value).__name__, 80), printable(text, 200)]


def printable(text: str, most: int) -> str:
    """Return at most `most` characters of text as printable ASCII, the rest escaped."""
    return text[:most].encode("ascii", "backslashreplace").decode("ascii")


def pack(message: dict[str, Any], **values: Any) -> bytes:
    """Return a frame.

    Parameters
    ----------
    message : dict
        Plain JSON.
    **values
        Values to be encoded as trees under their names.
    """
    return pack_listed(message, (), **values)[0]


def pack_listed(
    message: dict[str, Any], known: Sequence[np.ndarray[Any, Any]], room: int = BODY_CAP, **values: Any
) -> tuple[bytes, list[np.ndarray[Any, Any]]]:
    """Return a frame, and the arrays that it holds in their order.

    Parameters
    ----------
    known : sequence of ndarray
        Arrays that the other end has sent just before, as it numbered them: they are named, and do not travel back.
    room : int
        Bytes of arrays that the other end takes; of an array beyond that only the shape is sent.
    """
    encoder = _Encoder(known, room)
    header = dict(message)
    for name, value in values.items():
        header[name] = encoder.root(value)
    header["arrays"] = encoder.arrays
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > HEADER_CAP or _marks(text) > MARKS_CAP:
        # possible only with many long strings; then nothing of the values travels
        for name, value in values.items():
            header[name] = _opaque(value, "more text than a frame holds")
        header["arrays"], encoder.buffers = [], []
        text = json.dumps(header, separators=(",", ":")).encode()
    body = b"".join(encoder.buffers)
    return b"".join((_LENGTHS.pack(len(text), len(body)), text, body)), encoder.sent


def room_for(expected: Any) -> int:
    """Return how many bytes of arrays an answer may hold where this one is expected: some times as many."""
    encoder = _Encoder()
    encoder.root(expected)
    return min(max(_ROOM_FACTOR * sum(map(len, encoder.buffers)), ROOM_LEAST), BODY_CAP)


def _marks(header: bytes) -> int:
    """Return how many values a header may hold at most, for what it takes to parse it."""
    return sum(map(header.count, (b",", b":", b"[", b"{")))


# ---------------------------------------------------------------------------------------------------- reading


def lengths(prefix: bytes, room: int = BODY_CAP) -> tuple[int, int]:
    """Return the lengths of header and body that a frame's first bytes announce.

    Parameters
    ----------
    room : int
        Bytes of arrays that it may hold.

    Raises
    ------
    WireError
        If either is over its cap; nothing has been allocated then.
    """
    header, body = _LENGTHS.unpack(prefix)
    if header > HEADER_CAP or body > room:
        raise WireError("a frame over the cap")
    return header, body


@dataclass(frozen=True)
class Frame:
    """A frame as read: the message, and its arrays for `value`."""

    message: dict[str, Any]
    arrays: tuple[np.ndarray[Any, Any], ...]

    def value(self, name: str, known: Sequence[np.ndarray[Any, Any]] = ()) -> Any:
        """Return the value encoded under `name`: base ndarrays (read-only), numpy scalars, containers, `Opaque`.

        Parameters
        ----------
        known : sequence of ndarray
            What this end has sent just before, and the other end may name. A host knows nothing: it never asks.

        Raises
        ------
        WireError
            If it is not a tree.
        """
        return _Decoder(self.arrays, known).value(self.message.get(name), 0)


def unpack(header: bytes, body: bytes) -> Frame:
    """Return the frame made of these bytes.

    Raises
    ------
    WireError
        If anything about it is not exactly right.
    """
    if _marks(header) > MARKS_CAP:
        raise WireError("a header of too many values")
    try:
        message = json.loads(header.decode("ascii"), parse_constant=_no_constant)  # as bytes it might be UTF-16
    except (ValueError, RecursionError) as error:
        raise WireError("a header that is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a header that is not an object")
    specs = message.pop("arrays", None)
    if not isinstance(specs, list) or len(specs) > NODE_CAP:
        raise WireError("a frame without its list of arrays")
    arrays, offset = [], 0
    for spec in specs:
        dtype, shape = _array_spec(spec)
        count = math.prod(shape)
        size = count * dtype.itemsize
        if size > len(body) - offset:
            raise WireError("an array larger than the frame's body")
        try:
            array = np.frombuffer(body, dtype, count, offset).reshape(shape) if count else np.empty(shape, dtype)
        except ValueError as error:  # numpy's own limits on shapes, e.g. (0, 2**62, 2**62)
            raise WireError("an array of an impossible shape") from error
        if dtype.kind == "b" and count and array.view(np.uint8).max() > 1:
            raise WireError("a truth value that is neither true nor false")
        array.flags.writeable = False  # one without entries is no view of the body's bytes
        arrays.append(array)
        offset += size
    if offset != len(body):
        raise WireError("a body longer than its arrays")
    return Frame(message, tuple(arrays))


def _array_spec(spec: Any) -> tuple[np.dtype[Any], list[int]]:
    if not (isinstance(spec, list) and len(spec) == 2 and isinstance(spec[0], str) and isinstance(spec[1], list)):
        raise WireError("an array that is not [dtype, shape]")
    name, shape = spec
    dtype = _DTYPE_OF.get(name)
    if dtype is None:
        raise WireError("an array of a dtype that does not travel")
    if len(shape) > DIMENSIONS_CAP:
        raise WireError("an array of an impossible shape")
    for n in shape:
        if type(n) is not int or not 0 <= n < _INT64:
            raise WireError("an array of an impossible shape")
    return dtype, shape


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _Decoder:
    """Turns trees into values, counting nodes and depth."""

    def __init__(self, arrays: tuple[np.ndarray[Any, Any], ...], known: Sequence[np.ndarray[Any, Any]]) -> None:
        self._arrays = arrays
        self._known = known
        self._dicts: list[dict[str, Any]] = []
        self._nodes = 2 * NODE_CAP  # an encoder may close with opaque tags past its own cap

    def value(self, tree: Any, depth: int) -> Any:
        self._nodes -= 1
        if self._nodes < 0 or depth > DEPTH_CAP + 1:
            raise WireError("a value nested too deeply or too large")
        if tree is None or tree is True or tree is False:
            return tree
        if type(tree) is int:
            if not -_INT64 <= tree < _INT64:
                raise WireError("an integer of more than 64 bits")
            return tree
        if not isinstance(tree, list) or not 2 <= len(tree) <= 3 or not isinstance(tree[0], str):
            raise WireError("a value without a tag")
        tag, what = tree[0], tree[1]
        if len(tree) == 3:
            return _opaque_from(tag, what, tree[2])
        if tag in _NUMBERED:
            if type(what) is not int:
                raise WireError("a number that is none")
            return self._numbered(tag, what)
        if isinstance(what, list):
            if tag == "t":
                return tuple([self.value(item, depth + 1) for item in what])
            if tag == "l":
                return [self.value(item, depth + 1) for item in what]
            if tag == "d":
                return self._dict(what, depth)
        elif isinstance(what, str):
            if tag == "f" and len(what) < 40:
                return _float(what)
            if tag == "s" and len(what) <= TEXT_CAP:
                return what
        raise WireError("a value with an unknown tag")

    def _numbered(self, tag: str, index: int) -> Any:
        """Return what a number stands for: an array, a scalar, an array known before, a dictionary seen before."""
        if tag == "a":
            return self._array(index)
        if tag == "n":
            array = self._array(index)
            if array.ndim:
                raise WireError("a scalar with dimensions")
            return array[()]
        seen: Sequence[Any] = self._known if tag == "k" else self._dicts
        if not 0 <= index < len(seen):
            raise WireError("a reference to something that is not there")
        return seen[index]

    def _array(self, index: int) -> np.ndarray[Any, Any]:
        if not 0 <= index < len(self._arrays):
            raise WireError("a reference to an array that is not there")
        return self._arrays[index]

    def _dict(self, items: list[Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for item in items:
            if not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], str) or len(item[0]) > TEXT_CAP:
                raise WireError("a dictionary with a key that is no string")
            if item[0] in result:
                raise WireError("a dictionary with the same key twice")
            result[item[0]] = self.value(item[1], depth + 1)
        self._dicts.append(result)
        return result


def _opaque_from(tag: str, name: Any, text: Any) -> Opaque:
    if tag != "o" or not isinstance(name, str) or not isinstance(text, str) or len(name) > 800 or len(text) > 2000:
        raise WireError("a value with an unknown tag")
    return Opaque(printable(name, 80), printable(text, 200))


def _float(text: str) -> float:
    try:
        return float.fromhex(text)
    except (ValueError, OverflowError) as error:
        raise WireError("a float that is none") from error
