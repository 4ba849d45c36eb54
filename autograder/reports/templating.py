"""Templates of pages: strict, escaped, and compiled once for all runs."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

TEMPLATES = Path(__file__).parent / "templates"


class _BesideTemplates(FileSystemBytecodeCache):
    """Keeps compiled templates where Python keeps compiled modules: in ``__pycache__``, if it can be written to.

    Compiling all of them takes about a tenth of a second, a good part of what grading one notebook takes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), f"%s.{sys.implementation.cache_tag}.jinja")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template's code; what was compiled from another text, or is torn, is left alone."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # noqa: BLE001  it is a copy: whatever is wrong with it, it can be made again
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code, whole or not at all."""
        if sys.dont_write_bytecode:
            return
        with contextlib.suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
            Path(self.directory, self.pattern % bucket.key).chmod(0o644)  # for everybody, as Python's own


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
