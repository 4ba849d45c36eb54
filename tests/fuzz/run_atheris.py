"""Fuzzes targets with atheris, guided by coverage.

    python tests/fuzz/run_atheris.py TARGET ... --seconds N

Starts from the seeds, from what was found before, and from the corpus of earlier runs (``--corpus``, thrown away
where none is named). Inputs that break a promise are written to ``tests/fuzz/found/``, and the run goes on; where one
hangs, crashes the interpreter or takes too much memory, the process is lost, and another one goes on.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

MEMORY_MIB = 1500  # of the whole process; what takes more is a finding
HANG_SECONDS = 60  # of wall-clock time; the targets themselves complain of less
RESTARTS = 200
_COUNTS = re.compile(rb"#(\d+)\s")


def child(name: str, options: list[str]) -> None:
    """Fuzz in this process until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["autograder", "targets"]):
        import targets
    import found
    import mutate

    target = targets.TARGETS[name]
    pool = [*found.seeds(target.seeds).values(), *found.kept(name).values()]
    findings = found.Findings(name)

    def one(data: bytes) -> None:
        findings.run(target.run, data)

    def other(data: bytes, longest: int, seed: int) -> bytes:
        """Change an input as what it is, or as bytes."""
        rng = random.Random(seed)  # noqa: S311
        if rng.random() < 0.35:
            return bytes(atheris.Mutate(data, longest))
        return mutate.mutated(target.seeds, bytes(data), pool, rng, longest)

    atheris.Setup([sys.argv[0], *options, f"-max_len={target.longest}"], one, custom_mutator=other)
    atheris.Fuzz()


def parent(name: str, seconds: float, corpus: Path) -> tuple[int, int]:
    """Keep a child fuzzing for that long; return how many inputs were tried, and how many processes were lost."""
    import found
    import targets

    found.FOUND.mkdir(exist_ok=True)
    _fill(corpus, [*found.seeds(targets.TARGETS[name].seeds).values(), *found.kept(name).values()])
    end = time.monotonic() + seconds
    tried = lost = 0
    while (left := end - time.monotonic()) > 1 and lost < RESTARTS:
        options = [f"-max_total_time={int(left)}", f"-rss_limit_mb={MEMORY_MIB}", f"-timeout={HANG_SECONDS}"]
        options += [f"-artifact_prefix={found.FOUND}/{name}-", "-print_final_stats=1", str(corpus)]
        command = [sys.executable, __file__, name, "--child", *options]
        ended, count = _watched(command, left + 3 * HANG_SECONDS)
        tried += count
        lost += ended != 0
    return tried, lost


def _watched(command: list[str], most: float) -> tuple[int, int]:
    """Run a child; show what it found, and return how it ended and how many inputs it says it tried."""
    count = 0
    process: subprocess.Popen[bytes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        os.set_blocking(process.stdout.fileno(), True)  # type: ignore[union-attr]
        end = time.monotonic() + most
        for line in process.stdout or ():
            if counted := _COUNTS.match(line):
                count = max(count, int(counted[1]))
            if any(word in line for word in (b"FOUND", b"ERROR", b"SUMMARY", b"artifact", b"DONE", b"Error", b"Done")):
                sys.stdout.write(line.decode(errors="replace"))
                sys.stdout.flush()
            if time.monotonic() > end:
                process.kill()
        return process.wait(), count


def _fill(corpus: Path, inputs: list[bytes]) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (corpus / f"seed-{number:03}").write_bytes(data)


def main() -> int:
    """Fuzz the targets that are named, each for its share of the time; return 1 if anything was found."""
    if "--child" in sys.argv:
        at = sys.argv.index("--child")
        child(sys.argv[1], sys.argv[at + 1 :])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    import found
    import targets

    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets.TARGETS)}; default: all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all of them together")
    parser.add_argument(
        "--corpus", type=Path, default=None, help="a folder that grows from run to run; it holds one for each target"
    )
    arguments = parser.parse_args()
    names = arguments.targets or list(targets.TARGETS)
    if unknown := set(names) - set(targets.TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    bad = 0
    for name in names:
        share = arguments.seconds / len(names)
        before = set(found.FOUND.glob("*"))
        with tempfile.TemporaryDirectory(prefix="fuzz-corpus-") as thrown_away:
            corpus = arguments.corpus / name if arguments.corpus else Path(thrown_away)
            tried, lost = parent(name, share, corpus)
        new = sorted(path.name for path in set(found.FOUND.glob("*")) - before if path.suffix != ".txt")
        told = f"found: {', '.join(new)}" if new else "nothing found"
        speed = f"{tried} inputs in {share:.0f} s, {tried / share:.0f} a second"
        print(f"{name}: {speed}, {lost} processes lost; {told}", flush=True)  # noqa: T201
        bad += bool(new or lost)
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
