"""Templates of pages: strict, escaped, and compiled once for all runs."""

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

TEMPLATES = Path(__file__).parent / "templates"


class _BesideTemplates(BytecodeCache):
    """Keeps compiled templates where Python keeps compiled modules: in ``__pycache__``, if it can be written to.

    Compiling all of them takes about a tenth of a second, a good part of what grading one notebook takes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}.jinja"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template's code; what was compiled from another text, or is torn, is left alone."""
        try:
            with self._file(bucket).open("rb") as file:
                bucket.load_bytecode(file)
        except Exception:  # noqa: BLE001  it is a copy: whatever is wrong with it, it can be made again
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code, whole or not at all."""
        if sys.dont_write_bytecode:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                fresh = Path(file.name)
                try:
                    bucket.write_bytecode(file)
                    file.close()
                    fresh.chmod(0o644)
                    fresh.replace(self._file(bucket))
                except OSError:
                    fresh.unlink(missing_ok=True)


def environment(**filters: Callable[..., Any]) -> Environment:
    """Return an environment for our templates: every text of a report is escaped, and a name must be known."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=_BesideTemplates(TEMPLATES / "__pycache__"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(filters)
    return made
