"""The untrusted end: runs a student's cells in IPython's shell and answers calls with plain data.

Everything in this process is in the student's hands, this module included. It is written to be right for honest
students and helpful about their errors; nothing that it says is believed beyond being data.
"""

import ast
import builtins
import contextlib
import functools
import inspect
import os
import re
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from types import CodeType, FrameType, FunctionType
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

_FAULTS = 5  # exceptions of one cell that are told
_FAILING_STATEMENTS = 50  # of one cell, before what is left of it is given up

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
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
        write_file = _anywhere(self.shell.find_cell_magic("writefile"))
        for magic in ("writefile", "file"):
            self.shell.register_magic_function(write_file, "cell", magic)
        self.shell.run_line_magic = _lenient(self.shell.run_line_magic)
        for name, value in _NUMPY_ALIASES.items():
            if name not in np.__dict__:
                setattr(np, name, value)
        np.__dict__.update(empty=_noisy(np.empty), empty_like=_noisy(np.empty_like))
        self.bound: dict[str, Callable[..., Any]] = {}  # as graded cells have bound them
        self.standing: dict[str, Any] = {}  # what stands under their names
        self.answering: dict[str, Callable[..., Any]] = {}  # helpers that the host answers for, during a call
        self.helpers: Sequence[str] = ()  # graded functions that others call
        self.called = False  # whether one of them was, during a call
        self.sources: dict[int, str] = {}
        self.given: dict[str, Any] = {}
        before = set(self.shell.user_ns)
        errors = self.run_cell(-1, imports, ())
        if errors:
            raise RuntimeError(f"the import cell fails: {errors[0]['type']}: {errors[0]['message']}")
        self.given = {name: value for name, value in self.shell.user_ns.items() if name not in before}
        _rehearse(self)
        sys.path.insert(1, "")  # modules that cells write are imported from the guest's folder, but never the course's
        sys.dont_write_bytecode = True  # a module written again within a second is taken for the one compiled before

    def run_cell(
        self,
        index: int,
        source: str,
        binds: tuple[str, ...],
        *,
        restores: bool = False,
        cut: bool = False,
    ) -> list[dict[str, Any]]:
        """Run a cell and keep the functions it is to bind; return what went wrong, statement by statement.

        Parameters
        ----------
        restores : bool
            Whether it is the given import cell, which has been run long ago: given names get their values back.
        cut : bool
            Whether only its definitions are run: the whole of it has killed a guest.
        """
        namespace = self.shell.user_ns
        if restores:
            namespace.update(self.given)
            return []
        self.sources[index] = source
        self.shell.compile.cell = index
        with contextlib.suppress(
            OSError
        ):  # what is remembered of the folder is older than what cells have written there
            sys.path_importer_cache.pop(os.getcwd(), None)  # noqa: PTH109  once a cell: the short way
        before = {name: namespace.pop(name, None) for name in binds}
        errors = self._execute(source, cut=cut)
        for name in binds:
            if callable(namespace.get(name)):
                self.bound[name] = namespace[name]
                self.standing[name] = self._standing_for(name) if name in self.helpers else self.bound[name]
                namespace[name] = self.standing[name]
            elif before[name] is not None:
                namespace[name] = before[name]
        return [self.describe(error) for error in errors[:_FAULTS]]

    def _standing_for(self, name: str) -> Any:
        """Return what stands under a helper's name: a function that calls the student's, or asks the host instead.

        Default values, aliases, dictionaries and static methods that are made of the name hold it as well. What is no
        plain function (an object that can be called) stands for itself.
        """
        own = self.bound[name]
        if not isinstance(own, FunctionType):
            return own

        @functools.wraps(own)
        def helper(*args: Any, **kwargs: Any) -> Any:
            self.called = True
            return self.answering.get(name, self.bound.get(name, own))(*args, **kwargs)

        return helper

    def _execute(self, source: str, *, cut: bool) -> list[BaseException]:
        """Run a cell as IPython would, going on behind a statement that fails; return what was raised.

        A cell of definitions, imports and assignments only is Python as it stands: IPython would transform it into
        itself, which takes longer than everything else about it. Its compiler is used all the same, since it remembers
        ``from __future__`` lines of earlier cells.
        """
        source = source[len(_blank_lines(source)) :]  # as IPython does, for equal line numbers
        tree = _parse(source)
        if tree is not None and cut:
            return self._run(_definitions(tree))
        if tree is not None and all(isinstance(node, _PLAIN) for node in tree.body):
            return self._run(tree.body)
        errors: list[BaseException] = []
        if not cut:
            try:
                result = self.shell.run_cell(source, store_history=False, silent=False)
            except BaseException as raised:  # noqa: BLE001  the shell itself, over a cell that no parser can take
                errors.append(raised)
            else:
                failed = result.error_before_exec or result.error_in_exec
                errors += [failed] if failed is not None else []
            if not errors:
                return []
        return [*errors, *self._rest(source, errors, cut=cut)]

    def _rest(self, source: str, errors: Sequence[BaseException], *, cut: bool) -> list[BaseException]:
        """Run what stands behind the statement of a cell that failed; of one that does not parse, its functions."""
        try:
            tree = _parse(self.shell.transform_cell(source))
        except BaseException:  # noqa: BLE001  what IPython itself cannot take apart
            tree = None
        if tree is None:
            for text in _functions(source):
                part = _parse(text)
                self._run(part.body if part is not None else [])
            return []
        if cut:
            return self._run(_definitions(tree))
        failed = self._failed(errors[-1], tree.body)
        return self._run(tree.body[failed + 1 :]) if failed is not None else []

    def _run(self, nodes: Sequence[ast.stmt]) -> list[BaseException]:
        """Execute statements, going on behind each that fails; return what was raised."""
        errors: list[BaseException] = []
        left = list(nodes)
        while left and len(errors) < _FAILING_STATEMENTS:
            try:
                exec(self.shell.compile(ast.Module(left, []), self.shell.compile.name, "exec"), self.shell.user_ns)  # noqa: S102  its purpose
            except BaseException as raised:  # noqa: BLE001  whatever it is, it is the cell's
                errors.append(raised)
                failed = self._failed(raised, left)
                left = left[failed + 1 :] if failed is not None else []
            else:
                break
        return errors

    def _failed(self, error: BaseException, nodes: Sequence[ast.stmt]) -> int | None:
        """Return which of a cell's statements an exception comes from; None where that cannot be told."""
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename == self.shell.compile.name and frame.f_code.co_name == "<module>":
                begun = [place for place, node in enumerate(nodes) if _first_line(node) <= line]
                return begun[-1] if begun else None
        return None

    def call(self, name: str, arguments: tuple[Any, ...], answering: dict[str, Callable[..., Any]]) -> Any:
        """Call a graded function, every graded name being what its own cell bound it to.

        Given names that are missing are there again; what a student has bound to them is the student's.
        """
        namespace = self.shell.user_ns
        for given, value in self.given.items():
            namespace.setdefault(given, value)
        namespace.update(self.standing)
        for helper, answer in answering.items():
            if not isinstance(self.bound.get(helper), FunctionType):
                namespace[helper] = answer  # nothing stands for it
        self.answering = answering
        # what is called by nobody that stands for it is called unseen
        self.called = any(not isinstance(self.bound[h], FunctionType) for h in self.helpers if h in self.bound)
        try:
            return self.bound[name](*arguments)
        finally:
            self.answering = {}

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


