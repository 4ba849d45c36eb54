"""Imports point one way, and what runs beside student code sees nothing of ours that it need not.

Read with Python's own parser over the real tree: a rule that is broken anywhere is told with file and line.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "autograder"

# From the top down: a module imports only from layers below its own. A new module is given its place here.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("cli.*",),
    ("cli.options",),
    ("watch",),
    ("auditing", "coordinate", "demo", "doctor", "inspection", "new", "plugin", "reporting"),
    ("audit", "demo.*", "workplace"),
    ("cluster.executor",),
    ("cluster.crew",),
    ("cluster.serving",),
    ("cluster.shipment",),
    ("audit.work", "demo.members"),
    ("audit.exam", "recording", "gradescope_zip", "release", "run"),
    ("exporting", "gradebook_batches", "rendering", "results"),
    ("late",),
    ("gradebook_comparison",),
    ("gradebook", "grade", "nbgrader_folders", "release_steps", "reports.class_page", "reports.table"),
    ("marking",),
    ("audit.equivalence", "audit.findings", "audit.mutants", "hidden_tests", "schedule"),
    ("audit.operators", "audit.shapes", "reports.formats"),
    ("audit.field", "reports.canvas", "reports.github", "reports.gradescope", "reports.jsonl", "reports.junit",
     "reports.moodle"),
    ("loading", "reports.changes", "reports.spreadsheet"),
    ("digests",),
    ("answers", "arrivals", "assignments", "autograded", "blanking", "diagnose", "explain", "feedback",
     "gradebook_access", "helping", "intake", "needed", "reference", "release_folder", "reports.class_statistics",
     "reports.json_report", "reports.page", "reports.scores", "secret"),
    ("intake.tree",),
    ("intake.clones", "intake.downloads", "intake.leftover", "switches"),
    ("intake.files", "intake.platforms", "judging"),
    ("assignments.*", "compare", "failures", "intake.submitted", "leaks", "reports.explanation", "reports.roster",
     "sandbox.probe", "source", "valid_notebook"),
    ("assignments.backpropagation_through_time_lstm_mistakes", "assignments.backpropagation_through_time_rnn_mistakes",
     "assignments.lstm_step_by_step_mistakes", "assignments.types_of_rnn_mistakes",
     "assignments.types_of_rnn_sampling",  # what an assignment's own file is too short for
     "cell_text", "intake.archive", "reports.markup", "sandbox.session"),
    ("notebook", "pools", "reports.audit_status", "reports.export", "reports.progress", "reports.text",
     "sandbox.client", "shipped", "skeleton", "solutions"),
    ("course", "expressions", "nbgrader_steps", "regions", "reports.class_rows",
     "reports.departure_picture", "sandbox.connection", "variants"),
    ("sandbox.launch", "sandbox.warden"),
    ("sandbox.zygote",),
    ("sandbox.confinement", "sandbox.guest"),
    ("sandbox.isolation",),
    ("sandbox.cgroup", "sandbox.landlock", "sandbox.processors", "sandbox.seccomp"),
    ("sandbox.limits", "sandbox.syscalls", "sandbox.wire"),
    ("bindings", "code_digests", "departure", "draws", "twins", "gradebook_connection", "holding", "intake.times",
     "nbgrader_settings", "newer_syntax", "placing", "reports.templating", "statements"),
    ("interrupt",),
    ("errors", "model", "syntax_trees"),
    ("", "cluster", "reports", "sandbox"),  # the packages themselves: a docstring and the version
)  # fmt: skip

# Modules that see only these of ours, whatever lies below them.
NARROW: Mapping[str, tuple[str, ...]] = {
    "model": (),
    "errors": (),
    "reports.*": ("model", "errors", "reports.*"),  # a picture of a report, and of nothing else
    "results": ("model", "errors", "failures", "placing", "reports.*"),
    "exporting": ("model", "errors", "failures", "placing", "reports.*"),
    "reporting": ("model", "errors", "exporting", "failures", "holding", "results", "reports.*"),
    "rendering": ("model", "errors", "autograded", "failures", "reports.*"),
    "failures": ("errors", "reports.text"),
    "holding": ("errors",),
    "placing": (),
    "syntax_trees": (),
    "gradebook": ("model", "errors", "gradebook_access", "gradebook_connection"),
    "gradebook_comparison": ("model", "errors", "gradebook", "gradebook_access", "gradebook_connection"),
    "gradebook_access": ("errors", "gradebook_connection"),
    "gradebook_connection": ("errors",),
    "departure": ("model",),
    "code_digests": (),
    "draws": (),
    "assignments.*": ("model", "draws", "assignments.*"),  # data: what an assignment is, never how it is graded
    "sandbox.*": ("", "model", "errors", "sandbox.*"),  # no answer anywhere near the sandbox
    "sandbox.launch": ("", "errors", "sandbox.cgroup"),
    "sandbox.processors": (),
    "sandbox.cgroup": (),
    "sandbox.warden": ("sandbox.isolation", "sandbox.zygote"),
    "sandbox.zygote": (
        "sandbox.confinement",
        "sandbox.guest",
        "sandbox.isolation",
    ),  # guests are forks of it: it holds what they hold
    "sandbox.guest": ("sandbox.wire",),
    "sandbox.confinement": ("sandbox.isolation", "sandbox.landlock", "sandbox.seccomp"),
    "sandbox.isolation": (),
    "sandbox.landlock": (),
    "sandbox.seccomp": ("sandbox.syscalls",),
    "sandbox.wire": (),
}

# Modules that see only these packages of others, beside the standard library.
OTHERS: Mapping[str, tuple[str, ...]] = {
    "model": ("numpy",),
    "errors": (),
    "cli": ("rich", "typer"),
    "cli.*": ("rich", "typer"),
    "reports.*": ("jinja2", "markupsafe", "rich"),
    "sandbox.guest": ("IPython", "numpy", "traitlets"),  # IPython is configured with traitlets
    "sandbox.confinement": ("sandbox.isolation", "sandbox.landlock", "sandbox.seccomp"),
    "sandbox.isolation": (),
    "sandbox.landlock": (),
    "sandbox.seccomp": ("sandbox.syscalls",),
    "sandbox.launch": ("",),
    "sandbox.warden": ("sandbox.isolation", "sandbox.zygote"),
    "sandbox.zygote": (),
    "sandbox.wire": ("numpy",),
    "notebook": (),
    "intake": (),
    "intake.*": (),
}

# The only modules that know of these packages.
ONLY: Mapping[str, tuple[str, ...]] = {
    "nbgrader": ("gradebook", "gradebook_access", "late", "plugin", "release", "release_steps"),
    "sqlalchemy": ("gradebook", "gradebook_access", "gradebook_comparison", "gradebook_connection"),
    "IPython": ("sandbox.guest",),
    "jinja2": ("reports.*",),
    "dask": ("cluster.executor",),
    "distributed": ("cluster.crew", "cluster.executor", "cluster.serving"),
    "typer": ("cli", "cli.*", "__main__"),
}

# The only modules that make up the name of what they import, and so escape the other rules.
COMPUTED = ("gradebook_access",)  # nbgrader's models, without the rest of nbgrader, under a name of our own

# `autograder --help` and a command that only looks at files must not wait for these.
SLOW = ("IPython", "jinja2", "nbformat", "nbgrader", "numpy", "sqlalchemy")


@dataclass(frozen=True)
class Import:
    """One import in a module: a full name, its line, and whether it happens as soon as the module is imported."""

    name: str
    line: int
    at_once: bool


def imports(module: str, source: str, *, package: bool, known: frozenset[str]) -> Iterator[Import]:
    """Yield what a module imports, with modules of ours by their full names.

    Parameters
    ----------
    module : str
        Its full name.
    package : bool
        Whether it is a package's ``__init__``.
    known : frozenset of str
        Full names of our modules: ``from autograder import grade`` names a module, ``from autograder import
        __version__`` does not.
    """
    for node, at_once in _nodes(ast.parse(source), at_once=True):
        match node:
            case ast.Import(names=names):
                bases = [(alias.name, "") for alias in names]
            case ast.ImportFrom(module=base, names=names, level=level):
                above = module.split(".") if package else module.split(".")[:-1]
                start = above[: len(above) - level + 1] if level else []
                full = ".".join([*start, *([base] if base else [])])
                bases = [(full, alias.name) for alias in names]
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                named = node.args[0] if node.args else None
                constant = named.value if isinstance(named, ast.Constant) else None
                # a name that is made up at run time could be anything: it is named so, and refused below
                bases = [(constant if isinstance(constant, str) else "<computed>", "")]
            case _:
                continue
        for base, name in bases:
            full = f"{base}.{name}"
            yield Import(full if name and full in known else base, node.lineno, at_once)


def _nodes(node: ast.AST, *, at_once: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node, and whether it is executed on import: not in a function, not for type checkers alone."""
    if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
        for child in node.body:
            yield from _nodes(child, at_once=False)
        for child in node.orelse:
            yield from _nodes(child, at_once=at_once)
        return
    yield node, at_once
    inner = at_once and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child, at_once=inner)


