"""Runs the files that a forge would run, as it would, as far as one machine without a network can.

`Job` takes a job of a GitHub workflow step by step: shell steps are run with bash as GitHub runs them; actions and
expressions come from a table that the test gives, and one that is not in it is an error, not a guess. `commands` reads
a log as GitHub's runner does. `gitlab_script` is what a GitLab runner makes of a job.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autograder import nbgrader_steps, new
from autograder.course import CONFIG, Course

ROOT = Path(__file__).resolve().parents[2]
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

# `::error title=a::b`, at the beginning of a line; and the older form, anywhere in it
_COMMAND = re.compile(r"\s*::([\w-]+)(?: [^:]*)?::(.*)")
_OLD_COMMAND = re.compile(r"##\[([\w-]+)(?: [^\]]*)?\](.*)")
_KNOWN = {"add-mask", "debug", "echo", "error", "notice", "save-state", "set-output", "stop-commands", "warning"}


class _Loader(yaml.SafeLoader):
    """YAML as forges read it, where `on` is a word."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's own name for it
        first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def load(path: Path) -> Any:
    """Read a YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  a safe loader, but for its booleans


def environment(**more: str) -> dict[str, str]:
    """Return what every step has: nothing of this test's environment but where programs are."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "CI": "true", **more}


def grader_at(folder: Path) -> Path:
    """Make a checkout of this repository as far as grading needs it; `make setup` finds its environment ready."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy2(ROOT / name, folder)
    (folder / "scripts").mkdir()
    shutil.copy2(ROOT / "scripts" / "collect_clones.py", folder / "scripts")
    place = folder / ".venv"
    place.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith(".ready"):
            (place / entry.name).symlink_to(entry)
    (place / ".ready").touch()  # newer than what it is made from
    return folder


def course_at(folder: Path, name: str) -> Course:
    """Make a course with the template's assignment."""
    (folder / "source").mkdir(parents=True)
    ours = (ROOT / CONFIG).read_text(encoding="utf-8")
    (folder / CONFIG).write_text(ours + 'c.CourseDirectory.course_id = "ci"\n', encoding="utf-8")
    course = Course.at(folder)
    new.make(course, name)
    nbgrader_steps.fix(course.root)  # as the command does
    return course


# ---------------------------------------------------------------------------------------------------- GitHub


