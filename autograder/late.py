"""Late penalties as nbgrader has them: the plugin that the course's configuration names, or none."""

from typing import Any

from autograder.course import Course
from autograder.errors import UsageError
from autograder.gradebook import LatePenalty


def late_penalty(course: Course) -> LatePenalty:
    """Return what takes points off late submissions: from student, score and seconds late to a penalty, or None.

    nbgrader is imported only where its configuration speaks of late penalties: without a word about them its own plugin
    takes nothing off.

    Raises
    ------
    UsageError
        If the configuration cannot be read, or names a plugin that cannot be made.
    """
    config = course.configuration()
    if "AssignLatePenalties" not in config and "LateSubmissionPlugin" not in config:
        return lambda _student, _score, _seconds: None
    from nbgrader.preprocessors import AssignLatePenalties  # noqa: PLC0415  two seconds

    try:
        step = AssignLatePenalties(config=config)
        step.init_plugin()
    except Exception as error:  # the configuration and the plugin are the instructor's code
        raise UsageError(
            f"nbgrader's late-penalty plugin cannot be made: {type(error).__name__}: {error}. "
            "Look at AssignLatePenalties in nbgrader_config.py."
        ) from error

    def penalty(student: str, score: float, seconds: float) -> float | None:
        taken: Any = step.plugin_inst.late_submission_penalty(student, score, seconds)
        return None if taken is None else float(taken)

    return penalty
