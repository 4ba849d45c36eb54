"""The sample class: every member earns what it declares, for the reason it declares."""

import pytest

from autograder import demo
from autograder.grade import Grader
from autograder.model import Outcome, Status


@pytest.mark.parametrize("member", demo.MEMBERS, ids=lambda member: member.student)
def test_a_member_earns_what_it_declares(grader: Grader, solutions: demo.Solutions, member: demo.Member) -> None:
    """Score, outcome of each exercise and the mistake that is named."""
    report = grader.grade(demo.content(member, solutions), member.student)
    assert report.status is (Status.GRADED if member.outcomes else Status.REJECTED)
    assert report.score == member.score, [e.feedback for e in report.exercises]
    assert report.max_score == 100
    if member.outcomes:
        assert tuple(e.outcome for e in report.exercises) == member.outcomes
    for exercise in report.exercises:
        wanted = member.mistakes.get(exercise.id)
        assert exercise.mistakes == ((wanted,) if wanted else ()), exercise.feedback
    assert bool(report.reason) == (report.status is Status.REJECTED)


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


@pytest.mark.parametrize("exercise_id", ["UNQ_C1", "UNQ_C2"])
def test_every_known_mistake_is_named_as_itself(grader: Grader, solutions: demo.Solutions, exercise_id: str) -> None:
    """Each mistake of the catalogue, in a student's notebook, loses points and is called by its name only."""
    exercise = grader.assignment.exercise(exercise_id)
    for mistake in exercise.mistakes:
        content = demo.variants.write(solutions.mistaken(**{exercise_id: mistake.id}))
        for student in ("one", "two"):
            result = next(e for e in grader.grade(content, student).exercises if e.id == exercise_id)
            assert result.score < result.max_score, mistake.id
            assert result.mistakes == (mistake.id,), (mistake.id, result.feedback)


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