@dataclass
class Job:
    """A job of a GitHub workflow, on this machine.

    Attributes
    ----------
    values : mapping
        What every expression and condition is; a callable is asked when its turn comes, with the outcomes of steps.
    checkouts : mapping
        What `actions/checkout` brings, by the step's name.
    outcomes : dict
        What became of each step, by its name.
    """

    workflow: Mapping[str, Any]
    job: Mapping[str, Any]
    workspace: Path
    values: Mapping[str, Any]
    checkouts: Mapping[str, Path]
    server: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    artefacts: dict[str, list[str]] = field(default_factory=dict)
    failed: bool = False

    @property
    def summary(self) -> Path:
        """Where steps write their summary."""
        return self.workspace.parent / "summary.md"

    def value(self, expression: str) -> Any:
        """Return what an expression is; one that the test does not know is an error."""
        found = self.values[expression]
        return found(self.outcomes) if callable(found) else found

    def text(self, template: object) -> str:
        """Fill the expressions of a text in."""

        def shown(match: re.Match[str]) -> str:
            found = self.value(match[1])
            return str(found).lower() if isinstance(found, bool) else str(found)

        written = str(template).lower() if isinstance(template, bool) else str(template)
        return EXPRESSION.sub(shown, written)

    def run(self) -> str:
        """Run all steps; return the job's conclusion."""
        self.workspace.mkdir(parents=True)
        for step in self.job["steps"]:
            name = step["name"]
            if not self._is_wanted(step):
                self.outcomes[name] = "skipped"
                continue
            code = self._act(step) if "uses" in step else self.shell(step)
            self.outcomes[name] = self.outcomes[step.get("id", name)] = "failure" if code else "success"
            self.failed |= bool(code) and not step.get("continue-on-error", False)
        return "failure" if self.failed else "success"

    def _is_wanted(self, step: Mapping[str, Any]) -> bool:
        condition = EXPRESSION.sub(r"\1", step.get("if", "success()"))
        if condition == "success()":
            return not self.failed
        wanted = bool(self.value(condition))
        return wanted if "cancelled()" in condition else wanted and not self.failed

    def _act(self, step: Mapping[str, Any]) -> int:
        action, given = step["uses"].split("@")[0], step.get("with", {})
        match action:
            case "actions/checkout":
                shutil.copytree(self.checkouts[step["name"]], self.workspace / given["path"], symlinks=True)
            case "actions/setup-python":
                pass  # it is the one that runs the tests
            case "actions/upload-artifact":
                assert self.text(given["retention-days"]) == "14"
                patterns = [line.strip() for line in given["path"].splitlines()]
                self.artefacts[given["name"]] = sorted(set(self._files(patterns)))
            case _:
                raise AssertionError(f"{action} is not known here")
        return 0

    def _files(self, patterns: list[str]) -> Iterator[str]:
        """Yield the files that are uploaded: of folders all, but nothing hidden."""
        for pattern in patterns:
            for found in self.workspace.glob(pattern):
                for path in found.rglob("*") if found.is_dir() else [found]:
                    parts = path.relative_to(self.workspace).parts
                    if path.is_file() and not any(part.startswith(".") for part in parts):
                        yield "/".join(parts)

    def shell(self, step: Mapping[str, Any]) -> int:
        """Run one shell step as GitHub does where a workflow says `shell: bash`; return its exit code."""
        assert self.workflow["defaults"]["run"]["shell"] == "bash"
        assert not EXPRESSION.search(step["run"]), "an expression would be text of the script, whatever it holds"
        script = self.workspace.parent / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        named = {**self.job.get("env", {}), **step.get("env", {})}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.workspace,
            env=environment(
                GITHUB_ACTIONS="true",
                GITHUB_SERVER_URL=self.server,
                GITHUB_STEP_SUMMARY=str(self.summary),
                **{key: self.text(value) for key, value in named.items()},
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        # two pipes: which of them the runner reads first is chance, so nothing of others may be in the second
        assert done.stderr == "", f"{step['name']}: {done.stderr}"
        self.logs[step["name"]] = done.stdout
        return done.returncode


def commands(log: str) -> list[tuple[str, str]]:
    """Return the commands in a log that GitHub's runner acts on, with their messages; `resume` among them."""
    acted: list[tuple[str, str]] = []
    stopped = ""
    for line in log.splitlines():
        match = _COMMAND.match(line)
        known = _KNOWN | ({stopped} if stopped else set())
        if match is None or match[1] not in known:
            match = next((found for found in _OLD_COMMAND.finditer(line) if found[1] in known), None)
        if match is None:
            continue
        if stopped:
            if match[1] == stopped:
                acted.append(("resume", ""))
                stopped = ""
            continue
        acted.append((match[1], match[2]))
        if match[1] == "stop-commands":
            stopped = match[2]
    return acted


# ---------------------------------------------------------------------------------------------------- GitLab


def gitlab_script(job: Mapping[str, Any]) -> str:
    """Return what a GitLab runner gives to bash: the lines of both parts, in one shell that stops at an error."""
    lines = [*job["before_script"], *job["script"]]
    return "\n".join(["set -eo pipefail", "set +o noclobber", *lines])


def gitlab_runs(job: Mapping[str, Any], variables: Mapping[str, str]) -> bool:
    """Return whether a pipeline with these variables has the job: whether one of its rules holds."""
    for rule in job["rules"]:
        assert set(rule) == {"if"}
        quoted = re.sub(r"\$(\w+)", lambda match: repr(variables.get(match[1], "")), rule["if"])
        if eval(quoted.replace("&&", " and ").replace("||", " or "), {"__builtins__": {}}):  # noqa: S307  our own file
            return True
    return False
