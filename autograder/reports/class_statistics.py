"""The numbers of the class page: few, each with what it is a share of, none that misleads about a class."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.model import Outcome, Status
from autograder.reports.class_rows import ExerciseRow, Row

STUDENTS_FOR_CORRELATION = 30
EXERCISES_FOR_CORRELATION = 3
_Z = 1.959963984540054  # of the normal distribution, 95 % lie within so many standard deviations
_NOISE = 1e-5  # points; a score is rounded, and so a sum of thirds may fall short of the whole by so much


@dataclass(frozen=True)
class Rate:
    """How many of how many, with the 95 % interval of Wilson (1927) for the share."""

    name: str
    right: int
    of: int

    @property
    def share(self) -> float:
        """The share, from 0 to 1."""
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the interval, from 0 to 1."""
        return wilson(self.right, self.of)


@dataclass(frozen=True)
class ExerciseSummary:
    """One exercise over the whole class.

    Attributes
    ----------
    whole : Rate
        All checks right, of those who attempted it.
    checks : tuple of Rate
        Each check, of those who attempted the exercise.
    outcomes : mapping of Outcome to int
        Over all graded submissions in which the exercise is not as it was handed out.
    untouched : int
        In how many it is.
    followed : int
        How many were given a check because it is right with a correct helper.
    correlation : float or None
        Of its points with the rest of the score; None where the class is too small, or all are equal.
    """

    id: str
    function: str
    whole: Rate
    checks: tuple[Rate, ...]
    outcomes: Counter[Outcome]
    untouched: int
    followed: int
    correlation: float | None


@dataclass(frozen=True)
class MistakeSummary:
    """One mistake, or several that explain an answer equally well, in one exercise.

    Attributes
    ----------
    mistakes : tuple of str
        Ids; more than one where nobody can tell which it was.
    rows : tuple of Row
        The submissions, in the order of the class.
    paired : int
        In how many of them another mistake was made as well.
    attempted : int
        How many attempted the exercise.
    """

    mistakes: tuple[str, ...]
    exercise: str
    function: str
    rows: tuple[Row, ...]
    paired: int
    attempted: int


@dataclass(frozen=True)
class Diagnosed:
    """How many of the answers to an exercise that ran and were wrong a known mistake explains."""

    exercise: str
    function: str
    wrong: int
    unexplained: tuple[Row, ...]


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share.

    Parameters
    ----------
    right, of : int
        ``0 <= right <= of``.

    Returns
    -------
    (float, float)
        Its ends, from 0 to 1; everything is possible where nothing was seen.

    Notes
    -----
    With p = right / of and n = of: ``(p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n)`` (Wilson 1927, Journal of
    the American Statistical Association 22, 209).
    """
    if not of:
        return 0.0, 1.0
    p, z2 = right / of, _Z * _Z
    centre = p + z2 / (2 * of)
    half = _Z * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of))
    scale = 1 + z2 / of
    # at the ends the formula gives exactly 0 and 1, but for rounding
    low = 0.0 if right == 0 else (centre - half) / scale
    high = 1.0 if right == of else (centre + half) / scale
    return low, high


def quartiles(values: Iterable[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third quartile of at least one value.

    Where one falls between two values, it is interpolated: with n sorted values counted from 0, the quantile q stands
    at position q(n - 1) (type 7 of Hyndman and Fan 1996).
    """
    ordered = sorted(values)

    def at(share: float) -> float:
        position = share * (len(ordered) - 1)
        below = int(position)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (position - below) * (ordered[above] - ordered[below])

    return at(0.25), at(0.5), at(0.75)


def bars(rows: Iterable[Row]) -> list[int]:
    """Count graded submissions by share of the points: none, ten steps of a tenth each, all of them.

    Returns
    -------
    list of int
        Twelve counts. A share on the border of two steps counts with the upper one.
    """
    counts = [0] * 12
    for row in rows:
        if row.score is None or not row.graded or row.needs_person:
            continue
        if row.score >= row.max_score - _NOISE:
            counts[-1] += 1
        elif row.score <= 0:
            counts[0] += 1
        else:
            counts[1 + min(int(10 * (row.score + _NOISE) / row.max_score), 9)] += 1
    return counts


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Pearson's correlation; None where one of the two never varies."""
    n = len(one)
    middle, other_middle = math.fsum(one) / n, math.fsum(other) / n
    away = [value - middle for value in one]
    other_away = [value - other_middle for value in other]
    spread = math.fsum(a * a for a in away) * math.fsum(b * b for b in other_away)
    if max(map(abs, away)) < _NOISE or max(map(abs, other_away)) < _NOISE:  # all the same, but for rounding
        return None
    return math.fsum(a * b for a, b in zip(away, other_away, strict=True)) / math.sqrt(spread)