def _definitions(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements of a cell that define or import something, and the assignments above all others.

    An assignment below a statement that does something may be what that has come to.
    """
    kept: list[ast.stmt] = []
    is_above = True
    for node in tree.body:
        is_definition = isinstance(node, _DEFINITIONS)
        if is_definition or (is_above and isinstance(node, ast.Assign | ast.AnnAssign) and not _calls(node)):
            kept.append(node)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # a comment as a text
            is_above = False
    return kept


def _calls(node: ast.stmt) -> bool:
    """Return whether a statement may take long: it calls something, or goes through something."""
    return any(isinstance(inner, ast.Call | ast.ListComp | ast.SetComp | ast.DictComp) for inner in ast.walk(node))


def _first_line(node: ast.stmt) -> int:
    """Return the line in which a statement begins, with its decorators."""
    lines: list[int] = [node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))]
    return min(lines)


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


def _anywhere(write_file: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """Return IPython's ``%%writefile``, which makes the folder that it writes to, or writes to the guest's own."""

    def writefile(line: str, cell: str) -> None:
        *options, path = line.split() or [""]
        folder, name = os.path.split(path.strip("\"'"))
        try:
            os.makedirs(folder or ".", exist_ok=True)  # noqa: PTH103  what stands there is the student's
        except OSError:  # such as Colab's /content
            path = name
        write_file(" ".join([*options, path]), cell)

    return writefile


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
            kernel.helpers = message["helpers"]
            for cell in message["cells"]:
                errors = kernel.run_cell(
                    cell["index"],
                    cell["source"],
                    tuple(cell["binds"]),
                    restores=cell["restores"],
                    cut=cell["cut"],
                )
                missing = [name for name in cell["binds"] if name not in kernel.bound]
                more = errors[1:]
                error = errors[0] if errors else None
                told = {"n": number, "cell": cell["index"], "error": error, "missing": missing}
                channel.send(told | {"more": more} if more else told)
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
        {"index": index, "source": source, "binds": binds, "restores": False, "cut": False}
        for index, source, binds in (
            (0, "def helper(x, parameters): pass", ["helper"]),
            (1, _REHEARSAL, ["rehearsal"]),
            (2, "rehearsal(1)", []),
        )
    ]
    request = {"do": "call", "n": 1, "function": "rehearsal", "helper": "helper", "takes": 2, "seeds": [], "room": 9999}
    frames = [wire.pack({"do": "cells", "n": 1, "helpers": ["helper"], "cells": cells})] * 3
    frames += [wire.pack(request, cases=[case]), wire.pack({}, value=case)] * 4  # a call, and the host's answer
    here, there = socket.socketpair()
    with here, contextlib.suppress(SystemExit):  # raised at the end of what there is to read
        here.sendall(b"".join(frames))
        here.shutdown(socket.SHUT_WR)
        serve(kernel, there.detach())
    for name in ("rehearsal", "helper"):
        kernel.shell.user_ns.pop(name, None)
    kernel.bound.clear()
    kernel.standing.clear()
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
        asked = _in_order(kernel.bound.get(helper), args, kwargs, message["takes"])
        sent = channel.send({"n": number, "asks": helper}, arguments=asked)
        answer = channel.receive()
        if "refused" in answer.message:
            raise ValueError(answer.message["refused"])
        return _writable(answer.value("value", sent), sent)

    try:
        value = kernel.call(message["function"], _writable(arguments), {helper: ask_host} if helper else {})
    except BaseException as error:  # noqa: BLE001  whatever it is, it is this call's outcome
        _reserve.clear()  # if there was no memory left, there is some now to say so
        channel.send({"n": number, "raised": kernel.describe(error), "helped": kernel.called})
        return False
    channel.send({"n": number, "helped": kernel.called}, value=value)
    return True


def _in_order(
    own: Any, args: tuple[Any, ...], kwargs: dict[str, Any], takes: int
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a call of the helper in the order of the student's own parameters, whatever these are called.

    Parameters
    ----------
    own : callable or None
        The student's helper.
    takes : int
        How many arguments the host's takes: what comes after them is the student's addition, and dropped.
    """
    if takes and callable(own):
        with contextlib.suppress(TypeError, ValueError):
            signature = inspect.signature(own)
            bound = signature.bind(*args, **kwargs)
            if len(bound.args) >= takes and not any(p.kind in _VARIABLE for p in signature.parameters.values()):
                return bound.args[:takes], {}
    return args, kwargs


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
