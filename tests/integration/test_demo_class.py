"""The sample class: every member earns what it declares, for the reason it declares."""

import datetime as dt
import functools
import math
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from autograder import demo, intake, release
from autograder.course import Course
from autograder.errors import UsageError
from autograder.grade import Grader
from autograder.model import Outcome, Report, Status
from autograder.sandbox.limits import Limits

KEY = b"a secret for tests, and only for tests"


@pytest.fixture(scope="module")
def graded(course: Course) -> Iterator[Callable[[str, demo.Member], Report]]:
    """Return a function that grades a member in an assignment: each has its grader, started when it is first needed."""
    with ExitStack() as stack:

        @functools.cache
        def of(name: str) -> tuple[Grader, demo.Solutions]:
            limits = Limits(cell_seconds=1.5, call_seconds=1.5, submission_seconds=20, memory=512 << 20)
            return stack.enter_context(Grader(course, name, KEY, limits)), demo.solutions(course, name)

        def grade(name: str, member: demo.Member) -> Report:
            grader, made_from = of(name)
            return grader.grade(demo.content(member, made_from), member.student)

        yield grade


@pytest.mark.parametrize(
    ("name", "member"),
    [
        pytest.param(name, member, id=f"{name}-{member.student}")
        for name, members in demo.CLASSES.items()
        for member in members
    ],
)
def test_a_member_earns_what_it_declares(
    graded: Callable[[str, demo.Member], Report], name: str, member: demo.Member
) -> None:
    """Score, outcome of each exercise and the mistakes that are named are those that the member declares."""
    report = graded(name, member)
    assert report.status is (Status.GRADED if member.outcomes else Status.REJECTED)
    assert report.score == member.score, [e.feedback for e in report.exercises]
    assert report.max_score == 100
    if member.outcomes:
        assert tuple(e.outcome for e in report.exercises) == member.outcomes
    for exercise in report.exercises:
        assert exercise.mistakes == member.named(exercise.id), exercise.feedback
        assert exercise.together == (len(exercise.mistakes) > 1)
    assert bool(report.reason) == (report.status is Status.REJECTED)


@pytest.mark.parametrize("name", [name for name in demo.CLASSES if name != demo.ASSIGNMENT])
def test_a_class_is_as_classes_are(name: str) -> None:
    """A later class is of students of the first; some are late, some are missing; it holds all that it should show."""
    members = demo.CLASSES[name]
    students = {member.student for member in members}
    first = {member.student for member in demo.MEMBERS if not member.student.startswith(("bad", "evil"))}
    assert len(students) == len(members)
    assert {s for s in students if not s.startswith(("bad", "evil"))} < first
    assert any(member.days_late for member in members)
    assert sum(member.score == 100 for member in members) >= 6  # in styles of their own
    assert any(not member.score for member in members)  # the release as it was
    assert any(isinstance(ids, tuple) for member in members for ids in member.mistakes.values())
    assert any(Outcome.RAISED in member.outcomes for member in members)
    assert any(student.startswith("evil") for student in students)


def test_the_class_hands_in_as_nbgrader_collects_it(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each member's notebook and its time stand where `nbgrader collect` puts them; those who are late are late."""
    name = "lstm_step_by_step"

    def as_committed(sample: Course, names: list[str]) -> None:  # a release takes seconds, and has tests of its own
        for one in names:
            shutil.copytree(course.root / "release" / one, sample.root / "release" / one)

    monkeypatch.setattr(release, "release", as_committed)
    made = demo.make(course, tmp_path / "class", [name])
    assert (made.assignments, made.size) == ((name,), len(demo.CLASSES[name]))
    found = {s.student: s for s in intake.find(made.course, [made.course.root / "submitted"], None)}
    assert found.keys() == {member.student for member in demo.CLASSES[name]}
    with sqlite3.connect(made.course.root / "gradebook.db") as database:
        ((due,),) = database.execute("SELECT duedate FROM assignment WHERE name = ?", [name])
    due = dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)
    for member in demo.CLASSES[name]:
        late = found[member.student].timestamp - due
        assert member.days_late == max(0, math.ceil(late / dt.timedelta(days=1))), member.student


