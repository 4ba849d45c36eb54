"""Decide whether nbgrader's own commands would run students' code outside the sandbox, and write what prevents it.

nbgrader does to a notebook what the lists of preprocessors in its configuration say. Without ours in these lists,
``nbgrader autograde`` runs a submission in an ordinary kernel, from which it can write to the gradebook.
"""

import ast
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from autograder import nbgrader_settings, placing
from autograder.errors import UsageError
from autograder.nbgrader_settings import CONFIG, Settings, converter, step

_SANDBOX = "autograder.plugin.GradeInSandbox"
_FEEDBACK = "autograder.plugin.SaveFeedback"
_RESTORE = "autograder.plugin.RestoreCells"
_BLANK, _SHIP, _REFUSE = (
    f"autograder.release_steps.{name}" for name in ("BlankSolutions", "ShipCompanions", "RefuseLeaks")
)
_EXECUTE = "nbgrader.preprocessors.Execute"
_SAVE = "nbgrader.preprocessors.SaveAutoGrades"


def _nbgraders(*names: str) -> list[str]:
    return [f"nbgrader.preprocessors.{name}" for name in names]


_RELEASE_BEFORE = _nbgraders("IncludeHeaderFooter", "InstantiateTests", "LockCells")
_RELEASE_AFTER = _nbgraders(
    "ClearOutput", "CheckCellMetadata", "ComputeChecksums", "SaveCells", "ClearHiddenTests", "ClearMarkScheme",
    "ComputeChecksums", "CheckCellMetadata",
)  # fmt: skip
_SANITIZE = _nbgraders("ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata")


class Kind(Enum):
    """What is at stake."""

    KERNEL = "students' code would run outside the sandbox, or count as right unseen"
    LEAK = "a release would not be checked for leaks"
    PART = "something would not be done"


@dataclass(frozen=True)
class Finding:
    """Something in the configuration that should not be as it is.

    Attributes
    ----------
    trait : _List or None
        The list to be written anew; None where that does not help.
    text : str
        Where it stands, by name and line, and what would happen.
    """

    kind: Kind
    trait: "_List | None"
    text: str


@dataclass(frozen=True)
class _List:
    """A list of preprocessors in nbgrader's configuration.

    Attributes
    ----------
    command : str
        Of nbgrader's, which runs them.
    default : tuple of str
        What nbgrader does where nothing is configured.
    ours : tuple of str
        What it is to do where nothing is configured.
    mended : callable
        From a list that is configured to one with our steps in it.
    """

    command: str
    section: str
    name: str
    default: tuple[str, ...]
    ours: tuple[str, ...]
    mended: Callable[[Sequence[str]], list[str]]

    @property
    def title(self) -> str:
        return f"c.{self.section}.{self.name}"

    def lines(self, names: Sequence[str]) -> str:
        """Return the statement that sets it."""
        return "\n".join([f"{self.title} = [", *(f'    "{name}",' for name in names), "]"])


def _mended_grading(names: Sequence[str]) -> list[str]:
    kept = [name for name in names if name not in (_SANDBOX, _FEEDBACK)]
    saves = next((place for place, name in enumerate(kept) if name.endswith(".SaveAutoGrades")), None)
    if saves is None:
        return [_SANDBOX, *kept, _SAVE, _FEEDBACK]
    return [_SANDBOX, *kept[: saves + 1], _FEEDBACK, *kept[saves + 1 :]]


def _mended_sanitizing(names: Sequence[str]) -> list[str]:
    return [_RESTORE, *(name for name in names if name != _RESTORE)]


def _mended_release(names: Sequence[str]) -> list[str]:
    kept = [_BLANK if name.endswith(".ClearSolutions") else name for name in names if name not in (_SHIP, _REFUSE)]
    kept = [name for place, name in enumerate(kept) if name != _BLANK or place == kept.index(_BLANK)]
    if _BLANK not in kept:
        locks = next((place for place, name in enumerate(kept) if name.endswith(".LockCells")), -1)
        kept.insert(locks + 1, _BLANK)
    return [*kept, _SHIP, _REFUSE]


