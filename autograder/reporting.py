"""Makes everything that is a picture of the reports again, from the reports on disk."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from autograder import exporting
from autograder.errors import UsageError
from autograder.exporting import Wanted, Written
from autograder.failures import Problems
from autograder.holding import held
from autograder.reports import page
from autograder.reports.class_rows import Register, Row
from autograder.reports.export import Entry
from autograder.results import REPORT, Results


def again(folder: Path, asked: Wanted, command: str = "") -> tuple[list[Row], Written]:
    """Write pages, ``scores.csv``, the class page and exports of a results folder again.

    Parameters
    ----------
    command : str
        What is being done, for whoever finds the folder in use.

    Raises
    ------
    UsageError
        If it holds no report, or one that cannot be read, or cannot be written to, or is in use.
    """
    results = Results(folder, make=False)
    names = results.folders()
    if not names:
        raise UsageError(f"{folder} holds no {REPORT}. Run `autograder grade` first, or name another folder.")
    results.make()
    problems = Problems(results.log)
    with held(folder, command):
        exporting.check(asked, folder)
        register = Register()
        for name in names:
            known = results.read(name)
            if known is None:
                raise UsageError(f"{results.file(name)} cannot be read; grade this submission again.")
            with problems.fence("pages that could not be written", name, "its page could not be made"):
                results.write_page(name, page.render(known))
            register.add_newest(known, name, results.file(name).stat().st_mtime_ns)
        with problems.fence("tables that could not be written", "The class", "scores.csv could not be written"):
            results.write_scores(register)
        with problems.fence("pages that could not be written", "The class", "its page could not be written"):
            results.write_class(register)
        entries = [Entry(row, row.folder or "", partial(results.load, row.folder)) for row in register]
        written = exporting.write(asked, folder, entries)
        for failure in written.failures:
            problems.add_failure("exports that could not be written", "The exports", failure)
        return list(register), replace(written, problems=(*written.problems, *problems.lines()))
