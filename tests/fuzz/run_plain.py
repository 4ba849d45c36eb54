"""Fuzzes targets without coverage: seeds, changed at random, for so many seconds.

What ``make fuzz`` falls back to where atheris is not installed; it finds less in the same time, and says so::

    python tests/fuzz/run_plain.py TARGET ... --seconds N
"""

import argparse
import os
import random
import resource
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import found  # noqa: E402
import mutate  # noqa: E402
import targets  # noqa: E402

MEMORY_CAP = 2 << 30  # bytes of address space above what is there at the start: what takes more fails, and is found


def fuzz(name: str, seconds: float, seed: int) -> tuple[int, dict[str, int]]:
    """Fuzz one target.

    Returns
    -------
    int
        How many inputs were tried.
    dict
        How often each finding was made.
    """
    target = targets.TARGETS[name]
    pool = [*found.seeds(target.seeds).values(), *found.kept(name).values()]
    findings = found.Findings(name)
    rng = random.Random(seed)  # noqa: S311
    end = time.monotonic() + seconds
    tried = 0
    for data in pool:
        findings.run(target.run, data)
    while time.monotonic() < end:
        data = mutate.mutated(target.seeds, rng.choice(pool), pool, rng, target.longest)
        findings.run(target.run, data)
        tried += 1
    return tried, findings.counts


def main() -> int:
    """Fuzz the targets that are named, each for its share of the time; return how many of them found anything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets.TARGETS)}; default: all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all of them together")
    parser.add_argument("--seed", type=int, default=None, help="the same changes again")
    arguments = parser.parse_args()
    names = arguments.targets or list(targets.TARGETS)
    if unknown := set(names) - set(targets.TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    seed = arguments.seed if arguments.seed is not None else int.from_bytes(os.urandom(4))
    print(f"WITHOUT COVERAGE: seeds changed at random (seed {seed}); with atheris it finds more.", flush=True)  # noqa: T201
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_CAP, resource.RLIM_INFINITY))
    bad = 0
    for name in names:
        share = arguments.seconds / len(names)
        tried, counts = fuzz(name, share, seed)
        told = "; ".join(f"{what} {times}x" for what, times in counts.items()) or "nothing found"
        print(f"{name}: {tried} inputs in {share:.0f} s, {tried / share:.0f} a second; {told}", flush=True)  # noqa: T201
        bad += bool(counts)
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
