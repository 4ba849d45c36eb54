"""Makes everything that is a picture of the reports again, from the reports on disk."""

from pathlib import Path

from autograder import exporting
from autograder.errors import UsageError
from autograder.exporting import Wanted, Written
from autograder.model import Report
from autograder.reports.class_rows import Register
from autograder.reports.export import Entry
from autograder.results import REPORT, Results


def again(folder: Path, asked: Wanted) -> tuple[list[Report], Written]:
    """Write pages, ``scores.csv``, the class page and exports of a results folder again.

    Raises
    ------
    UsageError
        If it holds no report, or one that cannot be read, or cannot be written to.
    """
    # what begins with a dot is a folder that a killed run was still writing
    found = (path.parent for path in folder.glob(f"**/{REPORT}"))
    folders = sorted(path for path in found if not any(p.startswith(".") for p in path.relative_to(folder).parts))
    if not folders:
        raise UsageError(f"{folder} holds no {REPORT}. Run `autograder grade` first, or name another folder.")
    results = Results(folder)
    exporting.check(asked, folder)
    entries, register = [], Register()
    for place in folders:
        name = place.relative_to(folder).as_posix()
        known = results.read(name)
        if known is None:
            raise UsageError(f"{place / REPORT} cannot be read; grade this submission again.")
        results.write(name, known)
        entries.append(Entry(known, name))
        register.add(known, name)
    reports = [entry.report for entry in entries]
    results.write_scores(reports)
    results.write_class(register)
    return reports, exporting.write(asked, folder, entries)
