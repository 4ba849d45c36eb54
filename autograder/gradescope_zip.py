"""Packs what Gradescope needs to grade one assignment: the grader, the source notebook, its hidden tests, scripts.

The zip holds the solution, and is for Gradescope alone. Student code runs there as everywhere: in a sandbox, in a
process of its own, which is sent inputs and nothing else. What the zip does not hold: the course secret (the inputs are
drawn from a key made of it, which tells nothing about it), other assignments, the gradebook, its address.
"""

import hashlib
import hmac
import importlib.metadata
import re
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import autograder
from autograder import assignments, loading
from autograder.course import CONFIG, Course
from autograder.errors import UsageError

_FOLDER = ".autograder/gradescope"  # below the course, beside the secret: never in git, never in a release
_PACKAGE = Path(autograder.__file__).parent
_TEMPLATES = _PACKAGE / "templates"
# nbgrader grades nothing there; if it did, students' code would run in the sandbox
_CONFIGURATION = b"""c = get_config()
c.Autograde.autograde_preprocessors = ["autograder.plugin.GradeInSandbox"]
"""
_SCRIPTS = {"setup.sh": 0o755, "run_autograder": 0o755, "grade_one.py": 0o644}
_NEEDED = ("numpy", "ipython", "jinja2", "markupsafe", "rich", "traitlets", "typer")  # by `autograder grade`
_TIME = (2026, 1, 1, 0, 0, 0)  # of every file: equal content gives equal zips
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+(\w+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def build(course: Course, name: str, key: bytes) -> Path:
    """Make the zip that an instructor uploads to Gradescope under Configure Autograder.

    Parameters
    ----------
    course : Course
        The course.
    name : str
        The assignment.
    key : bytes
        The course secret.

    Returns
    -------
    Path
        The zip; only its owner can read it. Equal content gives equal bytes.

    Raises
    ------
    UsageError
        If the assignment cannot be graded as it stands, or the zip cannot be written; an old one stays then.
    """
    loading.load(course, name)
    place = course.root / _FOLDER / f"{name}.zip"
    content = _files(course, name, key)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as folder:
            fresh = Path(folder, place.name)
            fresh.touch(mode=0o600)
            with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as packed:
                for path, data in sorted(content.items()):
                    info = zipfile.ZipInfo(path, _TIME)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    info.create_system = 3  # Unix, whatever it is made on: the mode below is read as such
                    info.external_attr = (stat.S_IFREG | _SCRIPTS.get(path, 0o600)) << 16
                    packed.writestr(info, data)
            fresh.replace(place)
    except OSError as error:
        raise UsageError(f"{place} could not be written: {error.strerror}.") from error
    return place


def derived_key(key: bytes, name: str) -> str:
    """Return the secret that an assignment's inputs are drawn from on Gradescope.

    It can be made again from the course secret (with it as ``AUTOGRADER_SECRET``, ``autograder explain`` draws the very
    inputs), and tells nothing about it.
    """
    return hmac.new(key, f"gradescope {name}".encode(), hashlib.sha256).hexdigest()


def _files(course: Course, name: str, key: bytes) -> dict[str, bytes]:
    notebook, modules = loading.written(course, name)
    scripts = {script: (_TEMPLATES / f"gradescope_{script}.template").read_text("utf-8") for script in _SCRIPTS}
    python = [data for path, data in modules.items() if path.endswith(".py")]
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **{script: _filled(text, name=name, python=minor).encode() for script, text in scripts.items()},
        "requirements.txt": _requirements(
            [notebook.code, *(data.decode("utf-8", "replace") for data in python)]
        ).encode(),
        "secret": f"{derived_key(key, name)}\n".encode(),
        **{f"grader/autograder/{path}": data for path, data in _package()},
        # a stub: the real one may hold the gradebook's password
        f"course/{CONFIG}": _CONFIGURATION,
        f"course/source/{name}/{name}.ipynb": notebook.path.read_bytes(),
        **{f"course/{path}": data for path, data in modules.items()},
        **{_home(path): path.read_bytes() for path in assignments.files_of(course, name)},
    }


def _home(definition: Path) -> str:
    """Return where a file of an assignment's hidden tests goes: into the package if it is this package's own."""
    whose = "grader" if definition.resolve().parent == (_PACKAGE / "assignments").resolve() else "course"
    return f"{whose}/autograder/assignments/{definition.name}"


def _filled(text: str, **values: str) -> str:
    for word, value in values.items():
        text = text.replace(f"@{word}@", value)
    return text


def _package() -> Iterator[tuple[str, bytes]]:
    """Yield the files of this package, without the hidden tests of any assignment."""
    for path in sorted(_PACKAGE.rglob("*")):
        inner = path.relative_to(_PACKAGE)
        if not path.is_file() or "__pycache__" in inner.parts:
            continue
        if inner.parts[0] == "assignments" and inner.name != "__init__.py":
            continue
        yield inner.as_posix(), path.read_bytes()


def _requirements(codes: Iterable[str]) -> str:
    """Return what has to be installed: what the grader and these texts import, in the versions that are here."""
    installed = {_key(d.name): d for d in importlib.metadata.distributions()}
    providers = importlib.metadata.packages_distributions()
    modules = {module for code in codes for module in _IMPORT.findall(code)}
    imported = {_key(name) for module in modules for name in providers.get(module, ())}
    waiting = [name for name in (*_NEEDED, *sorted(imported)) if name in installed]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or name == _key("rnn-course-autograder"):
            continue
        found.add(name)
        for requirement in installed[name].requires or ():
            wanted, _, marker = requirement.partition(";")
            inner = _NAME.match(wanted)
            # what is only for an extra is not needed; what is for another system is not installed here
            if inner and "extra" not in marker and _key(inner[0]) in installed:
                waiting.append(_key(inner[0]))
    return "".join(f"{name}=={installed[name].version}\n" for name in sorted(found))


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
