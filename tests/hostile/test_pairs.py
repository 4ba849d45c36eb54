"""Every pair of conditions under which a class is graded is tried, and nothing is left out without a reason."""

import itertools

from . import denial_cases, pairs, test_denial


def test_every_possible_pair_stands_in_a_row() -> None:
    """What is possible is covered, by a tenth of all combinations or less."""
    rows = test_denial.ROWS
    possible = pairs.possible_rows(test_denial.VALUES, test_denial.impossible)
    wanted = set().union(*map(pairs.pairs_of, possible))
    assert set().union(*map(pairs.pairs_of, rows)) == wanted
    assert all(row in possible for row in rows)
    assert len(rows) * 10 < len(possible)


def test_what_is_left_out_is_left_out_by_a_rule() -> None:
    """Of all pairs of two values, those that no row can have are the ones that a rule names."""
    every = {
        frozenset({(first, one), (second, other)})
        for first, second in itertools.combinations(test_denial.VALUES, 2)
        for one in test_denial.VALUES[first]
        for other in test_denial.VALUES[second]
    }
    covered = set().union(*map(pairs.pairs_of, test_denial.ROWS))
    assert every - covered == {
        frozenset({("user", "root"), ("limit", "nproc")}),
        frozenset({("road", "nbgrader"), ("workers", 2)}),
        frozenset({("road", "nbgrader"), ("workers", 4)}),
    }


def test_a_covering_array_is_small_and_always_the_same() -> None:
    """Three parameters of three values need at least nine rows, and get few more."""
    values = {"x": (1, 2, 3), "y": (1, 2, 3), "z": (1, 2, 3)}
    rows = pairs.covering(values, lambda _row: "")
    assert 9 <= len(rows) <= 12
    assert rows == pairs.covering(values, lambda _row: "")


def test_every_case_of_the_family_stands_in_a_row() -> None:
    """The rows of a kind take turns with its cases, and together have all of them."""
    chosen = [case.name for _, cases in test_denial.CLASSES for case in cases]
    assert set(chosen) == {case.name for case in denial_cases.all_cases()}
