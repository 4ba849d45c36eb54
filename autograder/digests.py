"""What decides the result of each exercise, as a digest: so that a change is known to touch these exercises, no others.

An exercise's digest covers its definition as it stands in memory (cases, checks, mistakes, names), its points, the
solutions that its reference runs, the exercise of its helper, and what all exercises share: the import cell, the
modules that a guest is given, the names by which answers are found. A function of the definition counts with the
statement that it stands in and with every statement whose names that one mentions, directly or through others, over all
files of the definition and the module that draws inputs. Comments and blank lines count nowhere.

Where this cannot be told, more is taken than needed, never less; see `autograder.statements`.
"""

import ast
import dataclasses
import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from autograder import assignments, draws
from autograder.course import MODULES, Course
from autograder.model import Assignment, Exercise
from autograder.source import SourceNotebook
from autograder.statements import Statements, bound_by

_PACKAGE = "autograder.assignments"


def of_exercises(
    course: Course, assignment: Assignment, notebook: SourceNotebook, modules: Mapping[str, bytes]
) -> tuple[tuple[str, str], ...]:
    """Return each exercise's id and digest, in the order of the notebook.

    Parameters
    ----------
    notebook : SourceNotebook
        The assignment's.
    modules : mapping of str to bytes
        The course's modules as a guest is given them.
    """
    definition = _Definition(assignments.files_of(course, assignment.name), course)
    shared = _digest(
        notebook.imports,
        *(f"{exercise.id} {exercise.function}" for exercise in assignment.exercises),
        *sorted(notebook.given_texts),
        *(f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in sorted(modules.items())),
    )
    own = {
        exercise.id: _digest(
            definition.fingerprint(exercise),
            *_solutions(exercise, notebook),
            repr(notebook.points[exercise.id]),
            notebook.places[exercise.id],
        )
        for exercise in assignment.exercises
    }
    by_function = {exercise.function: exercise for exercise in assignment.exercises}
    result = []
    for exercise in assignment.exercises:
        parts = [shared]
        known: Exercise | None = exercise
        while known is not None and own[known.id] not in parts:  # a helper may have one itself
            parts.append(own[known.id])
            known = by_function.get(known.helper or "")
        result.append((exercise.id, _digest(*parts)))
    return tuple(result)


def of_all(exercises: Iterable[tuple[str, str]]) -> str:
    """Return the digest of all that decides the grades of an assignment."""
    return _digest(*(f"{name} {digest}" for name, digest in exercises))


def _digest(*parts: str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest())  # no two lists alike
    return whole.hexdigest()


def _solutions(exercise: Exercise, notebook: SourceNotebook) -> Iterator[str]:
    """Yield the solution of an exercise, and those whose functions it calls, directly or through others."""
    read = {key: Statements(cell.source) for key, cell in notebook.solutions.items()}
    names = {name: key for key, statements in read.items() for name in statements.binds}
    waiting, seen = [exercise.id], set()
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting += [names[name] for name in read[key].uses if name in names]
    yield from (notebook.solutions[key].text for key in sorted(seen))


class _Part(NamedTuple):
    """A statement of a file; of one that only imports, perhaps a single name that it brings."""

    file: str
    number: int
    name: str = ""


class _UnknownError(Exception):
    """A value of which nobody can tell what it depends on."""