def exercises(rows: Sequence[Row]) -> list[ExerciseSummary]:
    """Sum up each exercise over the graded submissions, in the order of the notebook."""
    graded = [row for row in rows if row.graded]
    groups = by_exercise(graded)
    related = _correlations(graded, list(groups))
    result = []
    for exercise, group in groups.items():
        tried = [part for _, part in group if part.attempted]
        right = Counter(name for part in tried for name, passed in part.checks if passed)
        names = dict.fromkeys(name for _, part in group for name, _ in part.checks)
        result.append(
            ExerciseSummary(
                id=exercise,
                function=group[0][1].function,
                whole=Rate("", sum(part.outcome is Outcome.PASSED for part in tried), len(tried)),
                checks=tuple(Rate(name, right[name], len(tried)) for name in names),
                outcomes=Counter(part.outcome for _, part in group if not part.untouched),
                untouched=sum(part.untouched for _, part in group),
                followed=sum(part.follow_through for part in tried),
                correlation=related.get(exercise),
            )
        )
    return result


def by_exercise(rows: Iterable[Row]) -> dict[str, list[tuple[Row, ExerciseRow]]]:
    """Group what submissions hold by exercise, in the order in which reports name them: the notebook's."""
    groups: dict[str, list[tuple[Row, ExerciseRow]]] = {}
    for row in rows:
        for part in row.exercises:
            groups.setdefault(part.id, []).append((row, part))
    return groups


def has_correlations(rows: Sequence[Row]) -> bool:
    """Return whether a class is large enough for correlations to mean something."""
    graded = [row for row in rows if row.graded]
    return len(graded) >= STUDENTS_FOR_CORRELATION and len(by_exercise(graded)) >= EXERCISES_FOR_CORRELATION


def _correlations(graded: Sequence[Row], ids: Sequence[str]) -> dict[str, float | None]:
    """Correlate each exercise's points with the sum of the others: its own must not stand on both sides."""
    if not has_correlations(graded):
        return {}
    scores = [{part.id: part.score for part in row.exercises if part.score is not None} for row in graded]
    whole = [one for one in scores if len(one) == len(ids)]
    if len(whole) < STUDENTS_FOR_CORRELATION:
        return {}
    return {
        exercise: correlation(
            [one[exercise] for one in whole],
            [math.fsum(score for name, score in one.items() if name != exercise) for one in whole],
        )
        for exercise in ids
    }


def mistakes(rows: Iterable[Row]) -> list[MistakeSummary]:
    """Count each known mistake among those who attempted the exercise, the commonest first.

    A submission counts for a mistake that explains its answer alone, and for each of those that explain it only
    together. Where several explain it equally well, they are counted as one entry that names all of them.
    """
    result = []
    for exercise, group in by_exercise(row for row in rows if row.graded).items():
        attempted = sum(part.attempted for _, part in group)
        found: dict[tuple[str, ...], list[Row]] = {}
        paired: Counter[tuple[str, ...]] = Counter()
        for row, part in group:
            names = tuple(sorted(part.mistakes))
            for key in [(name,) for name in names] if part.together else [names] if names else []:
                found.setdefault(key, []).append(row)
                paired[key] += part.together
        function = group[0][1].function
        result += [
            MistakeSummary(key, exercise, function, tuple(made), paired[key], attempted) for key, made in found.items()
        ]
    return sorted(result, key=lambda one: -len(one.rows))


def diagnosed(rows: Iterable[Row]) -> list[Diagnosed]:
    """Say for each exercise which of the answers that ran and were wrong no known mistake explains."""
    result = []
    for exercise, group in by_exercise(row for row in rows if row.graded).items():
        wrong = [(row, part) for row, part in group if part.attempted and part.outcome is Outcome.FAILED]
        unexplained = tuple(row for row, part in wrong if not part.mistakes)
        if wrong:
            result.append(Diagnosed(exercise, group[0][1].function, len(wrong), unexplained))
    return result


def counted(rows: Sequence[Row]) -> str:
    """Say how many submissions there are, and what became of them."""
    counts = Counter(row.status for row in rows)
    submissions = "1 submission" if len(rows) == 1 else f"{len(rows)} submissions"
    return (
        f"{submissions}: {counts[Status.GRADED]} graded, {counts[Status.REJECTED]} rejected, "
        f"{counts[Status.GRADER_ERROR]} not gradable because of us."
    )
