"""Measures the price of isolation: the same class graded with all of it and with none, in turns, in one run.

Without it, a guest is a fork and nothing more. Such a sandbox is below every level and grades nothing but this.
"""

import argparse
import statistics
import time

import bench
from autograder import demo
from autograder.course import Course
from autograder.grade import Grader
from autograder.sandbox.launch import Launched

LAYERS = ("seccomp", "landlock", "rlimits", "capabilities", "descriptors")


def grade_all(grader: Grader, contents: list[bytes]) -> float:
    """Return the seconds of one submission, over all of them."""
    started = time.perf_counter()
    for number, content in enumerate(contents):
        grader.grade(content, f"s{number}")
    return (time.perf_counter() - started) / len(contents)


def main() -> None:
    """Measure, and print the difference and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=40, help="submissions in one turn")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    course = Course.at(bench.HERE.parent)
    made_from = demo.solutions(course)
    contents = [demo.content(member, made_from) for member in bench.composition(options.size)]
    key = b"a secret for a benchmark"
    with (
        Grader(course, demo.ASSIGNMENT, key) as isolated,
        Grader(course, demo.ASSIGNMENT, key, launched=Launched(namespaces=False, without=LAYERS)) as bare,
    ):
        bare._ready = True  # noqa: SLF001  it would refuse, and rightly
        for grader in (isolated, bare):
            grade_all(grader, contents[:8])
        turns = [(grade_all(isolated, contents), grade_all(bare, contents)) for _ in range(options.rounds)]
    price = statistics.median(one - other for one, other in turns)
    ratio = statistics.median(one / other for one, other in turns)
    print(f"{options.size} submissions, one process, medians of {options.rounds} turns\n")
    print(f"with isolation     {statistics.median(t[0] for t in turns) * 1000:6.1f} ms a submission")
    print(f"a fork alone       {statistics.median(t[1] for t in turns) * 1000:6.1f} ms")
    print(f"isolation's price  {price * 1000:6.1f} ms, a ratio of {ratio:.2f} : 1")


if __name__ == "__main__":
    main()
