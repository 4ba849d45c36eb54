"""The guide to grading in CI: its commands run, its files are what a forge takes, what it names is there."""

import re

import pytest
from follower import GUIDES, Follower, blocks, unnamed
from forges import ROOT, course_at, grader_at, load

GUIDE = (GUIDES / "ci-guide.md").read_text(encoding="utf-8")
NAME = "warm_up"


@pytest.fixture
def course(tmp_path):
    """Return a checkout of a course with the grader in it, two submissions, and a server with their repositories."""
    folder = grader_at(tmp_path / "course")
    made = course_at(folder, NAME)
    solution = made.source_notebook(NAME).read_bytes()
    empty = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    for student, content in (("ada", solution), ("ben", empty)):
        place = folder / "submitted" / student / NAME
        place.mkdir(parents=True)
        (place / f"{NAME}.ipynb").write_bytes(content)
    (tmp_path / "secret").write_text("only-for-this-test-0123456789abcdef\n")
    (tmp_path / "server").write_text(f"file://{tmp_path}/at")
    return folder


def test_the_guide_can_be_followed_word_for_word(course):
    """Every command runs, prints what the guide says, and ends with the exit code that it says."""
    follower = Follower(course)
    for student in ("ada", "ben"):
        repository = course.parent / "at" / "students" / f"{student}-rnn.git"
        who = "-c user.name=s -c user.email=s@example.org"
        follower.type(
            f"mkdir -p {repository} && cp submitted/{student}/{NAME}/{NAME}.ipynb {repository}/ && cd {repository} && "
            f"git init -q -b main && git add . && git {who} commit -q -m work"
        )
    for block in blocks(GUIDE):
        if block.language in {"console", "csv"}:
            follower.follow(block)
    assert follower.status == 0
    assert len(follower.printed) > 8


@pytest.mark.xdist_group("schemas")
@pytest.mark.parametrize(
    ("title", "schema"),
    [
        (".github/workflows/grade.yml", ["vendor.github-workflows"]),
        (".gitlab-ci.yml", ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
)
def test_its_files_are_what_a_forge_takes(tmp_path, title, schema):
    """The files that an instructor is to write are valid, and say only what our workflow and our template know."""
    cli = pytest.importorskip("check_jsonschema.cli", reason="check-jsonschema is not installed: make setup-ci")
    (block,) = [block for block in blocks(GUIDE) if block.title == title]
    path = tmp_path / "file.yml"
    path.write_text(block.text, encoding="utf-8")
    done = pytest.importorskip("click.testing").CliRunner().invoke(cli.main, ["--builtin-schema", *schema, str(path)])
    assert done.exit_code == 0, done.output
    given = load(path)
    if title == ".gitlab-ci.yml":
        assert (ROOT / given["include"][0]["file"]).is_file()
        assert set(given["grade"]["variables"]) <= set(load(ROOT / given["include"][0]["file"])["grade"]["variables"])
    else:
        called = load(ROOT / ".github" / "workflows" / "grade.yml")["on"]["workflow_call"]
        assert re.fullmatch(r"OWNER/GRADER/\.github/workflows/grade\.yml@COMMIT", given["jobs"]["grade"]["uses"])
        assert set(given["jobs"]["grade"]["with"]) <= set(called["inputs"])
        assert set(given["jobs"]["grade"]["secrets"]) <= set(called["secrets"])


def test_it_tells_every_input():
    """The table of inputs is the workflow's own, with the same defaults."""
    by_hand = load(ROOT / ".github" / "workflows" / "grade.yml")["on"]["workflow_dispatch"]["inputs"]
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| .* \| (.*) \|$", GUIDE, re.MULTILINE))
    assert set(by_hand) <= set(rows)
    assert rows["path"].strip("`") == by_hand["path"]["default"]
    assert int(rows["keep-days"]) == by_hand["keep-days"]["default"]


def test_the_prose_names_what_each_block_is():
    """Titles are not shown everywhere: the text before a block names the file too."""
    assert unnamed(GUIDE) == []
