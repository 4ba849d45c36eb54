"""A class whose grading is killed again and again ends as one that nobody disturbed; `make soak` does it at length."""

import random
from pathlib import Path

from soak import KINDS, Plan, soak


def test_kills_change_nothing_in_the_end(tmp_path: Path) -> None:
    """Coordinator, worker, zygote and guest are killed while a small class is graded, some of them twice."""
    seed = random.SystemRandom().randrange(1 << 32)
    result = soak(tmp_path, Plan(submissions=24, kills=6, seed=seed, every=(0.05, 0.5), sleep=0.05))
    assert result.differences == [], f"with seed {seed}"
    assert sum(result.killed.values()) == 6
    assert set(result.killed) == set(KINDS)