def _fits(short: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(short, pattern) for pattern in patterns)


def _layer(short: str) -> int | None:
    exact = (number for number, names in enumerate(LAYERS) if short in names)
    return next(exact, next((number for number, names in enumerate(LAYERS) if _fits(short, names)), None))


def _narrowest(short: str, rules: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the rule for a module: its own, before that of its family."""
    if short in rules:
        return rules[short]
    return next((allowed for pattern, allowed in rules.items() if fnmatchcase(short, pattern)), None)


def _short(full: str) -> str:
    return full.removeprefix(PACKAGE).removeprefix(".")


def broken(sources: Mapping[str, str]) -> list[str]:
    """Return a sentence for every import that breaks a rule.

    Parameters
    ----------
    sources : mapping of str to str
        Text of each module by its full name; packages have modules below them, or end in ``.__init__``.
    """
    known = frozenset(name.removesuffix(".__init__") for name in sources)
    found = []
    for name, source in sources.items():
        full = name.removesuffix(".__init__")
        short, package = _short(full), name.endswith("__init__")
        layer = _layer(short)
        if layer is None:
            found.append(f"{full} has no place among the layers")
            continue
        for one in imports(full, source, package=package, known=known):
            why = _why_not(short, layer, one)
            if why:
                found.append(f"{full}, line {one.line}: {why}")
    return found


def _why_not(short: str, layer: int, one: Import) -> str:
    """Return why an import is not allowed; empty where it is."""
    top = one.name.split(".")[0]
    if one.name == "<computed>":
        return "" if short in COMPUTED else "imports a name that is made up at run time"
    if top == PACKAGE:
        target = _short(one.name)
        below = _layer(target)
        if below is None or below <= layer:
            return f"imports {one.name}, which is not below it"
        allowed = _narrowest(short, NARROW)
        return "" if allowed is None or _fits(target, allowed) else f"may not see {one.name}"
    if top in {"rnn_utils", "public_tests"}:
        return f"imports {top}, which is a course's own, and not the package's"
    if top in sys.stdlib_module_names:
        return ""
    allowed = _narrowest(short, OTHERS)
    if allowed is not None and top not in allowed:
        return f"may not see {top}"
    return f"may not see {top}" if top in ONLY and not _fits(short, ONLY[top]) else ""


def at_once(start: str, sources: Mapping[str, str]) -> dict[str, str]:
    """Return every module that is imported as soon as `start` is, ours and others', each with who imports it."""
    known = frozenset(name.removesuffix(".__init__") for name in sources)
    texts = {name.removesuffix(".__init__"): (text, name.endswith("__init__")) for name, text in sources.items()}
    found = {start: ""}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        parents = [".".join(module.split(".")[:n]) for n in range(1, module.count(".") + 1)]
        names = list(parents)
        if module in texts:
            source, package = texts[module]
            names += [one.name for one in imports(module, source, package=package, known=known) if one.at_once]
        for name in names:
            if name not in found:
                found[name] = module
                waiting.append(name)
    return found


def _tree(package: str) -> dict[str, str]:
    """Return the text of every module of one of our packages, by its full name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / package).rglob("*.py"))
    }


TREE = _tree(PACKAGE)


# ---------------------------------------------------------------------------------------------------- the tree


def test_tree_is_there():
    """The rules are held against the real modules, and not against an empty folder."""
    assert {f"{PACKAGE}.{name}" for name in ("cli.__init__", "run", "grade", "compare", "sandbox.guest")} <= set(TREE)
    assert len(TREE) > 40


def test_imports_point_one_way():
    """No module imports from above or beside itself, nor anything that it is not to see."""
    assert broken(TREE) == []


def test_every_place_has_a_module():
    """The table of layers names what is there; the parts of the contract that are still to be written are the rest."""
    shorts = {_short(name.removesuffix(".__init__")) for name in TREE}
    named = {name for names in LAYERS for name in names}
    assert {name for name in named if not any(fnmatchcase(short, name) for short in shorts)} <= {"plugin", "__main__"}
    assert sum(map(len, LAYERS)) == len(named)


def test_help_waits_for_nothing_slow():
    """What ``autograder --help`` imports is quick to import."""
    loaded = at_once(f"{PACKAGE}.cli", TREE)
    assert {name: by for name, by in loaded.items() if name.split(".")[0] in SLOW} == {}


def test_only_the_zygotes_own_is_loaded_beside_student_code():
    """The process that guests are forked from loads no module of ours beyond the guest's own few."""
    ours = {_short(name) for name in at_once(f"{PACKAGE}.sandbox.guest", TREE) if name.startswith(PACKAGE)}
    ours |= {_short(name) for name in at_once(f"{PACKAGE}.sandbox.zygote", TREE) if name.startswith(PACKAGE)}
    walls = {"sandbox.confinement", "sandbox.isolation", "sandbox.landlock", "sandbox.seccomp", "sandbox.syscalls"}
    assert ours <= {"", "sandbox", "sandbox.guest", "sandbox.wire", "sandbox.zygote", *walls}


@pytest.mark.parametrize("package", ["rnn_utils", "public_tests"])
def test_courses_own_modules_know_nothing_of_the_grader(package):
    """What students get imports nothing of the grader, at any time."""
    tree = _tree(package)
    assert tree
    known = frozenset(name.removesuffix(".__init__") for name in tree)
    for name, source in tree.items():
        for one in imports(name.removesuffix(".__init__"), source, package=name.endswith("__init__"), known=known):
            assert one.name.split(".")[0] != PACKAGE, f"{name}, line {one.line}"


# ---------------------------------------------------------------------------------------------------- the checker


@pytest.mark.parametrize(
    ("module", "text", "why"),
    [
        ("grade", "import autograder.run", "imports autograder.run, which is not below it"),
        ("grade", "from autograder import run", "imports autograder.run, which is not below it"),
        ("grade", "from autograder.run import pool", "imports autograder.run, which is not below it"),
        ("grade", "from . import run", "imports autograder.run, which is not below it"),
        ("grade", "from .run import pool", "imports autograder.run, which is not below it"),
        ("grade", "def f():\n    from autograder import cli", "imports autograder.cli, which is not below it"),
        ("grade", "if TYPE_CHECKING:\n    from autograder import cli", "imports autograder.cli, which is not below it"),
        ("grade", "import importlib\nimportlib.import_module('autograder.cli')", "imports autograder.cli, which is"),
        ("grade", "__import__('autograder.cli')", "imports autograder.cli, which is not below it"),
        ("grade", "__import__('autograder.' + 'cli')", "made up at run time"),
        ("grade", "import autograder.unheard_of", "imports autograder.unheard_of, which is not below it"),
        ("grade", "import public_tests", "a course's own"),
        ("answers", "from autograder.intake import find", "imports autograder.intake, which is not below it"),
        ("compare", "from autograder.compare import compare", "imports autograder.compare, which is not below it"),
        ("reports.page", "from autograder.notebook import parse", "may not see autograder.notebook"),
        ("reports.page", "from ..course import Course", "may not see autograder.course"),
        ("results", "from autograder.course import Course", "may not see autograder.course"),
        ("gradebook", "from autograder.compare import compare", "may not see autograder.compare"),
        ("assignments.rnn_step_by_step", "from autograder.course import Course", "may not see autograder.course"),
        ("sandbox.session", "from autograder.notebook import Cell", "may not see autograder.notebook"),
        ("sandbox.zygote", "from autograder.model import Report", "may not see autograder.model"),
        ("sandbox.guest", "from autograder import errors", "may not see autograder.errors"),
        ("sandbox.guest", "from autograder.errors import Exit", "may not see autograder.errors"),
        ("sandbox.guest", "import scipy", "may not see scipy"),
        ("sandbox.wire", "import msgpack", "may not see msgpack"),
        ("notebook", "import nbformat", "may not see nbformat"),
        ("grade", "import nbgrader.api", "may not see nbgrader"),
        ("grade", "def f():\n    from nbgrader.api import Gradebook", "may not see nbgrader"),
        ("run", "import typer", "may not see typer"),
        ("unheard_of", "", "has no place among the layers"),
    ],
)
def test_broken_rules_are_found(module, text, why):
    """Every kind of import that breaks a rule is found, with its line, wherever in the module it stands."""
    sources = {f"{PACKAGE}.__init__": "", f"{PACKAGE}.{module}": text}
    sources |= {name: "" for name in TREE if name not in sources}
    (sentence,) = broken(sources)
    assert sentence.startswith(f"{PACKAGE}.{module}")
    assert why in sentence
    if text:
        assert f"line {text.count(chr(10)) + 1}:" in sentence


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("grade", "import json, os.path\nimport numpy as np\nfrom autograder import __version__, compare, secret"),
        ("grade", "from .sandbox import client\nfrom .sandbox.client import Zygote\nfrom . import model"),
        ("cli", "def f():\n    from autograder import run, demo\n    import typer"),
        ("reports.page", "from .text import visible\nfrom autograder.model import Report\nimport jinja2"),
        ("sandbox.guest", "from . import wire\nimport numpy.linalg, IPython.core"),
        ("sandbox.client", "import autograder\nfrom autograder.sandbox import connection, zygote"),
        ("demo", 'TEXT = "from autograder import cli"'),
        ("gradebook", "import nbgrader.api"),
    ],
)
def test_allowed_imports_are_let_through(module, text):
    """What the rules allow is not complained of."""
    assert broken(dict.fromkeys(TREE, "") | {f"{PACKAGE}.{module}": text}) == []


def test_cycles_cannot_pass():
    """Two modules that import each other are found: one of the two is not below the other."""
    sources = dict.fromkeys(TREE, "") | {
        f"{PACKAGE}.compare": "from autograder import source",
        f"{PACKAGE}.source": "from autograder import compare",
    }
    assert len(broken(sources)) == 2


def test_what_is_imported_at_once():
    """Imports inside functions, or for type checkers, are not made at once; those of a class or a branch are."""
    sources = {
        "autograder.__init__": "import a0",
        "autograder.cli": "from autograder import run\ndef f():\n    import a1\nclass C:\n    import a2\n"
        "if x:\n    import a3",
        "autograder.run": "if TYPE_CHECKING:\n    import a4\nelse:\n    import a5\nf = lambda: __import__('a6')",
        "autograder.grade": "import a7",
    }
    loaded = at_once("autograder.cli", sources)
    assert {name for name in loaded if name.startswith("a") and len(name) == 2} == {"a0", "a2", "a3", "a5"}
    assert loaded["a5"] == "autograder.run"
    assert "autograder.grade" not in loaded
