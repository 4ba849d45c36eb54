"""What can be said of the CI files without running them: schemas, shell, secrets, triggers, rights."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from forges import EXPRESSION, ROOT, gitlab_runs, gitlab_script, load

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GRADE = ROOT / ".github" / "workflows" / "grade.yml"
GITLAB = ROOT / "docs" / "ci" / "gitlab-ci.yml"
BIN = Path(sys.executable).parent


def checked(tool, *arguments):
    """Run a checker; skip where it is not installed."""
    if not (BIN / tool).exists():
        pytest.skip(f"{tool} is not installed: make setup-ci")
    return subprocess.run([BIN / tool, *arguments], capture_output=True, text=True, check=False, timeout=120)


def steps(path):
    """Yield every step of a workflow, with its job."""
    for job in load(path)["jobs"].values():
        for step in job["steps"]:
            yield job, step


@pytest.mark.xdist_group("schemas")  # what reads them takes two seconds to import
@pytest.mark.parametrize(
    ("paths", "schema", "breaks"),
    [
        (WORKFLOWS, ["vendor.github-workflows"], ("runs-on:", "run-on:")),
        ([ROOT / ".github" / "dependabot.yml"], ["vendor.dependabot"], ("interval:", "every:")),
        ([GITLAB], ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"], ("when: always", "when: sometimes")),
    ],
    ids=["workflows", "dependabot", "gitlab"],
)
def test_each_file_is_one_of_its_schema(tmp_path, paths, schema, breaks):
    """The schemas that editors use accept the files, and refuse one with a word changed."""
    broken = tmp_path / "broken.yml"
    assert breaks[0] in paths[0].read_text(encoding="utf-8")
    broken.write_text(paths[0].read_text(encoding="utf-8").replace(*breaks), encoding="utf-8")
    cli = pytest.importorskip("check_jsonschema.cli", reason="check-jsonschema is not installed: make setup-ci")
    runner = pytest.importorskip("click.testing").CliRunner()
    for files, code in ((paths, 0), ([broken], 1)):
        done = runner.invoke(cli.main, ["--builtin-schema", *schema, *map(str, files)])
        assert done.exit_code == code, done.output


def test_an_auditor_of_workflows_finds_nothing(tmp_path):
    """Its strictest look finds nothing to say of ours, and does of an action without a commit and an open injection."""
    done = checked("zizmor", "--offline", "--no-progress", "--persona", "auditor", ROOT / ".github")
    assert done.returncode == 0, done.stdout
    unsafe = tmp_path / "unsafe.yml"
    text = GRADE.read_text(encoding="utf-8")
    unsafe.write_text(text.replace('"$GRADER"', '"${{ inputs.path }}"').replace("persist-credentials: false", ""))
    found = checked("zizmor", "--offline", "--no-progress", "--format", "plain", unsafe)
    assert found.returncode > 0
    assert {"template-injection", "artipacked"} <= set(re.findall(r"\w+\[([\w-]+)\]", found.stdout))


def test_the_shell_of_every_step_is_sound(tmp_path):
    """A linter for shell scripts has nothing to say of any step, and does of a variable without quotes."""
    scripts = [step["run"] for path in WORKFLOWS for _, step in steps(path) if "run" in step]
    scripts += [gitlab_script(load(GITLAB)["grade"]), "rm $1"]
    assert len(scripts) > 9
    for number, script in enumerate(scripts):
        (tmp_path / f"{number:02}.sh").write_text(script, encoding="utf-8")
    *ours, wrong = sorted(tmp_path.iterdir())
    done = checked("shellcheck", "--shell=bash", *ours)
    assert done.returncode == 0, done.stdout
    assert checked("shellcheck", "--shell=bash", wrong).returncode == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_has_little_to_lose(path):
    """Each job may read the repository and no more, ends in time; actions are commits, and leave no token behind."""
    workflow = load(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert 0 < job["timeout-minutes"] <= 120
        assert job["runs-on"] == "ubuntu-24.04", "a name that moves on would move on between two gradings"
    text = path.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.*)", text)
    assert uses
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in uses)
    for _, step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_same_action_is_the_same_commit_everywhere():
    """One name of a commit has one version beside it, in all workflows."""
    found = {}
    for path in WORKFLOWS:
        for action, commit in re.findall(r"uses: (\S+)@(\S+ # \S+)", path.read_text(encoding="utf-8")):
            found.setdefault(action, set()).add(commit)
    assert {action: len(commits) for action, commits in found.items()} == dict.fromkeys(found, 1)


def test_no_student_can_start_the_grading():
    """By hand, or called: no push, no pull request of either kind, no comment is a trigger."""
    assert set(load(GRADE)["on"]) == {"workflow_dispatch", "workflow_call"}


def test_inputs_by_hand_and_by_call_are_the_same():
    """Whoever calls the workflow can say all that can be said by hand."""
    by_hand, called = (load(GRADE)["on"][way]["inputs"] for way in ("workflow_dispatch", "workflow_call"))
    assert {name: {"type": given["type"], "default": given["default"]} for name, given in by_hand.items()} == {
        name: {"type": called[name]["type"], "default": called[name]["default"]} for name in by_hand
    }
    assert set(called) - set(by_hand) == {"grader", "grader-ref"}


def test_each_secret_reaches_one_kind_of_step():
    """Only `Grade` is given the course secret, only what reads a repository the token; neither is text of a script."""
    where = {}
    for job, step in steps(GRADE):
        assert "secrets." not in str(job.get("env"))
        for place in ("env", "with"):
            for expression in EXPRESSION.findall(str(step.get(place, {}))):
                for name in re.findall(r"secrets\.(\w+)|github\.(token)", expression):
                    where.setdefault("".join(name), set()).add(step["name"])
        assert not EXPRESSION.search(step.get("run", ""))
    assert where == {
        "AUTOGRADER_SECRET": {"Grade"},
        "READ_TOKEN": {"Get the grader", "Get the submissions", "Clone the students' repositories"},
        "token": {"Get the grader", "Get the submissions"},
    }
    assert load(GRADE)["jobs"]["grade"]["environment"] == "grading"


def test_the_projects_own_tests_know_no_secret():
    """Anyone may open a pull request, and its code runs in CI: there is nothing to be had there."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "secrets" not in text
    assert set(load(ROOT / ".github" / "workflows" / "ci.yml")["on"]) == {"push", "pull_request"}


