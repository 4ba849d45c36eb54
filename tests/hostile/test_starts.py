"""A sandbox that cannot be started costs at most the submission at hand; and how a guest ends is never our own word."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder import coordinate, demo, grade, run, variants
from autograder.course import Course
from autograder.errors import Exit, StartError
from autograder.grade import Grader
from autograder.model import Outcome, Status
from autograder.sandbox.client import Zygote
from autograder.sandbox.launch import Launched
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import CellToRun, Session

from . import restricted

KEY = b"a secret for tests of starts, and only for them"
ENDS = """
import os
def f(code):
    print("words of a student's", flush=True)
    os._exit(code)
"""


class Scarce:
    """A first process of a sandbox that is to be had again after some tries."""

    def __init__(self, failures: int) -> None:
        self.left = failures

    def __call__(self, **options: bool) -> Launched:
        """Start it, or fail as it fails where a machine has no process left."""
        if self.left > 0:
            self.left -= 1
            raise StartError("The sandbox's first process could not be started: no process is left.")
        return Launched(**options)


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test a folder for temporary files of its own, and look whether a sandbox's is left in it."""
    folder = Path(tempfile.mkdtemp(prefix="starts-"))
    folder.chmod(0o755)  # another user passes through it
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.glob("autograder-*"))
    folder.rmdir()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no pause be between two tries."""
    monkeypatch.setattr(grade, "_PAUSES", (0.0, 0.0, 0.0))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("failures", [1, 3])
def test_a_sandbox_that_is_not_there_at_once_is_waited_for(
    failures: int, course: Course, solutions: demo.Solutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again, and the grade is what it always is."""
    monkeypatch.setattr(grade, "Launched", scarce := Scarce(failures))
    with Grader(course, demo.ASSIGNMENT, KEY) as grader:
        grader.restart()
        assert grader.grade(variants.write(solutions.solved()), "somebody").score == 100
    assert scarce.left == 0