class _Definition:
    """The files of an assignment's definition, read as text beside what they have become in memory."""

    def __init__(self, paths: Iterable[Path], course: Course) -> None:
        files = {f"{_PACKAGE}.{path.stem}": str(path) for path in paths}
        files[str(draws.__name__)] = str(draws.__file__)
        self._course = course
        # what was executed counts: a definition of the course's own may use parts that stand beside this package's
        self._modules = {
            name: os.path.realpath(getattr(sys.modules.get(name), "__file__", None) or path)
            for name, path in files.items()
        }
        self._sources = {path: Path(path).read_text(encoding="utf-8") for path in self._modules.values()}
        self._read: dict[str, Statements] = {}

    def fingerprint(self, exercise: Exercise) -> str:
        """Return a text that differs where anything differs that the exercise is made of."""
        found: set[_Part] = set()
        try:
            value = self._value(exercise, found, ())
            needed = self._closure(found)
        except _UnknownError:
            return self._everything()
        return "\n".join([value, *sorted(map(self._text, needed))])

    def _everything(self) -> str:
        """Return all that a definition could depend on: its files, and the course's own modules."""
        paths = (path for package in MODULES for path in (self._course.root / package).rglob("*.py"))
        modules = [path.read_bytes() for path in sorted(paths) if path.is_file()]
        return repr([*sorted(self._sources.values()), *modules])

    # ------------------------------------------------------------------------------------------------- values

    def _value(self, value: Any, found: set[_Part], above: tuple[int, ...]) -> str:
        """Return a text for a value; the statements that its functions stand in are put into `found`."""
        if id(value) in above:
            return "<itself>"
        inside = (*above, id(value))
        whole: Callable[[Any], str] = functools.partial(self._value, found=found, above=inside)
        match value:
            case None | bool() | int() | float() | complex() | str() | bytes():
                return f"{type(value).__name__} {value!r}"
            case tuple() | list():
                return f"{type(value).__name__} [{', '.join(map(whole, value))}]"
            case set() | frozenset():
                return f"{type(value).__name__} {{{', '.join(sorted(map(whole, value)))}}}"
            case dict():
                return f"dict {{{', '.join(f'{whole(key)}: {whole(one)}' for key, one in value.items())}}}"
            case np.ndarray() | np.generic():
                return f"{value.dtype.str} {np.shape(value)} {hashlib.sha256(value.tobytes()).hexdigest()}"
            case functools.partial():
                return f"partial {whole((value.func, value.args, value.keywords))}"
            case FunctionType():
                return self._function(value, found, whole)
            case MethodType():
                return f"method {whole(value.__func__)} of {whole(value.__self__)}"
            case type() | BuiltinFunctionType() | np.ufunc():
                return self._named(value, found)
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return f"{self._named(type(value), found)} {whole(fields)}"
        raise _UnknownError

    def _function(self, function: FunctionType, found: set[_Part], whole: Callable[[Any], str]) -> str:
        file = os.path.realpath(function.__code__.co_filename)
        if file not in self._sources:
            return self._named(function, found)
        statements = self._statements(file)
        number = statements.at(function.__code__.co_firstlineno)
        if number is None:
            raise _UnknownError
        found.add(_Part(file, number))
        try:
            closed = [cell.cell_contents for cell in function.__closure__ or ()]
        except ValueError as error:  # not yet bound, or no longer
            raise _UnknownError from error
        own = whole((function.__defaults__, function.__kwdefaults__, closed))
        # which of the functions that stand in this statement; those of one line are told apart by what they mention
        line = function.__code__.co_firstlineno
        which = [place for place, begins in enumerate(statements.all[number].functions) if begins == line]
        return f"function {function.__code__.co_name} {which} {function.__code__.co_names} {own}"

    def _named(self, value: Any, found: set[_Part]) -> str:
        """Return a text for what is known by its name: it belongs to numpy, to Python or to the grader, or is ours."""
        module, name = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", None) or ""
        top = name.split(".")[0]
        if module in self._modules:
            file = self._modules[module]
            if top not in self._statements(file).binds:
                raise _UnknownError
            found.update(self._binding(file, top))
        elif module.split(".")[0] in MODULES or not name:
            raise _UnknownError
        return f"{module}.{name}"

    # --------------------------------------------------------------------------------------------- statements

    def _statements(self, file: str) -> Statements:
        if file not in self._read:
            self._read[file] = Statements(self._sources[file])
        return self._read[file]

    def _closure(self, start: Iterable[_Part]) -> set[_Part]:
        """Return these parts and all that they depend on, and what does something in any of the files."""
        seen: set[_Part] = set()
        waiting = [*start, *(_Part(file, number) for file in self._sources for number in self._statements(file).always)]
        while waiting:
            part = waiting.pop()
            if part not in seen:
                seen.add(part)
                waiting += self._needed(part)
        return seen

    def _needed(self, part: _Part) -> Iterator[_Part]:
        """Yield what a part depends on directly."""
        statement = self._statements(part.file).all[part.number]
        for node in statement.imports:
            for alias in node.names:
                if not part.name or part.name == bound_by(alias):
                    yield from self._imported(node, alias.name)
        if not part.name:
            for name in statement.uses:
                yield from self._binding(part.file, name)

    def _binding(self, file: str, name: str) -> Iterator[_Part]:
        """Yield what gives a name of a file its value; nothing for a name of Python's, or of a function's own."""
        statements = self._statements(file)
        for number in statements.binds.get(name, ()):
            # of an import that brings many names, only this one
            yield _Part(file, number, name if statements.all[number].only_imports else "")

    def _imported(self, node: ast.Import | ast.ImportFrom, name: str) -> Iterator[_Part]:
        if isinstance(node, ast.Import):
            yield from self._module(name)
            return
        if node.level > 1:
            raise _UnknownError
        module = f"{_PACKAGE}.{node.module or ''}".rstrip(".") if node.level else node.module or ""
        file = self._modules.get(module)
        if file is not None and name in self._statements(file).binds:
            yield from self._binding(file, name)
        else:
            yield from self._module(module)
            yield from self._module(f"{module}.{name}")

    def _module(self, name: str) -> Iterator[_Part]:
        """Yield all of a module of ours; what is the course's own is beyond what is looked at here."""
        if name.split(".", maxsplit=1)[0] in MODULES:
            raise _UnknownError
        if name in self._modules:
            file = self._modules[name]
            yield from (_Part(file, number) for number in range(len(self._statements(file).all)))

    def _text(self, part: _Part) -> str:
        statement = self._statements(part.file).all[part.number]
        if not part.name:
            return statement.text
        origins = [
            f"{getattr(node, 'level', '')} {getattr(node, 'module', '')} {alias.name}"
            for node in statement.imports
            for alias in node.names
            if bound_by(alias) == part.name
        ]
        return f"{part.name} is {origins}"
