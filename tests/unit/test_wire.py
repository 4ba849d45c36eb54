"""The wire carries plain values unchanged, and refuses everything that is not exactly a frame."""

import collections
import json
import struct
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox import wire

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=50)
)
arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.bool_, np.uint16]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def sent(value: Any) -> Any:
    """Return a value as it arrives at the other end."""
    return split(wire.pack({}, value=value)).value("value")


def split(frame: bytes) -> wire.Frame:
    """Return a frame as its reader sees it."""
    header, body = wire.lengths(frame[: wire.PREFIX])
    rest = frame[wire.PREFIX :]
    assert len(rest) == header + body
    return wire.unpack(rest[:header], rest[header:])


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(values)
def test_a_value_arrives_as_it_was(value: Any) -> None:
    """Numbers, strings, arrays and containers of them arrive with type, shape, dtype and every bit."""
    assert same(sent(value), value)


def test_an_array_held_often_travels_once() -> None:
    """A cache that refers to the same array at every step does not multiply the frame."""
    big = np.zeros(10_000)
    assert len(wire.pack({}, value=[big] * 50)) < 2 * big.nbytes


def test_containers_of_other_kinds_travel_as_what_they_hold() -> None:
    """A deque, a mapping that cannot be written to, and an array that numpy has made of a list of caches."""
    caches = [(np.ones(2), {"W": np.zeros(1)}), (np.ones(2), {"W": np.zeros(1)})]
    values = [
        collections.deque(caches),
        np.array(caches, dtype=object),
        types.MappingProxyType({"W": np.zeros(1)}),
        np.array([None, "text"], dtype=object),
    ]
    many, array, mapping, mixed = sent(values)
    assert [len(many), len(array)] == [2, 2]
    assert np.array_equal(array[1][0], np.ones(2))
    assert mapping.keys() == {"W"}
    assert mixed == [None, "text"]


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (object(), "object"),
        (np.array([1, 2], dtype=object), "ndarray"),
        (np.ones((1, 1)).view(np.matrix), "matrix"),
        (np.ma.masked_array([1.0], [True]), "MaskedArray"),
        (np.array(["2020"], dtype="datetime64[D]"), "ndarray"),
        (np.array("text"), "ndarray"),
        (np.longdouble(1), "longdouble"),
        pytest.param(10**5000, "int", id="an integer of 5,000 digits"),
        ({1: 2}, "dict"),
        (iter(range(3)), "range_iterator"),
        (np.broadcast_to(np.zeros(1), (1 << 20, 1 << 20)), "ndarray"),
        (np.zeros((1,) * 9), "ndarray"),
    ],
)
def test_what_is_no_plain_value_arrives_as_its_name(value: Any, type_name: str) -> None:
    """Objects, subclasses, other dtypes and sizes beyond the cap are named, never carried."""
    arrived = sent(value)
    assert isinstance(arrived, wire.Opaque)
    assert arrived.type == type_name


def test_a_list_that_holds_itself_ends() -> None:
    """Nesting stops at the cap."""
    endless: list[Any] = []
    endless.append(endless)
    depth = 0
    value = sent(endless)
    while isinstance(value, list):
        value = value[0]
        depth += 1
    assert isinstance(value, wire.Opaque)
    assert depth == wire.DEPTH_CAP + 1


def test_a_dictionary_held_often_travels_once_and_arrives_as_one() -> None:
    """A list of caches with the same parameters is short, and the parameters are one object at the other end."""
    parameters = {f"W{n}": np.zeros(3) for n in range(50)}
    value = [(np.ones(1), parameters) for _ in range(40)]
    assert len(wire.pack({}, value=value)) < 3 * len(wire.pack({}, value=[parameters]))
    arrived = sent(value)
    assert same(arrived, value)
    assert len({id(parameters) for _, parameters in arrived}) == 1


def test_an_array_that_the_other_end_has_sent_is_named() -> None:
    """An answer refers to the arrays of the question, and they are the asker's own objects again."""
    x, parameters = np.arange(3.0), {"W": np.ones((2, 2))}
    question, sent_arrays = wire.pack_listed({}, (), value=(x, parameters))
    arrived = split(question)
    heard = arrived.value("value")
    answer, _ = wire.pack_listed({}, arrived.arrays, value=(heard[0] * 2, heard))
    assert len(answer) < len(question)
    double, (same_x, same_parameters) = split(answer).value("value", sent_arrays)
    assert np.array_equal(double, 2 * x)
    assert same_x is x
    assert same_parameters["W"] is parameters["W"]
    with pytest.raises(wire.WireError):
        split(answer).value("value")