_SANITIZING = _List(
    "autograde", "Autograde", "sanitize_preprocessors", tuple(_SANITIZE), (_RESTORE, *_SANITIZE), _mended_sanitizing
)
_GRADING = _List(
    "autograde",
    "Autograde",
    "autograde_preprocessors",
    (
        *_nbgraders("Execute", "IgnorePattern"),
        "nbconvert.preprocessors.ClearMetadataPreprocessor",
        *_nbgraders("LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata"),
    ),
    (
        _SANDBOX, *_nbgraders("LimitOutput", "SaveAutoGrades"), _FEEDBACK,
        *_nbgraders("AssignLatePenalties", "CheckCellMetadata"),
    ),
    _mended_grading,
)  # fmt: skip
_RELEASING = _List(
    "generate_assignment",
    "GenerateAssignment",
    "preprocessors",
    (*_RELEASE_BEFORE, *_nbgraders("ClearSolutions"), *_RELEASE_AFTER),
    (*_RELEASE_BEFORE, _BLANK, *_RELEASE_AFTER, _SHIP, _REFUSE),
    _mended_release,
)
_FEEDBACKS = ("nbgrader.preprocessors.GetGrades", "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor")
_TELLING = _List("generate_feedback", "GenerateFeedback", "preprocessors", _FEEDBACKS, _FEEDBACKS, list)

LISTS = (_RELEASING, _SANITIZING, _GRADING, _TELLING)

# Where a preprocessor's settings stand: what is above the sections of its own.
_SECTIONS = ("Configurable", "LoggingConfigurable", "NbConvertBase", "Preprocessor")
_SECTIONS_OF_NBGRADER = (*_SECTIONS, "NbGraderPreprocessor")
_SECTIONS_OF_NBCONVERTS_EXECUTE = (*_SECTIONS[:2], "NotebookClient", *_SECTIONS[2:], "ExecutePreprocessor")


@dataclass(frozen=True)
class _Step:
    """An entry of a list.

    Attributes
    ----------
    name : str
        Its dotted name; empty where it has none by which it could be imported.
    kinds : frozenset of str
        The dotted names of its class and those that it is derived from, as far as known.
    sections : tuple of str
        Where its own settings stand.
    """

    name: str
    shown: str
    kinds: frozenset[str]
    sections: tuple[str, ...]
    enabled_by_default: bool = True

    @property
    def executes(self) -> bool:
        return any(kind.rpartition(".")[2] in {"Execute", "ExecutePreprocessor"} for kind in self.kinds)

    def is_on(self, settings: Settings, of: str) -> bool:
        """Return whether it is done at all: each can be switched off."""
        value = settings.value(step(self.sections, of), "enabled")
        return bool(self.enabled_by_default if value is None else value)


