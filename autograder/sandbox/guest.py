"""The untrusted end: runs a student's cells in IPython's shell and answers calls with plain data.

Everything in this process is in the student's hands, this module included. It is written to be right for honest
students and helpful about their errors; nothing that it says is believed beyond being data.
"""

import ast
import builtins
import contextlib
import re
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any, NoReturn

import numpy as np
from IPython.core.compilerop import CachingCompiler
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autograder.sandbox import wire

# Names that older numpy versions had and notebooks still use; a function written with them computes the right values.
_NUMPY_ALIASES: dict[str, Any] = {
    **{name: getattr(builtins, name) for name in ("bool", "int", "float", "complex", "object", "str")},
    "Inf": np.inf,
    "NaN": np.nan,
    "float_": np.float64,
    "product": np.prod,
    "concat": np.concatenate,
}

_reserve = [bytes(4 << 20)]  # memory to speak with when there is no other

_PLAIN = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


class _CellCompiler(CachingCompiler):  # type: ignore[misc]  # IPython has no types
    """Names code after its cell, so that a traceback says in which cell, and on which line, it is."""

    cell = -1

    @property
    def name(self) -> str:
        return f"<cell {self.cell}>"

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002
        return self.name


class _Shell(InteractiveShell):  # type: ignore[misc]  # IPython has no types
    """IPython's shell without terminal, history file, child processes, or its own printing of errors."""

    compiler_class = _CellCompiler

    def init_history(self) -> None:
        super().init_history()
        self.history_manager.enabled = False

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Show nothing: the error is reported over the channel, and formatting it costs more than the cell."""

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        """Show nothing, likewise."""

    def system(self, cmd: str) -> None:  # noqa: ARG002
        print("Shell commands are not run while grading.")  # noqa: T201

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> list[str] | str:  # noqa: ARG002, FBT001, FBT002
        return [] if split else ""

    def enable_gui(self, gui: str | None = None) -> None:
        """Accept ``%matplotlib inline`` and its kin: figures are drawn to memory."""


class Kernel:
    """The shell with what is graded in it. Made once in the zygote; a guest is a fork of it."""

    def __init__(self, imports: str) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.banner1 = ""
        self.shell = _Shell.instance(config=config)
        for magic in ("bash", "sh", "script", "cd", "pip", "conda", "system", "sx"):
            for kind in ("line", "cell"):
                self.shell.register_magic_function(_not_while_grading, kind, magic)
        self.shell.run_line_magic = _lenient(self.shell.run_line_magic)
        for name, value in _NUMPY_ALIASES.items():
            if name not in np.__dict__:
                setattr(np, name, value)
        np.__dict__.update(empty=_noisy(np.empty), empty_like=_noisy(np.empty_like))
        self.bound: dict[str, Callable[..., Any]] = {}
        self.sources: dict[int, str] = {}
        self.failed_imports = ""
        error = self.run_cell(-1, imports, ())
        if error is not None:
            raise RuntimeError(f"the import cell fails: {error['type']}: {error['message']}")
        _rehearse(self)

    def run_cell(self, index: int, source: str, binds: tuple[str, ...]) -> dict[str, Any] | None:
        """Run a cell and keep the functions it is to bind; return what went wrong, if anything did."""
        self.sources[index] = source
        self.shell.compile.cell = index
        namespace = self.shell.user_ns
        before = {name: namespace.pop(name, None) for name in binds}
        error = self._execute(source)
        if error is not None and any(name not in namespace for name in binds):
            self._recover(source)
        for name in binds:
            if callable(namespace.get(name)):
                self.bound[name] = namespace[name]
            elif before[name] is not None:
                namespace[name] = before[name]
        return None if error is None else self.describe(error)

    def _execute(self, source: str) -> BaseException | None:
        """Run a cell as IPython would, and return what it raised.

        A cell of definitions, imports and assignments only is Python as it stands: IPython would transform it into
        itself, which takes longer than everything else about it. Its compiler is used all the same, since it remembers
        ``from __future__`` lines of earlier cells.
        """
        source = source[len(_blank_lines(source)) :]  # as IPython does, for equal line numbers
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = None
        if tree is None or not all(isinstance(node, _PLAIN) for node in tree.body):
            try:
                result = self.shell.run_cell(source, store_history=False, silent=False)
            except BaseException as raised:  # noqa: BLE001  the shell itself, over a cell that no parser can take
                return raised
            error: BaseException | None = result.error_before_exec or result.error_in_exec
            return error
        try:
            exec(self.shell.compile(tree, self.shell.compile.name, "exec"), self.shell.user_ns)  # noqa: S102  its purpose
        except BaseException as raised:  # noqa: BLE001  whatever it is, it is the cell's
            return raised
        return None

    def _recover(self, source: str) -> None:
        """Run what can be run of a cell that failed before it bound its functions.

        A mounted drive that is not there, or a half-written line, must not take the function beside it away: run the
        cell's statements one by one, and of a cell that does not parse those of its functions that do.
        """
        try:
            tree = ast.parse(self.shell.transform_cell(source))
            parts = [ast.Module([node], []) for node in tree.body]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            parts = [part for text in _functions(source) if (part := _parse(text)) is not None]
        for part in parts:
            try:
                exec(self.shell.compile(part, self.shell.compile.name, "exec"), self.shell.user_ns)  # noqa: S102  running it is the point
            except Exception:  # noqa: BLE001, S112  this statement's loss; the next may still be good
                continue

    def call(self, name: str, arguments: tuple[Any, ...], helpers: dict[str, Callable[..., Any]]) -> Any:
        """Call a graded function, every graded name being what its own cell bound it to."""
        self.shell.user_ns.update(self.bound)
        self.shell.user_ns.update(helpers)
        return self.bound[name](*arguments)

    def describe(self, error: BaseException) -> dict[str, Any]:
        """Return what happened and where in the student's code, as plain data."""
        where: dict[str, Any] = {"type": wire.printable(type(error).__name__, 80), "message": _message(error)}
        if isinstance(error, SyntaxError):
            where |= {"cell": self.shell.compile.cell, "line": error.lineno or 0, "function": ""}
            return where
        for frame, line in traceback.walk_tb(error.__traceback__):
            cell = _cell_of(frame)
            if cell is not None and cell in self.sources:
                skipped = _blank_lines(self.sources[cell]).count("\n")  # see _execute
                where |= {"cell": cell, "line": line + skipped, "function": frame.f_code.co_name[:80]}
        return where


