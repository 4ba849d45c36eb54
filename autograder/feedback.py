"""Says what became of an exercise, in words for the student; never an input, an expected value, or a line of ours."""

from collections.abc import Sequence
from dataclasses import replace

from autograder.model import CheckResult, Exercise, ExerciseResult, Hint, Outcome


def feedback(
    exercise: Exercise,
    outcome: Outcome,
    checks: Sequence[CheckResult],
    *,
    reason: str = "",
    hints: Sequence[Hint] = (),
    together: bool = False,
    follow_through: bool = False,
    untouched: bool = False,
) -> str:
    """Return the text of an exercise's feedback: what is right first, then what to change.

    Parameters
    ----------
    reason : str
        What raised, or which limit was hit.
    hints : sequence of Hint
        One for each known mistake that explains the answer.
    together : bool
        True where it takes all of them at once.
    follow_through : bool
        True where points were earned with the host's helper.
    untouched : bool
        True where the cell is still as it was released: what it does then says nothing about the student.
    """
    if untouched:
        return f"`{exercise.function}` has not been written yet: its cell is still as it was released."
    parts = []
    right = [f"`{check.name}`" for check in checks if check.passed]
    if outcome is Outcome.PASSED:
        parts.append("Every check is right.")
    elif right:
        parts.append(f"{_listed(right)} {'is' if len(right) == 1 else 'are'} right.")
    if follow_through:
        parts.append(
            f"It was run with a correct `{exercise.helper}`: an error in your own `{exercise.helper}` "
            "costs no points here."
        )
    parts += _what_to_change(exercise, outcome, checks, reason)
    if hints:
        parts.append(named(hints, together=together))
        parts += [hint.idea for hint in hints]
    elif outcome is Outcome.FAILED and any(check.departure and check.departure.of for check in checks):
        parts.append("No mistake that is known to us gives exactly these results.")
    return "\n".join(parts)


def again(exercise: Exercise, result: ExerciseResult) -> ExerciseResult:
    """Return a result with its feedback made anew, from all else that is known of it.

    What running the student's code has found out (a reason, hints) stays as it was found.
    """
    text = feedback(
        exercise,
        result.outcome,
        result.checks,
        reason=result.reason,
        hints=result.hints,
        together=result.together,
        follow_through=result.follow_through,
        untouched=result.untouched,
    )
    return replace(result, feedback=text)


def named(hints: Sequence[Hint], *, together: bool) -> str:
    """Return the sentence that names the mistakes which explain an answer."""
    words = [f"“{hint.words}”" for hint in hints]
    if len(hints) == 1:
        return f"Your results are exactly what one known mistake gives: {words[0]}."
    if together:
        return f"Your results are exactly what two known mistakes give together: {_listed(words)}."
    return f"Each of these known mistakes gives exactly your results: {_listed(words)}."


def _what_to_change(exercise: Exercise, outcome: Outcome, checks: Sequence[CheckResult], reason: str) -> list[str]:
    match outcome:
        case Outcome.MISSING:
            return [reason or f"No cell of the notebook defines `{exercise.function}`."]
        case Outcome.RAISED:
            return [f"`{exercise.function}` did not run to its end. {reason}"]
        case Outcome.TIMED_OUT:
            return [_timed_out(exercise, reason)]
        case Outcome.KILLED:
            return [_killed(exercise, reason)]
        case Outcome.SKIPPED:
            return [f"It was not run: {reason}."]
        case Outcome.GRADER_ERROR:
            return [reason] if reason else []
        case Outcome.FAILED:
            return list(dict.fromkeys(check.problem for check in checks if not check.passed and check.problem))
        case _:
            return []


def _timed_out(exercise: Exercise, reason: str) -> str:
    return (
        f"It was still running at its time limit, {reason}, and was stopped. On inputs of this size "
        f"`{exercise.function}` should take far less than a second: look for a loop that does not end."
    )


def _killed(exercise: Exercise, reason: str) -> str:
    if reason.startswith("memory "):
        return (
            f"`{exercise.function}` asked for more than it may use ({reason}), and was stopped. Compare the shapes of "
            "the arrays that it makes with those in its docstring, and look for a list that grows without end."
        )
    return f"The program ended before `{exercise.function}` returned: {reason}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