@pytest.mark.usefixtures("impatient")
def test_a_sandbox_that_never_comes_is_our_failure(
    course: Course, solutions: demo.Solutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grader gives up after a few tries, and says what is wrong."""
    monkeypatch.setattr(grade, "Launched", scarce := Scarce(1000))
    with Grader(course, demo.ASSIGNMENT, KEY) as grader:
        grader.restart()
        with pytest.raises(StartError, match="no process is left"):
            grader.grade(variants.write(solutions.solved()), "somebody")
    assert 2 < 1000 - scarce.left < 10


@pytest.mark.usefixtures("impatient")
def test_a_class_goes_on_without_a_sandbox_for_some(
    course: Course, solutions: demo.Solutions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While there is none, submissions end without a verdict; when it is back, all others have their points."""
    submitted = tmp_path / "submitted"
    submitted.mkdir()
    for number in range(4):
        (submitted / f"s{number}.ipynb").write_bytes(variants.write(solutions.solved()))
    tries = (len(grade._PAUSES) + 1) * run._START_TRIES
    scarce = Scarce(tries + 1)
    monkeypatch.setattr(grade, "Launched", scarce)
    grade_one, begun = run.grade_one, []

    def losing(setting: run.Setting, job: run.Job) -> object:
        if not begun:
            run.grader_of(setting, job.assignment).restart()
            scarce.left = tries
        begun.append(job.student)
        return grade_one(setting, job)

    scarce.left = 0
    monkeypatch.setattr(run, "grade_one", losing)
    order = coordinate.Order(
        course, KEY, (submitted,), demo.ASSIGNMENT, tmp_path / "out", workers=1, gradebook=False,
        min_isolation="namespaces", fresh=True,
    )  # fmt: skip
    summary = coordinate.grade_submissions(order, coordinate.Audience())
    statuses = [row.status for row in summary.rows]
    assert len(statuses) == 4
    assert statuses.count(Status.GRADED) >= 3
    assert all(row.score == 100 for row in summary.rows if row.status is Status.GRADED)
    expected = Exit.UNGRADED if Status.GRADER_ERROR in statuses else Exit.OK
    assert summary.exit_code == expected
    assert scarce.left == 0


HOLDING = """
import subprocess, sys, threading, time
end, few = threading.Event(), threading.Event()
held = 0
try:
    while True:
        threading.Thread(target=(few if held < 3 else end).wait, daemon=True).start()
        held += 1
except RuntimeError:
    pass
few.set()  # the command itself can begin, and has nothing for a sandbox
time.sleep(0.2)
process = subprocess.Popen(sys.argv[1:])
time.sleep(2)
end.set()
code = process.wait()
print("held", held)
sys.exit(code)
"""


def test_processes_that_come_back_cost_nobody_a_grade(course: Course, solutions: demo.Solutions) -> None:
    """Somebody holds all the processes that a user may have, for two seconds: the class is graded after them."""
    why = restricted.missing("ordinary", "nproc")
    if why:
        pytest.skip(f"NOT TRIED: {why}")
    number = restricted.uid()
    with tempfile.TemporaryDirectory(prefix="denied-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "submitted").mkdir()
        for student in ("a", "b"):
            (folder / "submitted" / f"{student}.ipynb").write_bytes(variants.write(solutions.solved()))
        (folder / "tmp").mkdir()
        if os.getuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, number, number)
        command = [str(Path(sys.executable).with_name("autograder")), "grade", str(folder / "submitted")]
        command += ["--course", str(course.root), "--assignment", demo.ASSIGNMENT, "--out", str(folder / "out")]
        command += ["--no-gradebook", "--workers", "1"]
        terms = json.dumps({"user": "ordinary", "uid": number, "groups": [], "nproc": 60})
        environment = {
            "PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder / "tmp"),
            "AUTOGRADER_SECRET": "a secret for tests of starts", "OPENBLAS_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, restricted.__file__, terms, sys.executable, "-c", HOLDING, *command],
            env=environment, capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert int(done.stdout.rsplit("held", 1)[1]) > 20
        reports = [json.loads(path.read_text()) for path in (folder / "out").rglob("report.json")]
        assert [report["score"] for report in reports] == [100, 100]
        assert "Traceback" not in done.stderr
        assert not list((folder / "tmp").glob("autograder-*"))


# --------------------------------------------------------------------------------------------- how a guest ends


@pytest.mark.parametrize("code", [0, 1, 97, 98, 99, 100, 255])
def test_an_exit_code_of_a_guest_is_the_students(code: int) -> None:
    """Whatever it is, once a guest is ready it says that the notebook ended its process, and quotes nothing."""
    with Zygote({}, "", Launched()) as zygote, Session(zygote, [CellToRun(0, ENDS, ("f",))], Limits()) as session:
        answer = session.call("f", (code,))
    assert answer.outcome is Outcome.KILLED
    assert answer.reason == "the notebook ended its own Python process"
    assert not session.doubtful


@pytest.mark.parametrize("mib", [2, 30, 60, 200])
def test_an_answer_larger_than_its_room_is_failed_and_says_its_shape(
    mib: int, course: Course, solutions: demo.Solutions
) -> None:
    """No more than its shape travels, whatever its size, and it is told as a wrong answer."""
    columns = mib << 5
    source = "# UNQ_C1\nimport numpy as np\ndef rnn_cell_forward(xt, a_prev, parameters):\n"
    source += f"    a = np.zeros((4096, {columns}))\n    return a, a, (a, a, a, parameters)\n"
    with Grader(course, demo.ASSIGNMENT, KEY) as grader:
        report = grader.grade(variants.write(solutions.solved(UNQ_C1=source)), "somebody")
    first, second = report.exercises
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert f"(4096, {columns})" in first.feedback


def test_no_more_workers_than_processors_grade(course: Course, solutions: demo.Solutions, tmp_path: Path) -> None:
    """Two guests on one processor would take time from each other: so many workers grade, and it is said."""
    most = len(os.sched_getaffinity(0))
    submitted = tmp_path / "submitted"
    submitted.mkdir()
    for n in range(most + 2):
        (submitted / f"s{n}.ipynb").write_bytes(variants.write(solutions.solved()))
    order = coordinate.Order(
        course, KEY, (submitted,), demo.ASSIGNMENT, tmp_path / "out", workers=most + 2, gradebook=False,
        min_isolation="namespaces", fresh=True,
    )  # fmt: skip
    summary = coordinate.grade_submissions(order, coordinate.Audience())
    assert [row.score for row in summary.rows] == [100.0] * (most + 2)
    assert any(f"--workers {most + 2}" in remark for remark in summary.remarks)
