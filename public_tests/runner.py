"""Runs a student's function on the visible cases and tells, kindly and exactly, what works and what to change."""

import contextlib
import dis
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from public_tests import cases as data
from public_tests.clues import Clue, Evidence
from public_tests.compare import Difference, Kind, changed, described, difference
from public_tests.contract import Alone, Case, Exercise, Keyed, copied, leaves, parts, sizes
from public_tests.failure import PublicTestFailure
from public_tests.raised import Spot, meaning, spot
from public_tests.unsolved import Placeholder, placeholders

_NOT_YET = {Kind.NONE, Kind.NOT_FINITE, Kind.TYPE, Kind.LENGTH}

PASSED = "All public tests passed. Hidden tests use other inputs."


def run(exercise: Exercise, target: Any) -> None:
    """Print that all visible cases pass, or raise what the student should read.

    Raises
    ------
    PublicTestFailure
        At the first case that does not pass.
    """
    problem = first_problem(exercise, target)
    if problem:
        raise PublicTestFailure(problem)
    print(PASSED)


def first_problem(exercise: Exercise, target: Any) -> str:
    """Return the message about the first case that does not pass; empty if all do."""
    name = exercise.function
    if not callable(target):
        return (
            f"{name}_test was given {described(target)}, not a function.\n"
            f"Call it with the function's name and nothing after it: {name}_test({name})."
        )
    visible = data.cases(exercise.assignment, name)
    for number, case in enumerate(visible):
        problem = _examined(exercise, target, case, visible[:number], visible[0])
        if problem:
            return problem
    return _unrepeatable(exercise, target, visible[0]) or _further(exercise, target, len(visible))


def _call(target: Callable[..., Any], case: Case) -> tuple[Any, tuple[Any, ...]]:
    """Return what the function returns for fresh copies of the inputs, and those copies."""
    given = copied(case.arguments)
    # numpy's warnings would bury the message; what they warn of, NaN and infinity, is looked for in the results
    with np.errstate(all="ignore"):
        return target(*given), given


def _examined(exercise: Exercise, target: Any, case: Case, passed: tuple[Case, ...], general: Case) -> str:
    """Return what to tell the student about one case; empty if it passes."""
    waiting = placeholders(target)
    works = [f"the {len(passed)} visible inputs before this one"] if len(passed) > 1 else []
    works += [f'the input "{passed[0].name}"'] if len(passed) == 1 else []
    try:
        returned, given = _call(target, case)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a student's code raises is explained
        if waiting and _due_to_placeholder(error, spot(error, target), waiting):
            return _unfinished(exercise, waiting, works)
        lines = _about_exception(exercise, target, case, error)
        lines += [*_helper_remark(exercise, target), *_side_remarks(exercise, target, waiting)]
        return _message(exercise, case, works, lines)
    if returned is None:
        if waiting:
            return _unfinished(exercise, waiting, works)
        return _message(
            exercise, case, works, [f"The function returns None: is its last line still {_return(exercise)}?"]
        )
    wrong = _wrong_layout(exercise, returned)
    if wrong:
        return _message(exercise, case, works, [wrong])
    actual, expected = parts(exercise.returns, returned), parts(exercise.returns, case.expected)
    altered = changed(exercise.arguments, case.arguments, given)
    found = _differences(exercise, case, expected, actual)
    right = [name for name in actual if name not in found]
    # what is None, or NaN because None was stored in it, or empty, is a step not taken and no mistake
    if waiting and found and next(iter(found.values())).kind in _NOT_YET:
        return _unfinished(exercise, waiting, works + right)
    if altered:
        return _message(exercise, case, works + right, [_about_changes(altered)], "Does a line with +=, or one that "
                        "assigns to a part of an array, write into what the function was given?")  # fmt: skip
    if not found:
        return ""
    first = next(iter(found.values()))
    helper = _helper_remark(exercise, target)
    # with a wrong helper underneath, what can be seen from here would mislead
    clue = None if helper else _clue(exercise, target, case, general, first, expected, actual)
    lines = [first.says, *helper, *([clue.saw] if clue else []), *_side_remarks(exercise, target, waiting)]
    return _message(exercise, case, works + right, lines, clue.think if clue else "", first.where)