def test_two_values_in_one_frame_do_not_share_numbers() -> None:
    """Each value of a frame is read by itself."""
    first, second = {"a": 1}, {"b": 2}
    frame = split(wire.pack({}, one=[first, first], other=[second, first, second]))
    assert frame.value("other") == [second, first, second]
    assert frame.value("one") == [first, first]


def test_arrays_that_arrive_cannot_be_written_to() -> None:
    """What comes from the other end is not changed by whoever compares it."""
    assert not sent(np.zeros(3)).flags.writeable


def frame(header: dict[str, Any], body: bytes = b"") -> wire.Frame:
    """Return what the reader makes of a hand-made frame."""
    return wire.unpack(json.dumps(header).encode(), body)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ([], b""),
        ({}, b""),
        ({"arrays": None}, b""),
        ({"arrays": [["<f8", [1]]]}, b""),
        ({"arrays": [["<f8", [1]]]}, b"\0" * 9),
        ({"arrays": [["<f8", [2**62, 4]]]}, b"\0" * 8),
        ({"arrays": [["<f8", [0, 2**62, 2**62]]]}, b""),
        ({"arrays": [["<f8", [-1]]]}, b""),
        ({"arrays": [["<f8", [True]]]}, b"\0" * 8),
        ({"arrays": [["<f8", [1.0]]]}, b"\0" * 8),
        ({"arrays": [["|O", [1]]]}, b"\0" * 8),
        ({"arrays": [["<M8[D]", [1]]]}, b"\0" * 8),
        ({"arrays": [["<f8", [1] * 9]]}, b"\0" * 8),
        ({"arrays": [["<f8"]]}, b""),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(header: Any, body: bytes) -> None:
    """Sizes, shapes, dtypes: nothing is repaired, nothing is guessed."""
    with pytest.raises(wire.WireError):
        wire.unpack(json.dumps(header).encode(), body)


@pytest.mark.parametrize(
    "tree",
    [
        ["a", 1],
        ["a", -1],
        ["a", True],
        ["n", 0],
        ["r", 0],
        ["k", 0],
        ["d", [["a", ["r", 0]]]],
        ["x", 0],
        [],
        "text",
        1.5,
        2**63,
        {"a": 1},
        ["f", "nan" * 20],
        ["f", "one"],
        ["f", "0x1p999999"],
        ["d", [["a", 1], ["a", 2]]],
        ["d", [[1, 2]]],
        ["s", 1],
        ["o", "type"],
    ],
)
def test_a_tree_that_is_no_value_is_refused(tree: Any) -> None:
    """Unknown tags, references to nothing and repeated keys are refused."""
    with pytest.raises(wire.WireError):
        frame({"arrays": [["<f8", [1]]], "value": tree}, b"\0" * 8).value("value")


def test_nesting_without_end_is_refused_and_not_followed() -> None:
    """Neither deep JSON nor a deep tree exhausts the reader's stack."""
    with pytest.raises(wire.WireError):
        wire.unpack(b"[" * 200_000 + b"]" * 200_000, b"")
    deep = json.loads('["l",[' * 60 + '["l",[]]' + "]]" * 60)
    with pytest.raises(wire.WireError):
        frame({"arrays": [], "value": deep}).value("value")


def test_more_values_than_the_cap_are_refused() -> None:
    """A small frame cannot become a large tree."""
    with pytest.raises(wire.WireError):
        frame({"arrays": [], "value": ["l", [0] * (2 * wire.NODE_CAP + 1)]}).value("value")


def test_lengths_over_the_cap_are_refused_before_anything_is_read() -> None:
    """A frame says how long it is, and a too long one is refused by its first eight bytes."""
    for lengths in ((wire.HEADER_CAP + 1, 0), (0, wire.BODY_CAP + 1), (2**32 - 1, 2**32 - 1)):
        with pytest.raises(wire.WireError):
            wire.lengths(struct.pack(">II", *lengths))


@given(st.binary(max_size=300), st.binary(max_size=64))
def test_any_bytes_are_a_frame_or_refused(header: bytes, body: bytes) -> None:
    """No bytes make the reader raise anything but its own error."""
    try:
        got = wire.unpack(header, body)
        got.value("value")
    except wire.WireError:
        pass


@given(values, st.data())
def test_a_damaged_frame_is_a_frame_or_refused(value: Any, data: st.DataObject) -> None:
    """Neither do real frames with a few bytes changed."""
    whole = bytearray(wire.pack({"n": 1}, value=value))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        header, body = wire.lengths(bytes(whole[: wire.PREFIX]))
        rest = bytes(whole[wire.PREFIX :])
        wire.unpack(rest[:header], rest[header : header + body]).value("value")
    except wire.WireError:
        pass
