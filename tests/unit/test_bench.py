"""What `make bench` times is there under the names by which it is timed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import stages


@pytest.mark.parametrize(("stage", "module", "path"), stages.STAGES)
def test_every_stage_can_be_timed(stage: str, module: str, path: str) -> None:
    """A function that has moved would silently be counted as a part of another stage."""
    owner, name = stages.place(module, path)
    assert stage
    assert callable(getattr(owner, name))


def test_a_stage_inside_another_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of an inner stage is its own, and the outer one goes on where it was left."""
    clock = iter([0.0, 1.0, 3.0, 10.0])
    monkeypatch.setattr(stages.time, "perf_counter", lambda: next(clock))
    watch = stages.Stopwatch()
    inner = watch.timed("inner", lambda: "done")
    assert watch.timed("outer", inner)() == "done"
    assert watch.seconds == {"outer": 8.0, "inner": 2.0}