@dataclass(frozen=True)
class Examination:
    """What nbgrader's commands would do in a course that they should not, the worst first."""

    settings: Settings
    findings: tuple[Finding, ...]

    def of(self, *kinds: Kind) -> list[Finding]:
        """Return the findings of these kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    def mending(self, *kinds: Kind) -> list[str]:
        """Return the statements that mend the findings of these kinds, at the end of ``nbgrader_config.py``.

        Raises
        ------
        UsageError
            If a list has an entry that cannot be written down again.
        """
        statements = []
        for one in LISTS:
            if any(finding.trait is one for finding in self.of(*kinds)):
                statements.append(one.lines(_mended(self.settings, one)))
                statements += _switches(self.settings, one)
        return statements


def examine(root: Path, course_file: bytes | None = None) -> Examination:
    """Examine the configuration of nbgrader's commands in a course.

    Parameters
    ----------
    course_file : bytes, optional
        What would stand in its ``nbgrader_config.py``, instead of what stands there.
    """
    settings = nbgrader_settings.load(root, course_file)
    found = [finding for one in LISTS for finding in _examine(settings, one)]
    broken = next((file for file in settings.files if file.error and file.path.parent == root), None)
    if broken is not None and any(finding.kind is Kind.KERNEL for finding in found):
        where = f"{settings.shown(broken.path)}{f':{broken.line}' if broken.line else ''}"
        text = (
            f"{where}: it raises {_first_line(broken.error)}. nbgrader goes on without a file that raises: `nbgrader "
            "autograde` and the formgrader would run students' code in an ordinary kernel, which can write to the "
            "gradebook and read this course. Mend that line."
        )
        return Examination(settings, (Finding(Kind.KERNEL, None, text),))
    order = list(Kind)
    return Examination(settings, tuple(sorted(found, key=lambda finding: order.index(finding.kind))))


def _examine(settings: Settings, one: _List) -> Iterator[Finding]:
    """Yield what is wrong with one list."""
    value = settings.value(converter(one.section), one.name)
    place = settings.place(converter(one.section), one.name) if value is not None else ""
    where = f"{place or CONFIG}: {one.title}"
    has = "has" if value is not None else "is not set, and nbgrader's default has"
    steps = _steps(settings, one)
    if steps is None:
        yield Finding(Kind.PART, one, f"{where} is no list, and nbgrader refuses it.")
        return
    on = [entry for entry in steps if entry.is_on(settings, one.section)]
    running = next((entry for entry in on if entry.executes), None)
    if running is not None and one is not _RELEASING:  # there, what runs is the instructor's own
        yield Finding(
            Kind.KERNEL,
            one,
            f"{where} {has} {running.shown}: `nbgrader {one.command}` and the formgrader would run students' code in "
            "an ordinary kernel, which can write to the gradebook and read this course.",
        )
    missing = [name for name in one.ours if name.startswith("autograder.") and not _is_there(name, on)]
    if one is _RELEASING and not missing and _REFUSE not in on[-1].kinds:
        missing, has = [_REFUSE], f"{has} as its last step"
    if not missing or (one is _GRADING and running is not None):
        return
    switched_off = next((entry for entry in steps if missing[0] in entry.kinds and entry not in on), None)
    if switched_off is not None:
        place = settings.place(step(switched_off.sections, one.section), "enabled")
        lacks = f"{place}: c.{missing[0].rpartition('.')[2]} is switched off, which stands in {one.title}"
    else:
        lacks = f"{where} {has} no {', '.join(missing)}"
    kind, what = _CONSEQUENCES[missing[0] if missing[0] in _CONSEQUENCES else _REFUSE]
    yield Finding(kind, one, f"{lacks}: `nbgrader {one.command}` and the formgrader would {what}.")


def _is_there(name: str, on: Sequence[_Step]) -> bool:
    return any(name in entry.kinds for entry in on)


_CONSEQUENCES = {
    _SANDBOX: (Kind.KERNEL, "test nothing, and give every answer full points"),
    _FEEDBACK: (Kind.PART, "save no comments"),
    _RESTORE: (Kind.PART, "pass over answers in notebooks that have lost their metadata, as Colab's have"),
    _REFUSE: (Kind.LEAK, "release without looking for pieces of the solution"),
}


def _steps(settings: Settings, one: _List) -> list[_Step] | None:
    """Return the entries of a list, nbgrader's own where nothing is configured; None where it is no list."""
    value = settings.value(converter(one.section), one.name)
    if hasattr(value, "get_value"):  # `append` and its kin, on nbgrader's own list
        value = value.get_value(list(one.default))
    value = list(one.default) if value is None else value
    return [_step(entry, settings.root) for entry in value] if isinstance(value, list | tuple) else None


def _step(entry: Any, root: Path) -> _Step:
    if isinstance(entry, str):
        return _named(entry, root)
    kind = entry if isinstance(entry, type) else type(entry)
    if not hasattr(kind, "section_names"):  # a function: what it does cannot be told
        return _Step("", repr(entry), frozenset(), _SECTIONS)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__ not in sys.modules or kind.__module__ == "builtins" or not isinstance(entry, type):
        name = ""  # of the configuration's own file, or made there
    of_its_own: Any = kind  # a preprocessor, with traits
    default = of_its_own.class_traits().get("enabled")
    return _Step(
        name,
        name or kind.__qualname__,
        frozenset(f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__),
        tuple(of_its_own.section_names()),
        bool(default.default_value) if default is not None else True,
    )


def _named(name: str, root: Path) -> _Step:
    """Return what is known of a preprocessor by its name, without importing it."""
    kinds = frozenset(_kinds(name, [root, *map(Path, sys.path)]))
    own = name.rpartition(".")[2]
    if any(kind.startswith("nbgrader.") and kind.endswith(".Execute") for kind in kinds):
        sections: tuple[str, ...] = (*_SECTIONS_OF_NBCONVERTS_EXECUTE, "NbGraderPreprocessor", "Execute", own)
    elif any(kind.endswith(".ExecutePreprocessor") for kind in kinds):
        sections = (*_SECTIONS_OF_NBCONVERTS_EXECUTE, own)
    else:
        # whether an unknown class derives from nbgrader's or from nbconvert's makes no difference to what is found
        sections = (*_SECTIONS_OF_NBGRADER, *(kind.rpartition(".")[2] for kind in kinds), own)
    is_of_nbconvert = name.startswith("nbconvert.") and name.endswith(".ExecutePreprocessor")
    return _Step(name, name, kinds, tuple(dict.fromkeys(sections)), enabled_by_default=not is_of_nbconvert)


