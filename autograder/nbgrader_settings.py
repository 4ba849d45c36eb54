"""Read the configuration that nbgrader's commands have in a course, and find the line where a setting stands.

The files are those that nbgrader loads, in its order, each read as nbgrader reads it. nbgrader itself is not imported,
which would take seconds.
"""

import ast
import copy
import functools
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "nbgrader_config.py"
_KINDS = (".py", ".json")  # of one name, the second stands above the first

_BASE = ("Configurable", "LoggingConfigurable")
_APPLICATION = (*_BASE, "SingletonConfigurable", "Application", "JupyterApp", "NbGrader")

# Sections from which an object takes its settings, those of its class and of each that contains it: traitlets' rule.
Chain = tuple[tuple[str, ...], ...]


def converter(name: str) -> Chain:
    """Return where one of nbgrader's converters, such as ``Autograde``, takes its settings from."""
    return ((*_BASE, "BaseConverter", name), (*_APPLICATION, f"{name}App"), (*_APPLICATION, "NbGraderApp"))


def step(sections: Sequence[str], of: str) -> Chain:
    """Return where a preprocessor with these sections takes its settings from, within a converter."""
    return (tuple(sections), (*_BASE, "Exporter", "NotebookExporter"), *converter(of))


@dataclass(frozen=True)
class ConfigFile:
    """One file of the configuration.

    Attributes
    ----------
    config : Config
        What it sets; empty where it cannot be read.
    error : str
        What it raises: then nbgrader passes over the whole file.
    line : int
        Where it raises; 0 where that is not known.
    """

    path: Path
    config: Any
    error: str = ""
    line: int = 0


@dataclass(frozen=True)
class Settings:
    """The configuration of nbgrader's commands in a course.

    Attributes
    ----------
    files : tuple of ConfigFile
        In the order in which they are loaded: a later one stands above an earlier one.
    """

    root: Path
    files: tuple[ConfigFile, ...]

    @functools.cached_property
    def config(self) -> Any:
        """What all files set together, outdated names of sections as nbgrader reads them."""
        from traitlets.config.loader import Config  # noqa: PLC0415  not for `--help`

        merged = Config()
        for file in self.files:
            merged.merge(copy.deepcopy(file.config))
        for outdated, section in _OUTDATED.items():
            if outdated in merged:
                merged[section].merge(copy.deepcopy(merged[outdated]))
        return merged

    def value(self, chain: Chain, name: str) -> Any:
        """Return a setting of an object; None where nothing sets it."""
        return _of_object(copy.deepcopy(self.config), chain).get(name)

    def place(self, chain: Chain, name: str) -> str:
        """Return the file and line where a setting was made last, as ``nbgrader_config.py:12``; empty where nowhere."""
        sections = {section for part in chain for section in part} | _OUTDATED.keys()
        for file in reversed(self.files):
            if _mentions(file.config, name, sections):
                path, line = _last(file.path, name, sections)
                return f"{self.shown(path)}:{line}" if line else self.shown(file.path)
        return ""

    def shown(self, path: Path) -> str:
        """Return a path as it is told: within the course, from there on."""
        return os.fspath(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


# What nbgrader 0.9 renames when it loads it.
_OUTDATED = {
    "AutogradeApp": "Autograde",
    "Assign": "GenerateAssignment",
    "AssignApp": "GenerateAssignment",
    "Feedback": "GenerateFeedback",
    "FeedbackApp": "GenerateFeedback",
    "BaseNbConvertApp": "BaseConverter",
}


def load(root: Path, course_file: bytes | None = None) -> Settings:
    """Return the configuration of nbgrader's commands in a course's folder.

    Parameters
    ----------
    course_file : bytes, optional
        What would stand in its ``nbgrader_config.py``, instead of what stands there.
    """
    paths = [folder / name for name in ("jupyter_config", "nbgrader_config") for folder in reversed(_jupyter_folders())]
    files = [
        found for path in paths for found in (read(path.with_suffix(kind)) for kind in _KINDS) if found is not None
    ]
    own = read(root / CONFIG) if course_file is None else _read_python(root / CONFIG, root, course_file)
    files += [found for found in (own, read((root / CONFIG).with_suffix(".json"))) if found is not None]
    elsewhere = Settings(root, tuple(files)).config.get("CourseDirectory", {}).get("root")
    if isinstance(elsewhere, str) and elsewhere and (root / elsewhere).resolve() != root.resolve():
        other = (root / elsewhere).resolve() / CONFIG
        files += [found for found in (read(other.with_suffix(kind)) for kind in _KINDS) if found is not None]
    return Settings(root, tuple(files))


def _jupyter_folders() -> list[Path]:
    """Return the folders of Jupyter's configuration, the one that counts most first."""
    from jupyter_core.paths import jupyter_config_dir, jupyter_config_path  # noqa: PLC0415  not for `--help`

    folders = jupyter_config_path()
    own = jupyter_config_dir()
    return [Path(folder) for folder in (folders if own in folders else [own, *folders])]


def read(path: Path) -> ConfigFile | None:
    """Return what a file of the configuration sets; None where there is no such file. It is read once."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _read(path, (status.st_mtime_ns, status.st_size, status.st_ino))


@functools.lru_cache(maxsize=16)
def _read(path: Path, _status: tuple[int, int, int]) -> ConfigFile:
    if path.suffix == ".py":
        return _read_python(path, path.parent)
    from traitlets.config.loader import Config, JSONFileConfigLoader  # noqa: PLC0415

    try:
        return ConfigFile(path, JSONFileConfigLoader(path.name, path=str(path.parent)).load_config())
    except Exception as error:  # noqa: BLE001  whatever it is, nbgrader passes over the file
        return ConfigFile(path, Config(), f"{type(error).__name__}: {error}", getattr(error, "lineno", 0))


def _read_python(path: Path, root: Path, content: bytes | None = None) -> ConfigFile:
    """Run a file of the configuration, as nbgrader does; or what would stand in it."""
    from traitlets.config.loader import Config, PyFileConfigLoader  # noqa: PLC0415

    loader = PyFileConfigLoader(path.name, path=str(path.parent))
    try:
        with _importable(root):
            if content is None:
                return ConfigFile(path, loader.load_config())
            loader.full_filename = str(path)
            names = {
                "c": loader.config, "get_config": lambda: loader.config, "load_subconfig": loader.load_subconfig,
                "__file__": str(path),
            }  # fmt: skip
            exec(compile(content, str(path), "exec"), names)  # noqa: S102  the instructor's own file
            return ConfigFile(path, loader.config)
    except (Exception, SystemExit) as error:  # noqa: BLE001  it is Python, and can fail in every way
        line = (error.lineno or 0) if isinstance(error, SyntaxError) and error.filename == str(path) else 0
        for frame in traceback.extract_tb(error.__traceback__):
            line = (frame.lineno or 0) if frame.filename == str(path) else line
        return ConfigFile(path, Config(), f"{type(error).__name__}: {error}", line)


@contextmanager
def _importable(root: Path) -> Iterator[None]:
    """Let a file import what stands in the course's folder, as nbgrader does."""
    sys.path.append(str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))