def _blank_lines(source: str) -> str:
    """Return the blank lines that a cell begins with."""
    found = re.match(r"(?:[ \t]*\n)*", source)
    return found[0] if found else ""


def _cell_of(frame: FrameType) -> int | None:
    code: CodeType = frame.f_code
    name = code.co_filename
    if name.startswith("<cell ") and name.endswith(">") and name[6:-1].lstrip("-").isdigit():
        return int(name[6:-1])
    return None


def _message(error: BaseException) -> str:
    try:
        return wire.printable(str(error), 300)
    except BaseException:  # noqa: BLE001  a __str__ of theirs
        return ""


def _functions(source: str) -> list[str]:
    """Return the text of each top-level function in a cell that does not parse as a whole."""
    found: list[list[str]] = []
    inside = False
    for line in source.splitlines():
        if line.startswith("def "):
            found.append([])
            inside = True
        elif line[:1].strip() and not line.startswith((")", "#")):
            inside = False
        if inside:
            found[-1].append(line)
    return ["\n".join(lines) + "\n" for lines in found]


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _noisy(allocate: Callable[..., Any]) -> Callable[..., Any]:
    """Return numpy's `empty` that never holds zeros by chance: no grade may hang on that."""

    def empty(*args: Any, **kwargs: Any) -> Any:
        array = allocate(*args, **kwargs)
        if array.dtype.kind in "iufc":
            array.fill(np.nan if array.dtype.kind in "fc" else np.iinfo(array.dtype).max)
        return array

    return empty


def _not_while_grading(line: str = "", cell: str = "") -> None:  # noqa: ARG001
    print("This magic does nothing while grading.")  # noqa: T201