def _differences(
    exercise: Exercise, case: Case, expected: dict[str, Any], actual: dict[str, Any]
) -> dict[str, Difference]:
    known = sizes(exercise, case.arguments)
    found = {}
    for name, node in exercise.returns.fields.items():
        wrong = difference(node, expected[name], actual[name], known, (name,), name)
        if wrong:
            found[name] = wrong
    return found


def _wrong_layout(exercise: Exercise, returned: Any) -> str:
    """Return what is wrong with the returned value as a whole; empty if its parts can be looked at."""
    wanted = exercise.returns.fields
    if isinstance(exercise.returns, Alone):
        return ""  # whatever it is, it is looked at as that one value
    if isinstance(exercise.returns, Keyed):
        if not isinstance(returned, dict):
            return f"The function returns {described(returned)}; it should return a dictionary: {', '.join(wanted)}."
        missing = [key for key in wanted if key not in returned]
        if not missing:
            return ""  # more keys than asked for do no harm
        more = [repr(key) for key in returned if key not in wanted]
        instead = f" It has {' and '.join(more)}, which nobody will look for: is a key misspelt?" if more else ""
        return f"The returned dictionary has no {' and no '.join(missing)}.{instead}"
    if isinstance(returned, tuple | list) and len(returned) == len(wanted):
        return ""
    return (
        f"The function returns {described(returned)}; it should return {len(wanted)} values, in this order: "
        f"{', '.join(wanted)}."
    )


def _clue(
    exercise: Exercise,
    target: Any,
    case: Case,
    general: Case,
    wrong: Difference,
    expected: dict[str, Any],
    actual: dict[str, Any],
) -> Clue | None:
    def ask(arguments: tuple[Any, ...]) -> dict[str, Any] | None:
        # a probe is ours, not the student's: what they print in it would only confuse
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            try:
                returned = target(*arguments)
            except (Exception, SystemExit):  # noqa: BLE001  whatever it raises, the probe says nothing
                return None
        return None if returned is None or _wrong_layout(exercise, returned) else parts(exercise.returns, returned)

    seen = Evidence(exercise, case, wrong, expected, actual, general, ask)
    for finder in exercise.clues:
        clue = finder(seen)
        if clue:
            return clue
    return None


def _helper_remark(exercise: Exercise, target: Any) -> list[str]:
    """Return, as one sentence or none, that the student's function which this one calls is not right itself."""
    helper = exercise.helper
    own = getattr(target, "__globals__", {}).get(helper.function) if helper else None
    if helper is None or not callable(own):
        return []
    with contextlib.redirect_stdout(io.StringIO()):
        wrong = first_problem(helper, own)
    return [f"It calls your {helper.function}, which does not pass its own test: mend that first."] if wrong else []


def _side_remarks(exercise: Exercise, target: Any, waiting: tuple[Placeholder, ...]) -> list[str]:
    """Return what else may be the reason: a name from another cell, a line not filled in."""
    remarks = []
    namespace = getattr(target, "__globals__", {})
    code = getattr(target, "__code__", None)
    visible = data.cases(exercise.assignment, exercise.function)
    known = {name for name, _, _ in leaves(exercise.arguments, visible[0].arguments)} | set(exercise.arguments.fields)
    borrowed = [
        step.argval
        for step in (dis.get_instructions(code) if code else ())
        if step.opname == "LOAD_GLOBAL" and step.argval in known and step.argval in namespace
    ]
    if borrowed:
        remarks.append(
            f"`{borrowed[0]}` is not set inside the function: it comes from another cell of the notebook, where it has "
            "other values. A function should use only what it is given."
        )
    if waiting:
        remarks.append(f"Line {waiting[0].line} still waits for an answer: `{waiting[0].text}`.")
    return remarks