PRIVATE = {"CI_COMMIT_REF_PROTECTED": "true", "CI_PROJECT_VISIBILITY": "private"}


@pytest.mark.parametrize(
    ("variables", "runs"),
    [
        ({"CI_PIPELINE_SOURCE": "web", **PRIVATE}, True),
        ({"CI_PIPELINE_SOURCE": "schedule", **PRIVATE}, True),
        ({"CI_PIPELINE_SOURCE": "push", **PRIVATE}, False),
        ({"CI_PIPELINE_SOURCE": "merge_request_event", **PRIVATE}, False),
        ({"CI_PIPELINE_SOURCE": "external_pull_request_event", **PRIVATE}, False),
        ({"CI_PIPELINE_SOURCE": "web", **PRIVATE, "CI_COMMIT_REF_PROTECTED": "false"}, False),
        ({"CI_PIPELINE_SOURCE": "web", **PRIVATE, "CI_PROJECT_VISIBILITY": "public"}, False),
        ({"CI_PIPELINE_SOURCE": "schedule", **PRIVATE, "CI_PROJECT_VISIBILITY": "internal"}, False),
        ({}, False),
    ],
)
def test_gitlab_has_the_job_where_an_instructor_started_it(variables, runs):
    """By hand or by a schedule, on a protected branch, in a private project; otherwise there is no such job."""
    assert gitlab_runs(load(GITLAB)["grade"], variables) == runs
