"""Makes the students' version of assignments: through nbgrader, checked for leaks, and put in place all at once."""

import io
import logging
import os
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import CONFIG, Course
from autograder.errors import AutograderError, UsageError
from autograder.release_folder import archive, files_of


@dataclass(frozen=True)
class ReleasedAssignment:
    """What was released.

    Attributes
    ----------
    folder, archive : Path
        The folder for students, and the zip of it.
    warnings : tuple of str
        One sentence each on what the instructor should look at: regions that were replaced whole, steps without
        a comment.
    """

    name: str
    folder: Path
    archive: Path
    warnings: tuple[str, ...]


def release(
    course: Course, assignments: Sequence[str] = (), *, output: Path | None = None, gradebook: bool = True
) -> list[ReleasedAssignment]:
    """Release assignments: blank the solutions, add what they need, check for leaks, replace the old release.

    Nothing is put in place, and nothing written to the gradebook, before every assignment has been built and found
    free of leaks.

    Parameters
    ----------
    course : Course
        The course.
    assignments : sequence of str
        Their names; none means all of the course.
    output : Path, optional
        Where the folders and archives go; default ``release/`` of the course.
    gradebook : bool
        Whether nbgrader's gradebook gets the assignments' rows.

    Returns
    -------
    list of ReleasedAssignment
        In the order asked for.

    Raises
    ------
    UsageError
        If an assignment is unknown, its markers are out of order, it would give its solution away (one line for
        each leak), or the gradebook is locked or none; the old release is untouched then.
    """
    names = list(dict.fromkeys(assignments)) or course.assignments()
    if not names:
        raise UsageError(f"{course.root} has no assignments: source/NAME/NAME.ipynb is where one would be.")
    for name in names:
        course.source_notebook(name)
    if gradebook:
        from autograder import gradebook_access  # noqa: PLC0415 (slow)

        url, _ = course.gradebook()
        gradebook_access.check(gradebook_access.url_in(course.root, url), course.root)
    target = output if output is not None else course.root / "release"
    try:
        target.mkdir(parents=True, exist_ok=True)
        # below the target: only a rename within one file system replaces at once
        with tempfile.TemporaryDirectory(prefix=".new-", dir=target) as temporary:
            return _release(course, names, target.resolve(), Path(temporary).resolve(), gradebook=gradebook)
    except OSError as error:
        raise UsageError(f"The release could not be written to {target}: {error}. Is the folder writable?") from error


def is_fresh(course: Course, assignment: str) -> list[str]:
    """Say what differs between a new build and the committed ``release/`` folder; nothing if it is fresh."""
    course.source_notebook(assignment)
    with tempfile.TemporaryDirectory() as temporary:
        _generate(course, assignment, Path(temporary).resolve(), gradebook=False)
        new = files_of(Path(temporary).resolve() / assignment)
    old = files_of(course.root / "release" / assignment)
    remedy = f"Run `autograder release {assignment}` and commit the result."
    where = f"release/{assignment}"
    if not old:
        return [f"{where} is missing. {remedy}"]
    return [
        *(f"{where}/{name} is missing. {remedy}" for name in sorted(new.keys() - old.keys())),
        *(f"{where}/{name} is not part of the release. {remedy}" for name in sorted(old.keys() - new.keys())),
        *(f"{where}/{n} is stale. {remedy}" for n in sorted(new.keys() & old.keys()) if new[n] != old[n]),
    ]


def _release(
    course: Course, names: list[str], target: Path, temporary: Path, *, gradebook: bool
) -> list[ReleasedAssignment]:
    built, discarded = temporary / "built", temporary / "recorded"
    said = {name: _generate(course, name, built, gradebook=False) for name in names}
    for name in names:
        archive(built / name, temporary / f"{name}.zip")
    if gradebook:
        for name in names:
            _generate(course, name, discarded, gradebook=True)
    released = []
    for name in names:
        _replace(built / name, target / name, temporary / f"{name}.old")
        os.replace(temporary / f"{name}.zip", target / f"{name}.zip")  # noqa: PTH105 (as in _replace)
        released.append(ReleasedAssignment(name, target / name, target / f"{name}.zip", said[name]))
    return released


def _replace(new: Path, place: Path, old: Path) -> None:
    """Put a folder in place of another; if that fails, the old one stands again."""
    if place.exists() or place.is_symlink():
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        if old.exists() or old.is_symlink():
            old.rename(place)
        raise