def _due_to_placeholder(error: BaseException, at: Spot | None, waiting: tuple[Placeholder, ...]) -> bool:
    return (
        isinstance(error, NotImplementedError)
        or "None" in str(error)
        or "ellipsis" in str(error)
        or (at is not None and any(at.line == line.line and at.text == line.text for line in waiting))
        or isinstance(error, UnboundLocalError)
    )


def _unfinished(exercise: Exercise, waiting: tuple[Placeholder, ...], works: list[str]) -> str:
    first = waiting[0]
    step = f'the step "{first.step}"' if first.step else "a step"
    lines = [f"{exercise.function} is not finished yet, which is no mistake."]
    outputs = [name for name in works if name in exercise.returns.fields]
    if outputs:
        lines.append(f"What works: {_listed(outputs)}.")
    lines.append(f"Next: {step} still holds a placeholder, in line {first.line} of the cell: `{first.text}`.")
    if len(waiting) > 1:
        lines.append(f"After it, {_count(len(waiting) - 1)} to go.")
    lines.append("Write your own code in place of None, run the cell, then run this test again.")
    lines.append("If you do not see how to begin, open the first hint below.")
    return "\n".join(lines)


def _count(number: int) -> str:
    return "one more placeholder" if number == 1 else f"{number} more placeholders"


def _about_exception(exercise: Exercise, target: Any, case: Case, error: BaseException) -> list[str]:
    at = spot(error, target)
    kind, text = type(error).__name__, str(error)
    known = frozenset(_parameters(case.arguments))
    lines = []
    if at is None:
        lines.append(f"The call itself fails: {kind}: {text}.")
    else:
        called = "" if at.function == exercise.function else f", which {exercise.function} calls"
        lines.append(f"{kind} in {at.function}{called}, line {at.line}: {at.text}")
        if text:
            lines.append(f"Python says: {text}")
        if at.arrays:
            lines.append(f"In that line: {at.arrays}.")
    means = meaning(kind, text, known)
    if means:
        lines.append(means)
    return lines


def _parameters(value: Any) -> dict[str, Any]:
    """Return the dictionary of parameters among the arguments: the last one, or the last of a cache; else nothing."""
    while isinstance(value, tuple | list) and value:
        value = value[-1] if not isinstance(value[0], list) else value[0]
    return value if isinstance(value, dict) else {}


def _about_changes(names: list[str]) -> str:
    return (
        f"The function changes its input {_listed(names)} in place. Whoever calls it would find other "
        "values there than before; compute new arrays and leave what is given as it is."
    )


def _unrepeatable(exercise: Exercise, target: Any, case: Case) -> str:
    """Return what to say if the function answers differently the second time; empty if it does not."""
    if not _examined(exercise, target, case, (), case):
        return ""
    return _message(
        exercise,
        case,
        [],
        ["The first call with this input is right, and a later call with the same input is not."],
        "Does the function keep something from one call to the next: a list outside it, or as a default argument?",
    )


def _further(exercise: Exercise, target: Callable[..., Any], passed: int) -> str:
    """Return what is wrong beyond the cases; empty if nothing is."""
    if exercise.further is None:
        return ""
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        wrong = exercise.further(target)
    if not wrong:
        return ""
    return f"{exercise.function}: not right yet.\nWhat works: the {passed} visible inputs.\nWhat to change: {wrong}"


def _message(
    exercise: Exercise, case: Case, works: list[str], change: list[str], think: str = "", where: str = ""
) -> str:
    letters = ", ".join(f"{letter} = {number}" for letter, number in sizes(exercise, case.arguments).items())
    lines = [f"{exercise.function}: not right yet.", f'Input: "{case.name}", {letters}.']
    if works:
        lines.append(f"What works: {_listed(works)}.")
    lines.append(f"What to change: {change[0]}")
    lines.extend(change[1:])
    if where:
        lines.append(f"Where it departs: {where}")
    if think:
        lines.append(f"Think: {think}")
    return "\n".join(lines)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _return(exercise: Exercise) -> str:
    return f"`return {', '.join(exercise.returns.fields)}`" if not isinstance(exercise.returns, Keyed) else "a `return`"