def test_a_course_without_these_assignments_has_no_class(tmp_path: Path) -> None:
    """There is a sample class for this course's assignments only, and another course is told so."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    (tmp_path / "source").mkdir()
    with pytest.raises(UsageError, match="has none of the assignments"):
        demo.make(Course.at(tmp_path), tmp_path / "class")
    assert not (tmp_path / "class").exists()


def test_a_member_of_an_older_solution_is_told(solutions: demo.Solutions) -> None:
    """An edit whose text the solution no longer has is an error, and not a right answer taken for a wrong one."""
    with pytest.raises(ValueError, match="not once"):
        solutions.edited("UNQ_C1", ("no such text", "another"))


def test_the_source_notebook_earns_everything(grader: Grader) -> None:
    """The reference passes its own hidden tests."""
    report = grader.grade(grader.reference.source.path.read_bytes(), "instructor")
    assert report.score == report.max_score == 100


def test_the_untouched_release_earns_nothing_and_is_told_so_kindly(grader: Grader, solutions: demo.Solutions) -> None:
    """Zero points, and words about what is still to be written."""
    report = grader.grade(demo.variants.write(solutions.release), "student")
    assert report.score == 0
    assert "has not been written yet" in report.exercises[0].feedback
    assert "has not been written yet" in report.exercises[1].feedback


def test_one_mistake_is_not_punished_twice(grader: Grader, solutions: demo.Solutions) -> None:
    """A wrong cell costs the cell's points; the loop over it is right, and the student is told why it counts."""
    content = demo.variants.write(solutions.mistaken(UNQ_C1="sigmoid-for-tanh"))
    cell, loop = grader.grade(content, "student").exercises
    assert (cell.score, loop.score) == (0, 50)
    assert loop.follow_through
    assert "costs no points" in loop.feedback


def test_the_hosts_helper_does_not_help_with_the_helper_itself(grader: Grader, solutions: demo.Solutions) -> None:
    """A loop that records what the host answers for the cell cannot give those answers for the cell."""
    cell = solutions.region("UNQ_C1", "    a_next, yt_pred = SEEN[-1] if SEEN else (xt, xt)\n")
    loop = solutions.cells["UNQ_C2"].replace(
        "        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)",
        "        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)\n"
        "        SEEN.append((a_next, yt_pred))",
    )
    document = demo.variants.with_cell(solutions.solved(UNQ_C1=cell, UNQ_C2=loop), "SEEN = []", before="UNQ_C1")
    report = grader.grade(demo.variants.write(document), "student")
    assert [e.outcome for e in report.exercises] == [Outcome.FAILED, Outcome.PASSED]
    assert report.exercises[0].score == 0


def test_inputs_differ_between_students_and_not_between_runs(grader: Grader) -> None:
    """Every student has inputs of their own, the same each time."""
    exercise = grader.assignment.exercises[0]
    case = exercise.cases[0].name

    def draw(student: str) -> list[float]:
        xt, _, _ = grader.tests.inputs(exercise, case, student)
        return list(xt.ravel()[:4])

    assert draw("ada") == draw("ada")
    assert draw("ada") != draw("bela")


def test_the_same_bytes_give_the_same_report(grader: Grader, solutions: demo.Solutions) -> None:
    """Everything but the clock is the same when a submission is graded twice."""
    content = demo.content(demo.MEMBERS[11], solutions)
    first, second = grader.grade(content, "x"), grader.grade(content, "x")
    assert first.exercises == second.exercises
    assert first.provenance == second.provenance


def test_the_students_own_line_is_quoted(grader: Grader, solutions: demo.Solutions) -> None:
    """An exception is shown where it happened, in the student's words, with a plain sentence."""
    member = next(m for m in demo.MEMBERS if m.student == "sven")
    result = grader.grade(demo.content(member, solutions), "sven").exercises[0]
    assert result.line.endswith("a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, x_now) + ba)")
    assert "`x_now` is not defined" in result.feedback


def test_no_page_shows_what_the_exception_carries(grader: Grader, solutions: demo.Solutions) -> None:
    """A message made of hidden inputs stays where it is."""
    leak = "    raise ValueError(repr(xt.tolist()) + 'inputs follow')\n    a_next = yt_pred = 0\n"
    report = grader.grade(demo.variants.write(solutions.with_regions(UNQ_C1=leak)), "spy")
    result = report.exercises[0]
    assert result.outcome is Outcome.RAISED
    assert "inputs follow" not in result.feedback
    xt, _, _ = grader.tests.inputs(grader.assignment.exercises[0], "all sizes different", "spy")
    assert repr(float(xt[0, 0]))[:6] not in result.feedback
