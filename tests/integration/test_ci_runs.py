"""The steps of the GitHub workflow and of the GitLab template, run in order with bash, on a small class.

What only the forge can do (bring a repository, keep files) is told in a table; all else is what runs there.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from forges import ROOT, Job, commands, course_at, environment, gitlab_script, grader_at, load

from autograder import secret

GRADE = load(ROOT / ".github" / "workflows" / "grade.yml")
GITLAB = load(ROOT / "docs" / "ci" / "gitlab-ci.yml")["grade"]
NAME = "warm_up"
KEY = "only-for-these-tests-0123456789abcdef"
TOKEN = "token-for-these-tests"  # noqa: S105  nothing takes it
ACTING = ("##[set-output name=x]y", "::stop-commands::x", "##[stop-commands]x")

# What a submission would do to carry a secret out: it earns its points only where there is none to be found.
SPY = """
import glob
import os

found = [name for name in os.environ if name.startswith(("AUTOGRADER", "CI", "COLLECT", "GITHUB", "READ"))]
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        with open(path, "rb") as file:
            found += [path] if b"AUTOGRADER_SECRET" in file.read() else []
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a course with the template's assignment, whose hidden tests fail for every second student: our fault."""
    made = course_at(tmp_path_factory.mktemp("course") / "course", NAME)
    tests = made.root / "autograder" / "assignments" / f"{NAME}.py"
    text = tests.read_text(encoding="utf-8")
    right = "lambda rng: arguments(rng, two_sizes(rng)[0], 1)"
    assert text.count(right) == 1
    # alone: a case of the same sizes beside it would fail for others
    drawn = f"{right} if rng.random() < 0.5 else (None, None, None), alone=True"
    tests.write_text(text.replace(right, drawn), encoding="utf-8")
    return made


def students(*, graded):
    """Yield names of students for whom the hidden tests of `course` work, or do not."""
    for number in range(100):
        name = f"s{number:02}"
        drawn = secret.generator(KEY.encode(), NAME, "UNQ_C1", "batch of one", name)
        if (drawn.random() < 0.5) == graded:
            yield name


def notebook(course, extra=""):
    """Return the solution as a submission, with a line of the student's own."""
    made = json.loads(course.source_notebook(NAME).read_text(encoding="utf-8"))
    (cell,) = [cell for cell in made["cells"] if cell["id"] == "UNQ_C1"]
    cell["source"] = f"{''.join(cell['source'])}\n{extra}"
    return json.dumps(made).encode()


def hand_in(course, folder, contents):
    """Make an nbgrader tree of submissions."""
    for student, content in contents.items():
        place = folder / student / NAME
        place.mkdir(parents=True)
        (place / f"{NAME}.ipynb").write_bytes(content)
    return folder


def committed(folder):
    """Make a repository of a folder, as a server has it."""
    for command in ("init -q -b main", "add .", "-c user.name=s -c user.email=s@example.org commit -q -m work"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True, env=environment(HOME=str(folder)))


def grade_job(tmp_path, checkouts, **inputs):
    """Return the workflow's job as it is when someone has started it by hand in a private repository."""
    given = {"submissions": "", "path": "submitted", "assignment": "", "formats": "junit,github,csv", "grader": ""}
    given |= inputs
    values = {
        "inputs.grader != '' && 'grader' || 'course'": "grader" if given["grader"] else "course",
        "inputs.submissions != '' && 'submissions' || 'course'": "submissions" if given["submissions"] else "course",
        "inputs.grader != ''": given["grader"] != "",
        "inputs.submissions != ''": given["submissions"] != "",
        "endsWith(inputs.path, '.txt')": given["path"].endswith(".txt"),
        "runner.environment == 'github-hosted'": True,
        "github.event_name": "workflow_dispatch",
        "github.event.repository.private": True,
        "secrets.AUTOGRADER_SECRET": KEY,
        "secrets.READ_TOKEN": TOKEN,
        "inputs.keep-days": 14,
        "!cancelled()": True,
        "!cancelled() && steps.clone.outcome == 'failure'": lambda outcomes: outcomes.get("clone") == "failure",
        **{f"inputs.{name}": value for name, value in given.items()},
    }
    return Job(GRADE, GRADE["jobs"]["grade"], tmp_path / "workspace", values, checkouts, f"file://{tmp_path}/server")


def scores(path):
    """Return each student's status and score."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row["student"]: (row["status"], float(row["score"]) if row["score"] else None)
            for row in csv.DictReader(file)
        }


def everything_in(folder):
    """Return all bytes of the files below a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_spy_would_find_a_secret():
    """In a process that has one, the spy of the tests below finds it: that it finds none there says something."""
    for name, value in (("AUTOGRADER_SECRET", KEY), ("GITHUB_TOKEN", TOKEN)):
        done = subprocess.run(
            [sys.executable, "-c", f"{SPY}\nprint(len(found))"],
            env=environment(**{name: value}),
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout) > 0


