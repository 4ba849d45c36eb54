"""`autograder explain`: the instructor sees the very inputs and both values; bad requests are told in a sentence."""

from pathlib import Path

import pytest

from autograder import demo, inspection
from autograder.course import Course
from autograder.errors import UsageError
from autograder.grade import Grader

ROOT = Path(__file__).resolve().parents[2]
KEY = b"a secret of thirty-two bytes, yes"
NAME = demo.ASSIGNMENT


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """Put a few members of the sample class into a folder."""
    folder = tmp_path_factory.mktemp("handed_in")
    made_from = demo.solutions(Course.at(ROOT))
    for member in demo.MEMBERS:
        if member.student in {"ada", "lars", "pilar", "sven", "bad-json"}:
            (folder / f"{member.student}.ipynb").write_bytes(demo.content(member, made_from))
    return folder


def explained(folder, student, exercise=None):
    """Return what the instructor reads."""
    return "\n".join(inspection.inspect(Course.at(ROOT), KEY, student, NAME, exercise, folder))


def test_both_values_of_the_very_inputs_are_shown(handed_in):
    """What is printed are the student's own hidden inputs, the reference's value and the one returned."""
    text = explained(handed_in, "lars", "UNQ_C1")
    with Grader(Course.at(ROOT), NAME, KEY) as grader:
        exercise = grader.assignment.exercises[0]
        inputs = grader.tests.inputs(exercise, "batch of one", "lars")
        expected = grader.tests.expected(exercise, "batch of one", inputs)
    part = text[text.index("The case 'batch of one'") :]
    part = part[: part.find("The case", 10)]
    assert f"{inputs[0][0, 0]:.8f}" in part
    assert "yt_pred: `yt_pred` has the right shape but wrong values" in part
    first = f"{expected[1][0, 0]:.8f}"
    assert first in part[part.index("expected") : part.index("returned")]
    assert first not in part[part.index("returned") :]
    assert "largest difference" in part


def test_a_right_answer_needs_no_values(handed_in):
    """Where nothing departs, nothing is printed but that."""
    assert explained(handed_in, "ada").count("Every check is right on every case.") == 2


def test_an_exception_comes_with_its_message_and_inputs(handed_in):
    """The instructor sees the exception itself, which a student's page paraphrases."""
    text = explained(handed_in, "sven", "UNQ_C1")
    assert "NameError: name 'x_now' is not defined" in text
    assert "xt  float64, shape" in text


def test_a_second_run_with_the_reference_is_said(handed_in):
    """Where the helper was answered by the host, it says what that made right."""
    assert "Run again with the reference's rnn_cell_forward" in explained(handed_in, "pilar", "UNQ_C2")


@pytest.mark.parametrize(
    ("student", "exercise", "says"),
    [
        ("nobody", None, "'nobody' has handed in nothing"),
        ("ada", "UNQ_C9", "has no exercise 'UNQ_C9'; it has UNQ_C1, UNQ_C2"),
        ("bad-json", None, "not a Jupyter notebook"),
    ],
)
def test_what_cannot_be_explained_is_said(handed_in, student, exercise, says):
    """No such student, no such exercise, no such notebook: one sentence each."""
    with pytest.raises(UsageError, match=says):
        explained(handed_in, student, exercise)