def _lenient(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return IPython's own call of a line magic, made to pass over magics that cannot work here.

    A magic looks for the notebook's names so many frames above itself, and here is one more.
    """

    def run_line_magic(magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        if magic_name in {
            "matplotlib",
            "pylab",
            "load_ext",
            "reload_ext",
            "autoreload",
            "config",
            "tensorflow_version",
        }:
            return None
        return run(magic_name, line, _stack_depth + 1)

    return run_line_magic


# ---------------------------------------------------------------------------------------------------- the channel


class _Channel:
    """The guest's end of the channel."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._received = b""
        self.room = wire.ROOM_LEAST  # bytes of arrays that the host takes in one frame now

    def send(self, message: dict[str, Any], **values: Any) -> list[np.ndarray[Any, Any]]:
        frame, arrays = wire.pack_listed(message, (), room=self.room, **values)
        self._socket.sendall(frame)
        return arrays

    def receive(self) -> wire.Frame:
        header, body = wire.lengths(self._exactly(wire.PREFIX))
        return wire.unpack(self._exactly(header), self._exactly(body))

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            part = self._socket.recv(1 << 16)
            if not part:
                raise SystemExit(0)  # the host has gone or has had enough
            self._received += part
        data, self._received = self._received[:size], self._received[size:]
        return data


def serve(kernel: Kernel, descriptor: int) -> NoReturn:
    """Answer the host's requests until it closes the channel."""
    channel = _Channel(descriptor)
    channel.send({"ready": True})
    while True:
        request = channel.receive()
        message = request.message
        number = message["n"]
        if message["do"] == "cells":
            for cell in message["cells"]:
                error = kernel.run_cell(cell["index"], cell["source"], tuple(cell["binds"]))
                missing = [name for name in cell["binds"] if name not in kernel.bound]
                channel.send({"n": number, "cell": cell["index"], "error": error, "missing": missing})
        else:
            _answer_calls(kernel, channel, request)
        sys.stdout.flush()
        sys.stderr.flush()


_REHEARSAL = """
def rehearsal(x, parameters):
    import numpy as np

    W, b = parameters["W"], parameters["b"]
    a = np.zeros(x.shape)
    caches = []
    for t in range(x.shape[2]):
        z = np.exp(np.tanh(np.dot(W, x[:, :, t]) + b))
        a[:, :, t] = z / np.sum(z, axis=0, keepdims=True)
        caches.append((a[:, :, t], z, parameters))
    return a, (caches, helper(x, parameters=parameters))
"""


def _rehearse(kernel: Kernel) -> None:
    """Serve requests of the host's kind once, and forget them.

    What is imported late, cached, or specialised by the interpreter as it runs is then there in every guest.
    """
    case = np.ones((2, 3, 4)), {"W": np.eye(2), "b": np.zeros((2, 1))}
    cells = [
        {"index": 0, "source": _REHEARSAL, "binds": ["rehearsal"]},
        {"index": 1, "source": "rehearsal(1)", "binds": []},
    ]
    request = {"do": "call", "n": 1, "function": "rehearsal", "helper": "helper", "seeds": [], "room": 1 << 20}
    frames = [wire.pack({"do": "cells", "n": 1, "cells": cells})] * 3
    frames += [wire.pack(request, cases=[case]), wire.pack({}, value=case)] * 4  # a call, and the host's answer
    here, there = socket.socketpair()
    with here, contextlib.suppress(SystemExit):  # raised at the end of what there is to read
        here.sendall(b"".join(frames))
        here.shutdown(socket.SHUT_WR)
        serve(kernel, there.detach())
    for name in ("rehearsal", "helper"):
        kernel.shell.user_ns.pop(name, None)
    kernel.bound.clear()
    kernel.sources.clear()


def _answer_calls(kernel: Kernel, channel: _Channel, request: wire.Frame) -> None:
    """Call the function with each case's arguments, until it raises."""
    message = request.message
    channel.room = message["room"]
    for number, case in enumerate(request.value("cases"), message["n"]):
        arguments = tuple(np.random.default_rng(v) if k in message["seeds"] else v for k, v in enumerate(case))
        if not _answer_call(kernel, channel, message, number, arguments):
            break


def _answer_call(
    kernel: Kernel, channel: _Channel, message: dict[str, Any], number: int, arguments: tuple[Any, ...]
) -> bool:
    """Call the function once; return whether it returned."""
    helper = message["helper"]

    def ask_host(*args: Any, **kwargs: Any) -> Any:
        """Answer the student's call of the helper with what the host says."""
        sent = channel.send({"n": number, "asks": helper}, arguments=(args, kwargs))
        answer = channel.receive()
        if "refused" in answer.message:
            raise ValueError(answer.message["refused"])
        return _writable(answer.value("value", sent), sent)

    try:
        value = kernel.call(message["function"], _writable(arguments), {helper: ask_host} if helper else {})
    except BaseException as error:  # noqa: BLE001  whatever it is, it is this call's outcome
        _reserve.clear()  # if there was no memory left, there is some now to say so
        channel.send({"n": number, "raised": kernel.describe(error)})
        return False
    channel.send({"n": number}, value=value)
    return True


def _writable(value: Any, own: Sequence[np.ndarray[Any, Any]] = ()) -> Any:
    """Return the value with arrays that may be written to, each a fresh copy; but those of one's own as they are."""
    copies = {id(array): array for array in own}

    def walk(node: Any) -> Any:
        if isinstance(node, np.ndarray):
            if id(node) not in copies:
                copies[id(node)] = node.copy()
            return copies[id(node)]
        if isinstance(node, tuple):
            return tuple([walk(item) for item in node])
        if isinstance(node, list):
            return [walk(item) for item in node]
        if isinstance(node, dict):
            return {key: walk(item) for key, item in node.items()}
        return node

    return walk(value)