def test_github_keeps_what_was_graded_and_then_fails(course, tmp_path):
    """One without a verdict, some unreadable, names that are commands: all others are graded and kept, no name acts."""
    mine = tmp_path / "mine"
    shutil.copytree(course.root, grader_at(mine), dirs_exist_ok=True)
    good, bad = students(graded=True), students(graded=False)
    ada, spy, torn, ours = next(good), next(good), next(good), next(bad)
    handed_in = {
        ada: notebook(course),
        spy: notebook(course, f"{SPY}\nassert not found"),
        torn: b"{",
        ours: notebook(course),
    }
    hand_in(course, mine / "submitted", handed_in | dict.fromkeys(ACTING, b"{"))

    job = grade_job(tmp_path, {"Get the course": mine})
    assert job.run() == "failure"
    assert [name for name, outcome in job.outcomes.items() if outcome == "failure"] == ["Grade"]

    results = job.workspace / "results"
    assert scores(results / "scores.csv") == {
        ada: ("graded", 100.0),
        spy: ("graded", 100.0),
        torn: ("rejected", 0.0),
        ours: ("grader_error", None),
        **dict.fromkeys(ACTING, ("rejected", 0.0)),
    }
    assert job.artefacts["exports"] == [
        "results/exports/annotations.txt",
        "results/exports/grades.csv",
        "results/exports/junit.xml",
        "results/exports/summary.md",
        "results/scores.csv",
    ]
    assert len(job.artefacts["pages"]) == len(handed_in) + len(ACTING)
    assert set(job.artefacts["results"]) > {"results/index.html", *job.artefacts["pages"], *job.artefacts["exports"]}
    assert ours in job.summary.read_text(encoding="utf-8")

    log = job.logs["Grade"]
    for name in ACTING:
        assert name in log, "it is shown"
    (stop, resume, *annotations, last) = commands(log)
    assert (stop[0], resume[0]) == ("stop-commands", "resume")
    assert sorted(kind for kind, _ in annotations) == ["error", *["warning"] * (1 + len(ACTING))]
    assert ours in annotations[0][1]
    assert (last[0], "no verdict because of us" in last[1]) == ("error", True)
    # without the stop, the runner would have acted on the names
    assert {"set-output", "stop-commands"} <= {
        kind for kind, _ in commands(log.replace(f"::stop-commands::{stop[1]}\n", ""))
    }
    assert KEY not in "".join(job.logs.values())
    assert KEY.encode() not in everything_in(job.workspace)


def test_github_grades_clones_with_a_grader_from_elsewhere(course, tmp_path):
    """A list of repositories in a repository of its own, the grader in another: one is missing, the other is graded."""
    ada, ben = (name for name, _ in zip(students(graded=True), range(2), strict=False))
    hers = tmp_path / "server" / "class" / f"{ada}.git"
    hers.mkdir(parents=True)
    (hers / f"{NAME}.ipynb").write_bytes(notebook(course))
    committed(hers)
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "class.txt").write_text(f"# autumn\n{ada} class/{ada}\n{ben} class/{ben}\n", encoding="utf-8")
    checkouts = {
        "Get the course": course.root,
        "Get the grader": grader_at(tmp_path / "g"),
        "Get the submissions": lists,
    }
    inputs = {
        "submissions": "class/lists",
        "path": "class.txt",
        "assignment": NAME,
        "grader": "us/grader",
        "grader-ref": "v1",
    }
    job = grade_job(tmp_path, checkouts, **inputs)
    assert job.run() == "failure"
    failed = [name for name, outcome in job.outcomes.items() if outcome == "failure"]
    assert failed == [
        "Clone the students' repositories",
        "clone",
        "Fail where somebody's repository could not be cloned",
    ]
    assert scores(job.workspace / "results" / "scores.csv") == {ada: ("graded", 100.0)}, "nobody gets a zero for it"
    assert [kind for kind, _ in commands(job.logs["Clone the students' repositories"])] == ["stop-commands", "resume"]
    assert f"{ben}: could not be cloned" in job.logs["Clone the students' repositories"]
    assert [kind for kind, _ in commands(job.logs["Grade"])] == ["stop-commands", "resume"]
    assert TOKEN.encode() not in everything_in(job.workspace)


def step(job, name):
    """Return the step of this name."""
    return next(step for step in job.job["steps"] if step["name"] == name)


