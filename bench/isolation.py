"""Measures the price of isolation: the same class graded with all of it and with none, in turns, in one run.

Without it, a guest is a fork and nothing more. Such a sandbox is below every level and grades nothing but this.
"""

import statistics
import time

from classes import NAME, ROOT, contents

from autograder.course import Course
from autograder.grade import Grader
from autograder.sandbox.launch import Launched

LAYERS = ("seccomp", "landlock", "rlimits", "capabilities", "descriptors")
KEY = b"a secret for a benchmark"


def grade_all(grader: Grader, notebooks: list[bytes]) -> float:
    """Return the seconds of one submission, over all of them."""
    begun = time.perf_counter()
    for number, content in enumerate(notebooks):
        grader.grade(content, f"s{number}")
    return (time.perf_counter() - begun) / len(notebooks)


def measure(size: int = 40, turns: int = 7) -> dict[str, float]:
    """Return milliseconds of a submission with isolation and without, the difference and the ratio; medians."""
    course = Course.at(ROOT)
    notebooks = contents(course, size)
    with (
        Grader(course, NAME, KEY) as isolated,
        Grader(course, NAME, KEY, launched=Launched(namespaces=False, without=LAYERS)) as bare,
    ):
        bare._ready = True  # noqa: SLF001  it would refuse, and rightly
        for grader in (isolated, bare):
            grade_all(grader, notebooks[:8])
        pairs = [(grade_all(isolated, notebooks), grade_all(bare, notebooks)) for _ in range(turns)]
    return {
        "isolated": 1000 * statistics.median(one for one, _ in pairs),
        "bare": 1000 * statistics.median(other for _, other in pairs),
        "price": 1000 * statistics.median(one - other for one, other in pairs),
        "ratio": statistics.median(one / other for one, other in pairs),
    }


def table(found: dict[str, float]) -> str:
    """Return it as text."""
    return (
        "one process, with all of isolation and with a fork alone: "
        f"{found['isolated']:.1f} and {found['bare']:.1f} ms a submission, "
        f"a price of {found['price']:.1f} ms, {found['ratio']:.2f} : 1"
    )


if __name__ == "__main__":
    print(table(measure()))
