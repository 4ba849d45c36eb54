"""Grades a class while its processes are killed again and again, and holds the end to an undisturbed run.

::

    python tests/soak/soak.py --submissions 3000 --kills 40

The victims are drawn at random, the moments too, all from a seed that is printed: coordinators, workers, zygotes with
all that belongs to a sandbox, and guests. A run whose coordinator was killed is started again, and one that ends with
submissions that have no verdict as well, until one ends well. Then all must be as if nothing had happened: every
report, ``scores.csv``, the gradebook, the autograded notebooks; no report that was whole was written twice; and nothing
is left behind, neither a half-made folder nor a process.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder import demo, variants
from autograder.course import CONFIG, MODULES, Course

ROOT = Path(__file__).resolve().parents[2]
NAME = demo.ASSIGNMENT
KINDS = ("coordinator", "worker", "zygote", "guest")
SLEEP = "import time\ntime.sleep({seconds})"  # so that a guest lives long enough to be met
_RUNS = 60  # that one soak may take before something must be wrong
_GONE_SECONDS = 15.0  # for the last processes of a killed run to end


@dataclass
class Plan:
    """How much of what, and in which order.

    Attributes
    ----------
    kills : int
        How many processes are killed, the kinds in turn.
    every : tuple of float
        Seconds between two of them, from and to.
    """

    submissions: int
    kills: int
    seed: int
    every: tuple[float, float] = (0.2, 1.2)
    workers: int = 2
    sleep: float = 0.03


@dataclass
class Outcomes:
    """What came of a soak.

    Attributes
    ----------
    differences : list of str
        What is not as in the undisturbed run; empty where all is well.
    """

    killed: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    differences: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------------- the class


def make_class(folder: Path, plan: Plan) -> Path:
    """Make a course with a class: right, wrong, rejected, one that exits, in a pattern that repeats."""
    course = Course.at(ROOT)
    folder.mkdir(parents=True)
    shutil.copy(ROOT / CONFIG, folder)
    for name in (*MODULES, f"source/{NAME}", f"release/{NAME}"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    # without those that run into a limit, each for ten seconds
    members = [m for m in demo.MEMBERS if not m.student.startswith("evil") or m.student == "evil-exit"]
    made_from = demo.solutions(course)
    contents = []
    for member in members:
        document = member.make(made_from)
        if not isinstance(document, bytes) and plan.sleep and document.get("nbformat") == 4:
            with contextlib.suppress(KeyError, StopIteration, ValueError):
                document = variants.with_cell(document, SLEEP.format(seconds=plan.sleep), before="UNQ_C1")
        contents.append(document if isinstance(document, bytes) else variants.write(document))
    for number in range(plan.submissions):
        place = folder / "submitted" / f"s{number:05d}" / NAME
        place.mkdir(parents=True)
        (place / f"{NAME}.ipynb").write_bytes(contents[number % len(contents)])
        (place / "timestamp.txt").write_text(f"2026-11-{1 + number % 28:02d} 10:00:00 UTC\n")
    return folder


def start(folder: Path, plan: Plan, scratch: Path) -> "subprocess.Popen[str]":
    """Start to grade, as on the command line."""
    return subprocess.Popen(
        [Path(sys.executable).with_name("autograder"), "grade", "--workers", str(plan.workers)],
        cwd=folder,
        # what a sandbox's first process is told names a folder in here: so its processes can be found
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for soaking", "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# ------------------------------------------------------------------------------------------------------ the killing


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def family(pid: int) -> Iterator[tuple[str, int]]:
    """Yield the processes below a coordinator, and what each is.

    Process numbers tell who is who: a sandbox has a namespace of its own, in which its warden is 1; a guest has one
    more, in which its init is 1.
    """
    waiting = children(pid)
    while waiting:
        one = waiting.pop()
        try:
            status = Path(f"/proc/{one}/status").read_text()
            command = Path(f"/proc/{one}/cmdline").read_bytes()
        except OSError:
            continue
        waiting += children(one)
        numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
        if len(numbers) >= 3:
            yield "guest", one
        elif len(numbers) == 2 or b"sandbox.warden" in command:
            yield "zygote", one
        else:
            yield "worker", one


def kill(kind: str, coordinator: int, rng: random.Random, seconds: float) -> bool:
    """Kill a process of a kind as soon as there is one; return whether one was met within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        victims = [coordinator] if kind == "coordinator" else [pid for what, pid in family(coordinator) if what == kind]
        if victims:
            with contextlib.suppress(OSError):
                handle = os.pidfd_open(rng.choice(victims))
                try:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                finally:
                    os.close(handle)
                return True
        time.sleep(0.002)
    return False


