"""Right answers to the fourth assignment lose no point however they are written; known mistakes do, and are named."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))  # the students' cells stand there

from student_cells_types_of_rnn import BRIDGE_STYLES, GENERATE_STYLES, READ_STYLES

from autograder import variants
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import ExerciseResult, Report
from autograder.reference import edited

NAME = "types_of_rnn"
STYLES = {"UNQ_C1": READ_STYLES, "UNQ_C2": GENERATE_STYLES, "UNQ_C3": BRIDGE_STYLES}


class Class:
    """One grader, and the notebook that students start from."""

    def __init__(self, course: Course, grader: Grader) -> None:
        self.grader = grader
        self.release = variants.read(course.root / "release" / NAME / f"{NAME}.ipynb")
        self.solutions = {e: cell.source for e, cell in grader.reference.source.solutions.items()}

    def grade(self, sources: dict[str, str], student: str) -> Report:
        """Return the report of the release with these cells filled in."""
        return self.grader.grade(variants.write(variants.with_sources(self.release, sources)), student)

    def exercise(self, sources: dict[str, str], exercise: str, student: str) -> ExerciseResult:
        """Return the result of one exercise."""
        return next(e for e in self.grade(sources, student).exercises if e.id == exercise)


@pytest.fixture(scope="module")
def group(course: Course) -> Iterator[Class]:
    """Return a class with a grader of its own."""
    with Grader(course, NAME, b"a secret for tests, and only for tests") as grader:
        yield Class(course, grader)


def test_solution_earns_everything_and_release_nothing(group: Class) -> None:
    """The source's cells in the release are worth 100 points, the release as it is none."""
    assert group.grade(group.solutions, "s1").score == 100
    assert group.grade({}, "s1").score == 0


@pytest.mark.parametrize("place", range(8))
def test_right_answers_lose_nothing_in_any_style(group: Class, place: int) -> None:
    """One submission for each style, all three exercises at once: full marks."""
    cells = {
        exercise: f"# {exercise} (unique cell identifier, do not edit)\n{styles[list(styles)[place]]}"
        for exercise, styles in STYLES.items()
    }
    report = group.grade(cells, f"style {place}")
    wrong = {e.id: [c.problem for c in e.checks if not c.passed] or e.feedback for e in report.exercises
             if e.score != e.max_score}  # fmt: skip
    assert not wrong


@pytest.mark.parametrize(
    ("exercise", "mistake", "right"),
    [
        ("UNQ_C1", "mean-of-all-states", {"cache"}),
        ("UNQ_C1", "state-starts-at-zero", set()),
        ("UNQ_C2", "x0-at-every-step", set()),
        ("UNQ_C2", "likeliest-instead-of-sample", {"indices"}),
        ("UNQ_C2", "one-draw-for-the-mini-batch", {"indices", "indices from rng"}),
        ("UNQ_C2", "drawn-twice", {"indices", "indices from rng"}),
        ("UNQ_C2", "same-luck-in-every-step", {"indices"}),
        ("UNQ_C2", "generator-not-used", {"indices", "chances of indices"}),
        ("UNQ_C3", "cell-state-not-handed-over", set()),
        ("UNQ_C3", "predictions-in-reverse", {"caches"}),
    ],
)
def test_mistake_loses_points_and_is_named_alone(group: Class, exercise: str, mistake: str, right: set[str]) -> None:
    """A known mistake costs the checks that it breaks, and no others; the diagnosis names it and nothing else."""
    known = next(m for m in group.grader.assignment.exercise(exercise).mistakes if m.id == mistake)
    wrong = edited(group.solutions[exercise], known, "the solution")
    result = group.exercise(group.solutions | {exercise: wrong}, exercise, mistake)
    assert result.score < result.max_score
    assert {check.name for check in result.checks if check.passed} == right
    assert result.mistakes == (mistake,)


def test_mistaken_sampling_is_recognised_however_it_is_drawn(group: Class) -> None:
    """A mistake of sampling is named by the law of its samples: written another way, with other luck, all the same."""
    another_way = """# UNQ_C2 (unique cell identifier, do not edit)
def one_to_many_generate(x0, a0, parameters, steps, rng):
    a, xt, said = a0, x0, []
    for _ in range(steps):
        a, y, _ = rnn_cell_forward(xt, a, parameters)
        kept, read = (np.argmax(np.log(y + 1e-300) + rng.gumbel(size=y.shape), axis=0) for _ in range(2))
        said.append(kept)
        xt = one_hot(read, len(y))
    return np.array(said)
"""
    result = group.exercise(group.solutions | {"UNQ_C2": another_way}, "UNQ_C2", "gumbel twice")
    assert result.mistakes == ("drawn-twice",)


def test_numpys_own_luck_is_seen(group: Class) -> None:
    """Numbers from numpy's global generator are right in their chances, and cost the check of the generator only."""
    own = group.solutions["UNQ_C2"].replace("rng.choice(", "np.random.choice(")
    result = group.exercise(group.solutions | {"UNQ_C2": own}, "UNQ_C2", "own luck")
    assert {check.name for check in result.checks if not check.passed} == {"indices from rng"}
    assert result.mistakes == ("generator-not-used",)


def test_a_sampled_case_asks_the_reference_only_whose_fault_it_is(
    group: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample of the reference's decides nothing where a law does; but where a function fails it must be asked."""
    tests, asked = group.grader.tests, []
    expected = tests.expected
    monkeypatch.setattr(tests, "expected", lambda e, case, given: asked.append(case) or expected(e, case, given))
    sampled = {case.name for case in group.grader.assignment.exercise("UNQ_C2").cases if case.sampled}
    assert len(sampled) == 2
    assert group.exercise(group.solutions, "UNQ_C2", "s1").outcome == "passed"
    assert not sampled & set(asked)
    many = group.solutions["UNQ_C2"].replace("    m = x0.shape[1]", "    m = x0.shape[1]\n    assert m < 100")
    assert group.exercise(group.solutions | {"UNQ_C2": many}, "UNQ_C2", "s1").outcome == "raised"
    assert sampled & set(asked)
