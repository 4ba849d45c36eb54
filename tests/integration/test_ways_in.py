"""Every way in, by the command as an instructor types it: found, said, graded, and shown under the right name."""

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder import demo
from autograder.course import CONFIG, MODULES, Course

NAME = demo.ASSIGNMENT


@pytest.fixture(scope="module")
def room(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course of its own, released, in a temporary folder."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(course.root / CONFIG, root)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(course.root / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def run(room: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a course's folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("autograder"), *arguments],
        cwd=room,
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def notebooks(room: Path) -> dict[str, bytes]:
    """Return members of the sample class by name: all of the points, half, none, and no notebook."""
    made_from = demo.solutions(Course.at(room))
    wanted = {"ada", "mei", "gustav", "bad-empty", "umberto"}
    return {m.student: demo.content(m, made_from) for m in demo.MEMBERS if m.student in wanted}


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip, each file a minute after the one before."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for minute, (name, content) in enumerate(files.items()):
            made.writestr(zipfile.ZipInfo(name, (2026, 11, 2, 12, minute, 0)), content)
    return path


def rows(out: Path) -> dict[str, tuple[str, float]]:
    """Return status and score by student."""
    with (out / "scores.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: (row["status"], float(row["score"])) for row in csv.DictReader(file)}


def report(out: Path, student: str) -> dict[str, object]:
    """Return a report.json of a class that has names for its assignment's folder."""
    return dict(json.loads((out / NAME / student / "report.json").read_text()))


def test_a_canvas_zip(room: Path, notebooks: dict[str, bytes]) -> None:
    """Late, repeated and missing submissions: the last one counts, and table, page and report say what was done."""
    path = packed(
        room / "submissions.zip",
        {
            f"lovelaceada_12345_900_{NAME}-1.ipynb": notebooks["ada"],
            f"lovelaceada_12345_800_{NAME}.ipynb": notebooks["gustav"],
            f"xumei_LATE_222_801_{NAME}.ipynb": notebooks["mei"],
            "hopper_333_802_all my work.zip": b"PK\x03\x04",
            f"emptyé_444_803_{NAME}.ipynb": notebooks["bad-empty"],
        },
    )
    done = run(room, "grade", path.name, "--out", "canvas", "--workers", "2", "--no-gradebook", "--format", "canvas")
    assert done.returncode == 0, done.stderr
    out = room / "canvas"
    with (out / "exports" / "canvas.csv").open(newline="", encoding="utf-8") as file:
        _, _, *students = csv.reader(file)
    assert students[0] == ["lovelaceada", "12345", "", "", "", "100"], "back to Canvas by its own number"
    assert rows(out) == {
        "12345": ("graded", 100), "222": ("graded", 50), "333": ("rejected", 0), "444": ("rejected", 0),
    }  # fmt: skip
    assert "submissions.zip: read as a Canvas download, 4 submissions; 1 marked late; " in done.stdout
    assert "1 submission with several notebooks, of which the last counts (--which first: the first)." in done.stdout
    assert "12345 lovelaceada" in done.stdout
    ada = report(out, "12345")
    assert (ada["student"], ada["name"]) == ("12345", "lovelaceada")
    (sentence,) = ada["received"]  # type: ignore[misc]
    assert sentence.startswith(f"Of 2 notebooks handed in, `{NAME}-1.ipynb` was graded: the last of those")
    page = (out / NAME / "222" / "feedback.html").read_text()
    assert "<bdi>xumei</bdi> (<bdi>222</bdi>)" in page
    assert "Canvas marks this submission as late." in page
    assert "There is an archive" in str(report(out, "333")["reason"])
    assert "The file is empty" in str(report(out, "444")["reason"])


def test_the_first_counts_where_it_was_said(room: Path, notebooks: dict[str, bytes]) -> None:
    """With --which first the other one is graded; a class graded before is graded again where the choice changed."""
    files = {f"a_1_900_{NAME}.ipynb": notebooks["ada"], f"a_1_800_{NAME}.ipynb": notebooks["mei"]}
    path = packed(room / "twice.zip", files)
    command = ("grade", path.name, "--out", "twice", "--workers", "1", "--no-gradebook")
    for which, score in (("last", 100), ("first", 50), ("last", 100)):
        done = run(room, *command, "--which", which)
        assert done.returncode == 0, done.stderr
        assert rows(room / "twice")["1"] == ("graded", score)
        assert f"the {which} of those" in str(report(room / "twice", "1")["received"])
    assert "1 unchanged" in run(room, *command).stdout
    packed(room / "twice.zip", dict(list(files.items())[:1]))  # the other one was withdrawn: the sentence goes with it
    assert run(room, *command).returncode == 0
    assert "received" not in report(room / "twice", "1")


def test_a_moodle_zip_and_its_folder(room: Path, notebooks: dict[str, bytes]) -> None:
    """The zip, and the folder that it was unpacked to, are graded alike."""
    path = packed(
        room / "COURSE-rnn-77.zip",
        {
            f"Ada Lovelace_12345_assignsubmission_file_/{NAME} (1).ipynb": notebooks["umberto"],
            "Ada Lovelace_12345_assignsubmission_onlinetext_/onlinetext.html": b"<p>Here it is.",
            f"Xu Mei_222_assignsubmission_file_/{NAME}.ipynb": notebooks["mei"],
            "Grace Hopper_333_assignsubmission_onlinetext_/onlinetext.html": b"<p>I was ill.",
        },
    )
    with zipfile.ZipFile(path) as made:
        made.extractall(room / "unpacked")
    for source, out in ((path.name, "moodle-zip"), ("unpacked", "moodle-folder")):
        done = run(room, "grade", source, "--out", out, "--workers", "1", "--no-gradebook")
        assert done.returncode == 0, done.stderr
        assert f"{source}: read as a Moodle download, 3 submissions." in done.stdout
        assert rows(room / out) == {"12345": ("graded", 100), "222": ("graded", 50), "333": ("rejected", 0)}
    same = [report(room / out, "12345") | {"seconds": 0} for out in ("moodle-zip", "moodle-folder")]
    assert same[0] == same[1]
    assert same[0]["name"] == "Ada Lovelace"


def git(*arguments: str, at: Path) -> str:
    """Run git, with nobody's configuration."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(at), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    done = subprocess.run(["git", *arguments], cwd=at, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="makes real clones")
def test_a_folder_of_real_clones(room: Path, notebooks: dict[str, bytes], tmp_path: Path) -> None:
    """Real clones: each student's working tree is graded as it was checked out; no hook of theirs runs."""
    ran = tmp_path / "ran"
    (room / "clones").mkdir()
    commits = {}
    for student, place in {"ada": f"{NAME}/{NAME}.ipynb", "mei": f"{NAME}.ipynb"}.items():
        origin = tmp_path / student
        (origin / place).parent.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch=main", at=origin)
        (origin / place).write_bytes(notebooks[student])
        git("add", ".", at=origin)
        git("commit", "--quiet", "-m", "done", at=origin)
        git("clone", "--quiet", str(origin), str(room / "clones" / student), at=tmp_path)
        commits[student] = git("rev-parse", "HEAD", at=origin)
        for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
            trap = room / "clones" / student / ".git" / "hooks" / hook
            trap.parent.mkdir(exist_ok=True)
            trap.write_text(f"#!/bin/sh\ntouch {ran}\n")
            trap.chmod(0o755)
        with (room / "clones" / student / ".git" / "config").open("a") as file:
            file.write(f"[core]\n\tfsmonitor = touch {ran}\n[diff]\n\texternal = touch {ran}\n")
    (room / "clones" / "not-yet").mkdir()
    done = run(room, "grade", "clones", "--out", "cloned", "--workers", "1", "--no-gradebook")
    assert done.returncode == 0, done.stderr
    assert rows(room / "cloned") == {"ada": ("graded", 100), "mei": ("graded", 50), "not-yet": ("rejected", 0)}
    assert "clones: read as a folder of git clones, 3 submissions." in done.stdout
    for student, commit in commits.items():
        assert commit[:12] in str(report(room / "cloned", student)["received"])
    assert not ran.exists()


def test_hostile_zips_stop_before_anything_is_graded(room: Path, notebooks: dict[str, bytes]) -> None:
    """A zip that no platform made is refused in one line; nothing is written anywhere."""
    before = sorted(path.name for path in room.parent.iterdir())
    for name, word in {f"../{NAME}.ipynb": "leads out of it", f"/tmp/{NAME}.ipynb": "leads out of it"}.items():  # noqa: S108
        packed(room / "evil.zip", {f"a_1_2_{NAME}.ipynb": notebooks["ada"], name: b"{}"})
        done = run(room, "grade", "evil.zip", "--out", "evil", "--no-gradebook")
        assert (done.returncode, done.stdout) == (1, "")
        assert word in done.stderr
        assert "Nothing was graded" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (room / "evil").exists()
    assert sorted(path.name for path in room.parent.iterdir()) == before


def test_a_name_that_would_act_is_made_visible(room: Path, notebooks: dict[str, bytes]) -> None:
    """A name or a file's name that a terminal or a browser would act on is shown, and does nothing."""
    evil = "\x1b]0;owned\x07<script>alert(1)</script>"
    path = packed(room / "names.zip", {f"{evil}_1_2_{NAME}.ipynb": notebooks["ada"], f"{evil}_1_3_x`.ipynb": b"{}"})
    done = run(room, "grade", path.name, "--assignment", NAME, "--out", "names", "--no-gradebook", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    page = (room / "names" / NAME / "1" / "feedback.html").read_text()
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert report(room / "names", "1")["score"] == 100


def test_help_names_the_ways(room: Path) -> None:
    """The help says what may be named, and which notebook counts."""
    words = " ".join(run(room, "grade", "--help", COLUMNS="200", TERM="dumb").stdout.split())
    for word in ("Canvas or Moodle", "git clones", "--which"):
        assert word in words