def _kinds(name: str, folders: Sequence[Path], depth: int = 8) -> Iterator[str]:
    """Yield the dotted names of a class and of those that it is derived from, read from its source."""
    yield name
    module, _, own = name.rpartition(".")
    if depth == 0 or name.startswith(("nbgrader.", "nbconvert.", "autograder.")) or not module:
        return
    tree = _tree(module, folders)
    if tree is None:
        return
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(origin), names=names):
                aliases |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in names}
            case ast.Import(names=names):
                aliases |= {alias.asname: alias.name for alias in names if alias.asname}
    if own in aliases:
        yield from _kinds(aliases[own], folders, depth - 1)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == own:
            for base in node.bases:
                first, dot, rest = ast.unparse(base).partition(".")
                full = aliases.get(first, first if dot else f"{module}.{first}") + dot + rest
                yield from _kinds(full, folders, depth - 1)


def _tree(module: str, folders: Sequence[Path]) -> ast.Module | None:
    for folder in folders:
        path = folder.joinpath(*module.split("."))
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            try:
                return ast.parse(file.read_bytes())
            except OSError:
                continue
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
    return None


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0].rstrip(".")


# ------------------------------------------------------------------------------------------------------------- mending

_BEGIN = "# >>> written by autograder: nbgrader's own commands grade in the sandbox, and release without leaks >>>"
_END = "# <<< written by autograder <<<"


@dataclass(frozen=True)
class Fixed:
    """What was written to a course's configuration.

    Attributes
    ----------
    titles : tuple of str
        The settings that were written; none where nothing was to be done.
    """

    path: Path
    titles: tuple[str, ...] = ()


def _mended(settings: Settings, one: _List) -> list[str]:
    """Return a list with our steps in it, and without those that run students' code."""
    if settings.value(converter(one.section), one.name) is None:
        return list(one.ours)
    steps = _steps(settings, one)
    if steps is None:
        return list(one.ours)
    nameless = next((entry for entry in steps if not entry.name and not entry.executes), None)
    if nameless is not None:
        place = settings.place(converter(one.section), one.name)
        raise UsageError(
            f"{place}: {one.title} has {nameless.shown}, which has no name under which it could be written again. "
            f"Write {', '.join(name for name in one.ours if name.startswith('autograder.'))} into that list yourself, "
            "and take out what runs students' code."
        )
    return one.mended([entry.name for entry in steps if not entry.executes])


def _switches(settings: Settings, one: _List) -> list[str]:
    """Return statements for those of our steps that are switched off."""
    own = [_named(name, settings.root) for name in one.ours if name.startswith("autograder.")]
    off = [entry.name.rpartition(".")[2] for entry in own if not entry.is_on(settings, one.section)]
    return [f"c.{name}.enabled = True" for name in off]


def fix(root: Path) -> Fixed:
    """Write into a course's ``nbgrader_config.py`` what makes nbgrader grade in the sandbox and release without leaks.

    What is there stays; the lines stand in a block of their own at the end.

    Raises
    ------
    UsageError
        If that does not help, or the file cannot be written. Nothing is changed then.
    """
    path = (root / CONFIG).resolve()
    before = examine(root)
    if not before.findings:
        return Fixed(path)
    if any(finding.trait is None for finding in before.findings):
        raise UsageError(f"{before.findings[0].text} Until then, no line can be added that nbgrader would read.")
    try:
        content = _without_block(path.read_bytes())
        statements = examine(root, content).mending(*Kind)
        end = b"\r\n" if b"\r\n" in content else b"\n"
        block = "\n".join([_BEGIN, "c = get_config()  # noqa: F821", *statements, _END, ""]).encode()
        fresh = b"".join([content.rstrip(), (end * 2) * bool(content.strip()), block.replace(b"\n", end)])
        left = examine(root, fresh).findings
        if left:
            raise UsageError(
                f"{CONFIG} cannot be mended by lines at its end. {left[0].text} Change it where it stands."
            )
        with placing.scratch(path.parent) as folder:
            (folder / CONFIG).write_bytes(fresh)
            shutil.copymode(path, folder / CONFIG)
            (folder / CONFIG).replace(path)
    except OSError as error:
        raise UsageError(f"{path} could not be written: {error}. Is the folder writable?") from error
    return Fixed(path, tuple(statement.partition(" =")[0] for statement in statements))


def _without_block(content: bytes) -> bytes:
    """Return a file without what was written to it before."""
    before, begin, rest = content.partition(_BEGIN.encode())
    _, end, after = rest.partition(_END.encode())
    return before.rstrip() + b"\n" * bool(before.strip()) + after.lstrip() if begin and end else content