def _of_object(config: Any, chain: Chain) -> Any:
    """Return the settings of an object as traitlets finds them: its sections, and these within its parent's."""
    from traitlets.config.loader import Config  # noqa: PLC0415

    own, *parents = chain
    merged = Config()
    for source in [config, *([_of_object(copy.deepcopy(config), tuple(parents))] if parents else [])]:
        for section in own:
            if section in source and isinstance(source[section], Config):
                merged.merge(source[section])
    return merged


def _mentions(config: Any, name: str, sections: set[str]) -> bool:
    """Return whether a file sets this name in one of these sections, or in one within them."""
    inner = [value for key, value in config.items() if key in sections and isinstance(value, dict)]
    return any(name in one or _mentions(one, name, sections) for one in inner)


def _last(path: Path, name: str, sections: set[str], depth: int = 4) -> tuple[Path, int]:
    """Return the last line that speaks of a setting, in a file or in one that it loads; 0 where none does."""
    try:
        text = path.read_bytes()
        if path.suffix != ".py":
            lines = enumerate(text.decode("utf-8", "replace").splitlines(), 1)
            return path, max((number for number, line in lines if f'"{name}"' in line), default=0)
        nodes = list(ast.walk(ast.parse(text)))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return path, 0
    found = [(0, path, 0)]  # the line in this file, and where that leads
    for node in nodes:
        match node:
            case ast.Attribute(attr=attribute) if attribute == name and _section(node) in {"", *sections}:
                found.append((node.lineno, path, node.lineno))
            case ast.Call(func=ast.Name(id="load_subconfig"), args=[ast.Constant(value=str(other)), *_]) if depth:
                inner, line = _last(path.parent / other, name, sections, depth - 1)
                found += [(node.lineno, inner, line)] if line else []
    return max(found)[1:]


def _section(node: ast.Attribute) -> str:
    """Return the section in ``c.Section.name`` or ``c["Section"].name``; empty under a name of the file's own."""
    match node.value:
        case ast.Attribute(attr=section) | ast.Subscript(slice=ast.Constant(value=str(section))):
            return section
        case _:
            return ""
