"""The seeds, and what fuzzing found: read, run, written down."""

import hashlib
import re
import traceback
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEEDS, KEPT, FOUND = HERE / "seeds", HERE / "kept", HERE / "found"


def seeds(kind: str) -> dict[str, bytes]:
    """Return the seeds of a kind by their names, always in the same order."""
    return {path.name: path.read_bytes() for path in sorted((SEEDS / kind).iterdir())}


def kept(target: str) -> dict[str, bytes]:
    """Return what was found for a target once and is kept: ``kept/<target>-<what it was>.bin``."""
    return {path.name: path.read_bytes() for path in sorted(KEPT.glob(f"{target}-*.bin"))}


def where(error: BaseException) -> str:
    """Return what distinguishes one finding from another: the exception's type, and the line it is from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/fuzz/run_" not in frame.filename]
    places = [f"{Path(frame.filename).stem}-{frame.name}-{frame.lineno}" for frame in frames[-1:]]
    if isinstance(error, RecursionError):  # it may strike anywhere
        places = [f"{Path(frame.filename).stem}-{frame.name}" for frame in frames[1:3]]
    return re.sub(r"[^\w.-]+", "_", "-".join([type(error).__name__, *places]))[:120]


class Findings:
    """What one run has found: the first input of each kind is written down, the others are counted."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.counts: dict[str, int] = {}

    def run(self, function: Callable[[bytes], None], data: bytes) -> bool:
        """Run a target on an input; return whether it kept its promises."""
        try:
            function(data)
        except Exception as error:  # noqa: BLE001  that is what is looked for
            self.add(where(error), data, "".join(traceback.format_exception(error)))
            return False
        return True

    def add(self, what: str, data: bytes, text: str) -> None:
        """Write a finding down, unless it is known."""
        self.counts[what] = self.counts.get(what, 0) + 1
        if self.counts[what] > 1:
            return
        FOUND.mkdir(exist_ok=True)
        digest = hashlib.sha256(data).hexdigest()[:10]
        path = FOUND / f"{self._target}-{what}-{digest}.bin"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(text, encoding="utf-8", errors="backslashreplace")
        print(f"FOUND {self._target}: {what}: {path}", flush=True)  # noqa: T201
