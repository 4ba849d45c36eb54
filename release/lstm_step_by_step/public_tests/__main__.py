"""The student's check before submitting: ``python -m public_tests NOTEBOOK.ipynb``."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from public_tests import execution, notebook_file
from public_tests.execution import Execution
from public_tests.notebook_file import NotebookFile, UnreadableError, UsageError
from public_tests.structure import Structure, examine

OK, NOT_RIGHT, WRONG_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a notebook, print what was found, and return the exit code.

    Returns
    -------
    int
        0 if everything passed, 1 if something is not right, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(
        prog="python -m public_tests",
        description="Check a notebook before you submit it: its cells, a restart and run all, and the public tests. "
        "The notebook is not changed.",
        epilog="Exit code: 0 if everything passed, 1 if something is not right, 2 for wrong usage.",
    )
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK.ipynb")
    parser.add_argument(
        "--timeout", type=_seconds, default=120, metavar="SECONDS", help="how long one cell may take (default: 120)"
    )
    options = parser.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        # a line of the student's may hold what this terminal cannot show; that must not end the check
        sys.stdout.reconfigure(errors="replace")
    try:
        notebook = notebook_file.read(options.notebook)
    except UsageError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except UnreadableError as error:
        print(error, file=sys.stderr)
        return NOT_RIGHT
    return _check(notebook, options.timeout)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds, such as 120")
    return int(text)


def _check(notebook: NotebookFile, timeout: int) -> int:
    print(f"Checking {notebook.path.name}. Cells are counted as Jupyter numbers them after a restart and run all.\n")
    structure = examine(notebook)
    _print_structure(structure)
    if structure.places:
        print(f"\nRestart and run all: {len(notebook.cells)} code cells in a fresh kernel ...", flush=True)
        ran = execution.run(notebook, structure.places, timeout)
        _print_run(ran, len(notebook.cells))
        _print_tests(structure, ran)
    else:
        ran = Execution(unavailable="The notebook was not run.")
    return _print_receipt(notebook, structure, ran)


def _print_structure(structure: Structure) -> None:
    print("Structure:")
    for place in structure.places:
        found = f"cell {place.answer.number}" if place.answer else "not found"
        tested = f"its test in cell {place.test.number}" if place.test else "its test not found"
        print(f"  {place.exercise.id}  {place.exercise.function}: {found}, {tested}")
    for problem in structure.problems:
        print(f"  NOT RIGHT  {problem}")
    for note in structure.notes:
        print(f"  note       {note}")
    if not structure.problems:
        print("  ok")


def _print_run(ran: Execution, cells: int) -> None:
    failed = [function for function, message in ran.tests.items() if message]
    if ran.unavailable:
        _print_block("NOT RUN", ran.unavailable)
    elif ran.problem:
        _print_block("NOT RIGHT", ran.problem)
        if failed:
            print("             It may only follow from the public test that does not pass, below.")
    elif ran.finished < cells:
        _print_block("NOT RIGHT", f"Only {ran.finished} of {cells} cells were run.")
    else:
        and_but = " apart from the public tests below" if failed else ""
        print(f"  ok: all {cells} code cells ran without an error{and_but}, in {ran.seconds:.1f} s")


def _print_tests(structure: Structure, ran: Execution) -> None:
    print("\nPublic tests:")
    for place in structure.places:
        name = place.exercise.function
        if name not in ran.tests:
            print(f"  NOT RUN    {name}_test: the run ended before it")
        elif ran.tests[name]:
            _print_block("NOT RIGHT", ran.tests[name])
        else:
            print(f"  passed     {name}_test")


def _print_block(word: str, text: str) -> None:
    first, *rest = text.splitlines()
    print(f"  {word:<10} {first}")
    for line in rest:
        print(f"             {line}")


def _print_receipt(notebook: NotebookFile, structure: Structure, ran: Execution) -> int:
    total = len(structure.places)
    passed = [function for function, message in ran.tests.items() if not message]
    good_run = not (ran.unavailable or ran.problem)
    unchanged = _digest_now(notebook.path) == notebook.sha256
    everything = not structure.problems and good_run and len(passed) == total > 0 and unchanged
    parts = [
        "structure" if not structure.problems else "",
        "restart and run all" if good_run else "",
        f"{len(passed)} of {total} public tests" if total else "",
    ]
    print("\nReceipt:")
    print(f"  file      {notebook.path.name}")
    print(f"  SHA-256   {notebook.sha256}")
    print(f"  size      {notebook.size} bytes")
    print(f"  checked   {datetime.now().astimezone().isoformat(sep=' ', timespec='seconds')}")
    print(f"  passed    {', '.join(part for part in parts if part) or 'nothing yet'}")
    print(f"  next      {_next(structure, ran, everything=everything, unchanged=unchanged)}")
    return OK if everything else NOT_RIGHT


def _digest_now(path: Path) -> str:
    try:
        return notebook_file.digest(path.read_bytes())
    except OSError:
        return ""


def _next(structure: Structure, ran: Execution, *, everything: bool, unchanged: bool) -> str:
    """Return the one thing to do next."""
    if everything:
        return "Submit this file as it is. The hidden tests use other inputs; if you change the file, check it again."
    if not structure.places:
        return "Check the notebook that came with the assignment, in the folder it came in."
    if not unchanged:
        return "The file was saved while it was being checked: check it again."
    failed = [function for function, message in ran.tests.items() if message]
    if structure.problems:
        task = "Mend what is marked NOT RIGHT under Structure"
    elif ran.unavailable:
        task = "Install what is missing"
    elif failed:
        task = f"Work on {failed[0]}"
    else:
        task = "Mend the cell named under Restart and run all"
    return f"{task}, save the notebook, and check it again. What is right already counts, even if you submit now."


if __name__ == "__main__":
    sys.exit(main())