@pytest.mark.parametrize(
    ("event", "private", "code"),
    [
        ("workflow_dispatch", True, 0),
        ("schedule", True, 0),
        ("push", True, 1),
        ("pull_request", True, 1),
        ("pull_request_target", True, 1),
        ("issue_comment", True, 1),
        ("workflow_run", True, 1),
        ("", True, 1),
        ("workflow_dispatch", False, 1),
        ("schedule", "", 1),
    ],
)
def test_github_refuses_what_a_student_could_start(tmp_path, event, private, code):
    """Whatever calls the workflow, its first step sees what started it all, and whether strangers could read along."""
    job = grade_job(tmp_path, {})
    job.workspace.mkdir()
    job.values = {**job.values, "github.event_name": event, "github.event.repository.private": private}
    first = job.job["steps"][0]
    assert job.shell(first) == code
    assert [kind for kind, _ in commands(job.logs[first["name"]])] == (["error"] if code else [])


def test_github_refuses_to_draw_a_secret_of_its_own(tmp_path):
    """Without the secret nothing is graded: each run would meet other inputs, and nobody could make a grade again."""
    job = grade_job(tmp_path, {})
    job.workspace.mkdir()
    job.values = {**job.values, "secrets.AUTOGRADER_SECRET": ""}
    assert job.shell(step(job, "Grade")) == 1
    assert commands(job.logs["Grade"])[0][1].startswith("There is no AUTOGRADER_SECRET")
    assert not (job.workspace / "results").exists()


def test_github_leads_every_complaint_through_one_pipe(course, tmp_path):
    """What the grader says on standard error is between stop and resume as well, and its exit code is the step's."""
    job = grade_job(tmp_path, {}, formats="##[set-output name=x]y")
    shutil.copytree(course.root, grader_at(job.workspace / "course"), dirs_exist_ok=True)
    assert job.shell(step(job, "Grade")) == 1
    assert "There is no format '##[set-output name=x]y'" in job.logs["Grade"]
    assert [kind for kind, _ in commands(job.logs["Grade"])] == ["stop-commands", "resume", "error"]


def gitlab(course, tmp_path, **variables):
    """Run the template's job in a project that has the grader; return what came of it, and what programs were told."""
    project = tmp_path / "project"
    shutil.copytree(course.root, grader_at(project), dirs_exist_ok=True)
    watched = tmp_path / "bin"
    watched.mkdir()
    for name in ("git", "make"):
        really = shutil.which(name)
        (watched / name).write_text(f'#!/bin/sh\nenv >> {tmp_path}/seen\nexec {really} "$@"\n', encoding="utf-8")
        (watched / name).chmod(0o755)
    named = {key: str(value) for key, value in GITLAB["variables"].items()}
    named |= {
        "AUTOGRADER_SECRET": KEY,
        "READ_TOKEN": "",
        "CI_JOB_TOKEN": TOKEN,
        "CI_SERVER_URL": f"file://{tmp_path}/server",
    }
    named |= variables | {"PATH": f"{watched}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", gitlab_script(GITLAB)],
        cwd=project,
        env=environment() | named,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return project, done, tmp_path / "seen"


def test_gitlab_grades_and_carries_the_exit_code(course, tmp_path):
    """Submissions from another project, one without a verdict: the job ends with 2, and what it keeps is there."""
    ada, ours = next(students(graded=True)), next(students(graded=False))
    submissions = tmp_path / "server" / "class" / "submissions.git"
    hand_in(
        course, submissions / "submitted", {ada: notebook(course, f"{SPY}\nassert not found"), ours: notebook(course)}
    )
    committed(submissions)
    project, done, seen = gitlab(course, tmp_path, SUBMISSIONS_PROJECT="class/submissions")
    assert done.returncode == 2, done.stderr
    assert scores(project / "results" / "scores.csv") == {ada: ("graded", 100.0), ours: ("grader_error", None)}
    (kept,), reported = GITLAB["artifacts"]["paths"], GITLAB["artifacts"]["reports"]["junit"]
    assert {"scores.csv", "index.html", "exports"} <= {path.name for path in (project / kept).iterdir()}
    assert ours in (project / reported).read_text(encoding="utf-8")
    assert re.search("^SUBMISSIONS_PROJECT=", seen.read_text(), re.MULTILINE), "the watched programs were started"
    assert KEY not in seen.read_text() + done.stdout + done.stderr
    for name in ("results", "submissions/.git"):
        assert KEY.encode() not in everything_in(project / name)
        assert TOKEN.encode() not in everything_in(project / name)


def test_gitlab_says_what_is_missing(course, tmp_path):
    """On a branch that is not protected there is no secret: the job ends before it installs anything."""
    _, done, seen = gitlab(course, tmp_path, AUTOGRADER_SECRET="")
    assert (done.returncode, seen.exists()) == (1, False)
    assert "There is no AUTOGRADER_SECRET" in done.stdout