def disturb(
    process: "subprocess.Popen[str]", wanted: list[str], plan: Plan, rng: random.Random, done: Counter[str]
) -> None:
    """Kill what is wanted, one after the other, as long as there is a coordinator."""
    while wanted and process.poll() is None:
        time.sleep(rng.uniform(*plan.every))
        if process.poll() is not None:
            return
        if kill(wanted[0], process.pid, rng, seconds=5.0):
            done[wanted.pop(0)] += 1


# ---------------------------------------------------------------------------------------------------- what came of it


def whole_reports(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the reports that are verdicts, with what tells whether they have been written again."""
    found = {}
    for path in (folder / "results" / NAME).glob("*/report.json"):
        with contextlib.suppress(OSError, ValueError):
            if json.loads(path.read_text())["status"] != "grader_error":
                found[path.parent.name] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return found


def reports(folder: Path) -> dict[str, dict[str, object]]:
    """Return every report without its times."""
    found = {}
    for path in sorted((folder / "results" / NAME).glob("*/report.json")):
        document = json.loads(path.read_text())
        del document["seconds"]
        found[path.parent.name] = document
    return found


_ROWS = """
    from {table} x join submitted_notebook sn on sn.id = x.notebook_id
    join submitted_assignment sa on sa.id = sn.assignment_id join base_cell b on b.id = x.cell_id order by 1, 2
"""
_GRADES = """
    select sa.student_id, b.name, sa.timestamp, x.auto_score, x.manual_score, x.needs_manual_grade,
        sn.late_submission_penalty
""" + _ROWS.format(table="grade")
_COMMENTS = "select sa.student_id, b.name, x.auto_comment" + _ROWS.format(table="comment")


def gradebook(folder: Path) -> list[tuple[object, ...]]:
    """Return what the gradebook says, without ids that are drawn at random."""
    with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as book:
        return [*book.execute(_GRADES), *book.execute(_COMMENTS), *book.execute("select id from student order by 1")]


def notebooks(folder: Path) -> dict[str, bytes]:
    """Return the autograded notebooks."""
    return {path.parent.parent.name: path.read_bytes() for path in (folder / "autograded").glob("*/*/*.ipynb")}


def pages(folder: Path) -> list[str]:
    """Return whose page for the student is not the one in the results."""
    return [
        path.parent.parent.name
        for path in (folder / "feedback").glob("*/*/*.html")
        if path.read_bytes() != (folder / "results" / NAME / path.parent.parent.name / "feedback.html").read_bytes()
    ]


def left_behind(folder: Path) -> list[str]:
    """Return what a killed run has left below the folders that are written."""
    places = [folder / name for name in ("results", "autograded", "feedback")]
    hidden = [path for place in places for path in place.rglob(".*")]
    return [str(path.relative_to(folder)) for path in hidden]


def processes(scratch: Path) -> list[int]:
    """Return the processes that belong to a sandbox whose folder is in here."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(scratch).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def compare(calm: Path, disturbed: Path) -> Iterator[str]:
    """Yield what is not alike."""
    one, other = reports(calm), reports(disturbed)
    differing = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    if differing:
        yield f"{len(differing)} reports differ, the first of {differing[0]}"
    if (calm / "results/scores.csv").read_bytes() != (disturbed / "results/scores.csv").read_bytes():
        yield "scores.csv differs"
    rows, others = gradebook(calm), gradebook(disturbed)
    if rows != others:
        first = next((pair for pair in zip(rows, others, strict=False) if pair[0] != pair[1]), (len(rows), len(others)))
        yield f"the gradebook differs: {first}"
    if notebooks(calm) != notebooks(disturbed):
        yield "autograded notebooks differ"
    if pages(disturbed):
        yield f"pages for students are not those of the results: {pages(disturbed)[:3]}"
    if left_behind(disturbed):
        yield f"left behind: {left_behind(disturbed)[:5]}"


def soak(folder: Path, plan: Plan) -> Outcomes:
    """Grade a class twice, once with kills; return what came of it."""
    result, rng = Outcomes(), random.Random(plan.seed)  # noqa: S311  to be had again
    calm = make_class(folder / "calm", plan)
    disturbed = folder / "disturbed"
    shutil.copytree(calm, disturbed)
    scratch = folder / "tmp"
    scratch.mkdir()
    _, complaint = (process := start(calm, plan, scratch)).communicate()
    if process.returncode:
        result.differences.append(f"the undisturbed run ended with {process.returncode}: {complaint}")
        return result

    wanted = [kind for _, kind in zip(range(plan.kills), _in_turn(rng), strict=False)]
    before: dict[str, tuple[int, int]] = {}
    while True:
        result.runs += 1
        process = start(disturbed, plan, scratch)
        killer = threading.Thread(target=disturb, args=(process, wanted, plan, rng, result.killed))
        killer.start()
        said, complaint = process.communicate()
        killer.join()
        now = whole_reports(disturbed)
        again = [name for name, known in before.items() if now.get(name) != known]
        if again:
            result.differences.append(f"run {result.runs} wrote {len(again)} whole reports again: {again[:3]}")
        before = now
        if process.returncode == 0 and not wanted:
            break
        if process.returncode not in {0, 2, -signal.SIGKILL}:
            result.differences.append(f"run {result.runs} ended with {process.returncode}: {complaint[-2000:]}")
            break
        if "Traceback" in said + complaint:
            result.differences.append(f"run {result.runs} broke: {complaint[-2000:]}")
        if result.runs > _RUNS:
            result.differences.append(f"after {result.runs} runs there is no end: {complaint[-2000:]}")
            break
        if process.returncode == 0:  # all is graded, and not all is killed: some of it is to be done again
            for name in rng.sample(sorted(before), max(1, len(before) // 3)):
                shutil.rmtree(disturbed / "results" / NAME / name)
                del before[name]
    result.differences += compare(calm, disturbed)
    end = time.monotonic() + _GONE_SECONDS
    while processes(scratch) and time.monotonic() < end:
        time.sleep(0.05)
    if processes(scratch):
        result.differences.append(f"processes are left: {processes(scratch)}")
    return result


def _in_turn(rng: random.Random) -> Iterator[str]:
    """Yield kinds of processes without end, each as often as the others."""
    while True:
        kinds = list(KINDS)
        rng.shuffle(kinds)
        yield from kinds


def main() -> None:
    """Soak, and say what came of it; exit with 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    plan = Plan(options.submissions, options.kills, options.seed, every=(1.0, 6.0), workers=options.workers)
    say(f"{plan.submissions} submissions, {plan.kills} kills, seed {plan.seed}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        result = soak(Path(temporary), plan)
    number = sum(result.killed.values())
    killed = ", ".join(f"{count} {kind}s" for kind, count in sorted(result.killed.items()))
    say(f"{result.runs} runs, {number} processes killed ({killed}), {time.monotonic() - began:.0f} s")
    for difference in result.differences:
        say(f"DIFFERENT: {difference}")
    if result.differences or number < plan.kills:
        sys.exit(1)
    say("In the end, every report, scores.csv, the gradebook and the notebooks are those of an undisturbed run.")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
