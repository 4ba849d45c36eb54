"""A class graded by a real Dask cluster on loopback: workers that die, that do not fit, that come late."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import __version__, coordinate, demo, run
from autograder.course import Course
from autograder.errors import Exit, IsolationError, UsageError
from autograder.sandbox.limits import Limits

pytest.importorskip(
    "distributed", reason="distributed is not installed (make setup-ci): grading on a CLUSTER IS NOT TESTED"
)

import sample_course
from dask_cluster import Cluster, kill, reports

from autograder.cluster import executor
from autograder.cluster.executor import ClusterExecutor

pytestmark = pytest.mark.xdist_group("cluster")

NAME = demo.ASSIGNMENT
KEY = b"a secret for tests on a cluster"
LIMITS = Limits(cell_seconds=5, call_seconds=5, submission_seconds=20)
SLOW = ("evil-loop", "evil-loop-cell", "evil-memory", "evil-flood")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Return a scheduler; tests say which workers they need."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def submitted(solutions, tmp_path_factory):
    """Return a folder of submissions: most of the sample class, and one that once kills its worker."""
    folder = tmp_path_factory.mktemp("submitted")
    for member in demo.MEMBERS:
        if member.student not in SLOW:
            (folder / f"{member.student}.ipynb").write_bytes(demo.content(member, solutions))
    (folder / "unlucky.ipynb").write_bytes((folder / "ada.ipynb").read_bytes())
    return folder


@pytest.fixture(scope="module")
def local(course, submitted, tmp_path_factory):
    """Return the reports of the same class, graded here."""
    out = tmp_path_factory.mktemp("local") / "out"
    assert grade(course, submitted, out).exit_code == Exit.OK
    return reports(out)


def grade(course, submitted, out, scheduler="", step=lambda _: None, **changed):
    """Grade a folder of submissions."""
    order = coordinate.Order(
        course=course,
        key=KEY,
        paths=(submitted,),
        assignment=NAME,
        out=out,
        workers=2,
        gradebook=False,
        min_isolation="namespaces",
        fresh=False,
        limits=LIMITS,
        scheduler=scheduler,
    )
    return coordinate.grade_submissions(dataclasses.replace(order, **changed), coordinate.Audience(step=step))


@pytest.fixture(scope="module")
def setting(course):
    """Return the setting of a run."""
    return run.Setting(course, KEY, LIMITS)


def wait_until(true, seconds=60.0):
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.05)


# ---------------------------------------------------------------------------------------------------- on a cluster


def test_a_killed_worker_changes_no_result(cluster, course, submitted, local, tmp_path):
    """One of the workers is killed at work, two others do not fit: every report is the one of the local run."""
    cluster.have(good=2, other=1, bare=1)
    summary = grade(course, submitted, tmp_path / "out", cluster.address)
    assert summary.problems == ()
    assert summary.exit_code == Exit.OK
    assert reports(tmp_path / "out") == local
    assert len(cluster.good()) == 1, "nobody was killed"
    said = "\n".join(summary.remarks)
    assert "1 lost" not in said
    assert "was lost on the way" in said
    assert f"was not used: it has autograder {__version__} (code" in said
    assert "was not used: The isolation level" in said or "does not let student code be isolated" in said
    wait_until(lambda: cluster.children() == [], 10)  # the run is over, and nothing of it is left on the workers


def test_a_submission_that_kills_every_worker_costs_nobody_else(cluster, course, solutions, tmp_path):
    """After two dead workers it is given up, without a score, as is one on which we fail; all others are graded."""
    folder = tmp_path / "submitted"
    folder.mkdir()
    for student in ("s1", "s2", "deadly", "s3", "faulty", "s4", "s5"):
        (folder / f"{student}.ipynb").write_bytes(demo.content(demo.MEMBERS[0], solutions))
    cluster.have(good=3, other=1, bare=1)
    summary = grade(course, folder, tmp_path / "out", cluster.address)
    status = {student: report["status"] for student, report in reports(tmp_path / "out").items()}
    assert status == {
        **dict.fromkeys(("s1", "s2", "s3", "s4", "s5"), "graded"),
        "deadly": "grader_error",
        "faulty": "grader_error",
    }
    assert summary.exit_code == Exit.UNGRADED
    assert len(cluster.good()) == 1


def test_workers_render_the_notebooks_for_nbgrader_too(cluster, tmp_path):
    """With the release at hand; JSON nested too deeply for the coordinator is refused there, and ends nothing."""
    root = sample_course.make(tmp_path / "course", {"ada": "ada", "mei": "mei"})
    deep = b'{"nbformat":4,"metadata":{"x":' + b"[" * 970 + b"]" * 970 + b'},"cells":[]}'
    for student, content in (("deep", deep), ("old", b'{"nbformat":3,"nbformat_minor":[],"worksheets":[]}')):
        folder = root / "submitted" / student / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_bytes(content)
    cluster.have(good=1, other=1, bare=1)
    made = []
    for scheduler in (cluster.address, ""):
        summary = grade(Course.at(root), root / "submitted", tmp_path / "out", scheduler, gradebook=True, fresh=True)
        assert (summary.exit_code, summary.problems) == (Exit.OK, ())
        assert {row.student: row.score for row in summary.rows} == {"ada": 100, "mei": 50, "deep": 0, "old": 0}
        made.append({path.relative_to(root): path.read_bytes() for path in (root / "autograded").rglob("*.ipynb")})
        assert {path.parts[1] for path in made[-1]} == {"ada", "mei", "old"}
        assert len(list((root / "feedback").rglob("*.html"))) == 3
        shutil.rmtree(root / "autograded")
        shutil.rmtree(root / "feedback")
    assert made[0] == made[1]


def test_a_worker_that_comes_later_takes_part(cluster, setting):
    """It is prepared like the first ones, and with it there is room for more submissions in flight."""
    cluster.have(good=1, other=1, bare=1)
    with ClusterExecutor(cluster.address, setting, run.examine(setting, [NAME])) as working:
        before = working.in_flight
        cluster.have(good=2, other=1, bare=1)
        wait_until(lambda: working.in_flight == 2 * before)


def test_the_command_grades_on_a_cluster(cluster, course, submitted, tmp_path):
    """`autograder grade --scheduler` is the same command: exit code, reports, scores."""
    cluster.have(good=2, other=1, bare=1)
    folder = tmp_path / "few"
    folder.mkdir()
    for student in ("ada", "mei", "bad-json"):
        (folder / f"{student}.ipynb").write_bytes((submitted / f"{student}.ipynb").read_bytes())
    done = command(course, "grade", str(folder), "--out", str(tmp_path / "out"), "--scheduler", cluster.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert {s: r["status"] for s, r in reports(tmp_path / "out").items()} == {
        "ada": "graded",
        "mei": "graded",
        "bad-json": "rejected",
    }
    assert (tmp_path / "out" / "scores.csv").is_file()


def command(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [Path(sys.executable).with_name("autograder"), *arguments, "--assignment", NAME, "--no-gradebook"],
        cwd=course.root,
        env={**os.environ, "AUTOGRADER_SECRET": KEY.decode()},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_nothing_is_written_where_no_worker_fits(cluster, course, submitted, tmp_path):
    """A clear sentence for each worker; exit code 3 where isolation is all that is missing, and otherwise 1."""
    cluster.have(other=1, bare=1)
    with pytest.raises(UsageError, match=r"(?s)No worker of the cluster can grade.*it has autograder") as wrong:
        grade(course, submitted, tmp_path / "out", cluster.address)
    assert wrong.value.exit_code == Exit.USAGE
    cluster.have(bare=1)
    with pytest.raises(IsolationError, match=r"No worker of the cluster can grade") as weak:
        grade(course, submitted, tmp_path / "out", cluster.address)
    assert weak.value.exit_code == Exit.ISOLATION
    cluster.have()
    with pytest.raises(UsageError, match=r"has no workers\. Start some: dask worker tcp://127\.0\.0\.1:"):
        ClusterExecutor(cluster.address, run.Setting(course, KEY, LIMITS), {}, patience=0.1)
    assert not (tmp_path / "out").exists()


def test_a_scheduler_that_is_not_there_is_told(course, submitted, tmp_path, monkeypatch):
    """Within a bounded time, with what to do, before anything is written; likewise what is no address."""
    monkeypatch.setattr(executor, "_CONNECT_SECONDS", 0.3)
    with pytest.raises(UsageError, match=r"No scheduler answers at tcp://127\.0\.0\.1:1\b.*`dask scheduler`"):
        grade(course, submitted, tmp_path / "out", "tcp://127.0.0.1:1")
    with pytest.raises(UsageError, match=r"'carrier://pigeon' is no scheduler's address"):
        grade(course, submitted, tmp_path / "out", "carrier://pigeon")
    assert not (tmp_path / "out").exists()


def test_a_scheduler_that_goes_away_loses_nothing(cluster, course, submitted, local, tmp_path):
    """What was graded is kept and the rest is told, with exit code 2; running again grades the rest, here or there."""
    cluster.have(good=1)
    summary = grade(course, submitted, tmp_path / "out", cluster.address, step=lambda _: kill(cluster.scheduler))
    assert summary.exit_code == Exit.UNGRADED
    assert len(summary.rows) < len(local)
    assert f"The scheduler at {cluster.address} went away" in summary.problems[0]
    assert f"{len(local) - len(summary.rows)} of {len(local)} submissions have no result" in summary.problems[1]
    again = grade(course, submitted, tmp_path / "out")
    assert again.exit_code == Exit.OK
    assert again.kept == len(summary.rows)
    assert reports(tmp_path / "out") == local


def test_no_log_tells_the_secret_an_answer_or_a_student(cluster, course):
    """Dask logs much of what it handles; of all that the cluster was sent in these tests, nothing is in its logs."""
    log = cluster.log()
    assert "autograder-" in log, "the plugin's name shows that these are the logs"
    assert KEY.decode() not in log
    assert not re.search(r"\b(ada|unlucky|deadly|tanh|UNQ_C1|rnn_cell_forward)\b", log)