def _generate(course: Course, assignment: str, into: Path, *, gradebook: bool) -> tuple[str, ...]:
    """Let nbgrader generate one assignment below a folder that has none yet.

    With `gradebook`, nbgrader only records it: what it writes was checked before, and is thrown away.
    """
    said = io.StringIO()
    with _surroundings(course):
        from autograder.release_steps import RefuseLeaks, ReportingConverter, ShipCompanions  # noqa: PLC0415 (slow)

        config = _config(course)
        config.CourseDirectory.root = str(course.root)
        config.CourseDirectory.release_directory = str(into)
        config.CourseDirectory.assignment_id = assignment
        config.BaseConverter.force = True
        config.RefuseLeaks.enabled = config.ShipCompanions.enabled = config.BlankSolutions.enabled = True
        if gradebook:
            steps = config.GenerateAssignment.preprocessors
            config.GenerateAssignment.preprocessors = [s for s in steps if s not in (ShipCompanions, RefuseLeaks)]
        else:
            config.GenerateAssignment.no_database = True
            config.SaveCells.enabled = False
        converter = _converter(ReportingConverter, config, said)
        try:
            converter.start()
        except Exception as error:
            raise _explained(assignment, converter.failure or error, said.getvalue(), gradebook=gradebook) from error
    if not (into / assignment / f"{assignment}.ipynb").is_file():
        raise UsageError(f"nbgrader made no notebook for {assignment}. It said:\n{said.getvalue().rstrip()}")
    return tuple(converter.warnings)


def _config(course: Course) -> Any:
    """Read the course's configuration, and make sure that our steps are in it."""
    from traitlets.config import PyFileConfigLoader  # noqa: PLC0415 (slow)

    from autograder.release_steps import STEPS, BlankSolutions, RefuseLeaks, ShipCompanions  # noqa: PLC0415 (slow)

    path = course.root / CONFIG
    try:
        config = PyFileConfigLoader(str(path)).load_config()
    except Exception as error:  # whatever the instructor's own file raises is theirs to read
        raise UsageError(f"{path} does not run: {type(error).__name__}: {error}. Mend it and try again.") from error
    if "preprocessors" not in config.GenerateAssignment:
        config.GenerateAssignment.preprocessors = list(STEPS)
    steps = [_imported(step, path) for step in config.GenerateAssignment.preprocessors]
    config.GenerateAssignment.preprocessors = steps
    if BlankSolutions not in steps or ShipCompanions not in steps or steps[-1] is not RefuseLeaks:
        raise UsageError(
            f"{path}: c.GenerateAssignment.preprocessors must hold BlankSolutions (in the place of ClearSolutions) "
            "and ShipCompanions, and end with RefuseLeaks; they are in autograder.release_steps."
        )
    return config


def _imported(step: Any, path: Path) -> Any:
    from traitlets.utils.importstring import import_item  # noqa: PLC0415 (slow)

    try:
        return import_item(step) if isinstance(step, str) else step
    except ImportError as error:
        raise UsageError(f"{path}: the preprocessor {step} cannot be imported: {error}.") from error


def _converter(kind: Any, config: Any, said: io.StringIO) -> Any:
    from nbgrader.coursedir import CourseDirectory  # noqa: PLC0415 (slow)

    log = logging.Logger("nbgrader", logging.INFO)  # noqa: LOG001 (no handlers of others: the terminal stays clean)
    handler = logging.StreamHandler(said)
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    log.addHandler(handler)
    return kind(coursedir=CourseDirectory(config=config, log=log), config=config, log=log)


def _explained(assignment: str, error: Exception, said: str, *, gradebook: bool) -> AutograderError:
    """Return what an instructor can act on."""
    if isinstance(error, AutograderError):
        return error
    what = "record it in the gradebook" if gradebook else "generate it"
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return UsageError(f"{assignment}: nbgrader could not {what}: {reason}. It said:\n{said.rstrip()}")


@contextmanager
def _surroundings(course: Course) -> Iterator[None]:
    """Give nbgrader what it expects: its programs on the path, the course importable; and take it back."""
    path, folder, modules = os.environ.get("PATH", ""), Path.cwd(), sys.path.copy()
    programs = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
    os.environ["PATH"] = os.pathsep.join([*dict.fromkeys(programs), path])  # it calls `alembic` by name
    sys.path.append(str(course.root))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations within nbgrader and what it imports
            yield
    finally:
        os.environ["PATH"] = path
        sys.path[:] = modules
        os.chdir(folder)
