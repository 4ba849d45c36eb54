"""Says what became of an exercise, in words for the student; never an input, an expected value, or a line of ours."""

from collections.abc import Sequence

from autograder.model import CheckResult, Exercise, Outcome


def feedback(
    exercise: Exercise,
    outcome: Outcome,
    checks: Sequence[CheckResult],
    *,
    reason: str = "",
    mistakes: Sequence[str] = (),
    follow_through: bool = False,
) -> str:
    """Return the text of an exercise's feedback: what is right first, then what to change.

    Parameters
    ----------
    reason : str
        What raised, or which limit was hit.
    mistakes : sequence of str
        Ids of the known mistakes that explain the answer.
    follow_through : bool
        True where points were earned with the host's helper.
    """
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
    known = {mistake.id: mistake for mistake in exercise.mistakes}
    ideas = [known[name].idea for name in mistakes]
    if len(ideas) > 1:
        parts.append("Several known mistakes give exactly these results. " + " Or: ".join(ideas))
    else:
        parts += ideas
    return "\n".join(parts)


def _what_to_change(exercise: Exercise, outcome: Outcome, checks: Sequence[CheckResult], reason: str) -> list[str]:
    match outcome:
        case Outcome.MISSING:
            return [reason or f"No cell of the notebook defines `{exercise.function}`."]
        case Outcome.RAISED:
            return [f"`{exercise.function}` did not run to its end. {reason}"]
        case Outcome.TIMED_OUT:
            return [f"It was stopped at its time limit: {reason}. Look for a loop that does not end."]
        case Outcome.KILLED:
            return [f"Its process ended before it answered: {reason}."]
        case Outcome.SKIPPED:
            return [f"It was not run: {reason}."]
        case Outcome.FAILED:
            return list(dict.fromkeys(check.problem for check in checks if not check.passed and check.problem))
        case _:
            return []


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
