"""Every mistake of the catalogue, in a student's notebook, is named on that student's page, and so are most pairs."""

import functools
import html
import itertools
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autograder import demo, loading, variants
from autograder.course import Course
from autograder.diagnose import Diagnosis, diagnose
from autograder.errors import UsageError
from autograder.grade import Grader
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge, ready
from autograder.model import Exercise, Mistake, Observation, Report
from autograder.reports import page

KEY = b"a secret for tests, and only for tests"
ASSIGNMENTS = list(demo.CLASSES)
EXERCISES = [
    (name, f"UNQ_C{n}") for name, count in zip(ASSIGNMENTS, (2, 2, 4, 3), strict=True) for n in range(1, count + 1)
]
PAIRS = 25  # of each exercise, drawn with a fixed seed
FEW_PAIRS = 8  # where a pair takes half a second, because a mistaken function does
SLOW = {"one_to_many_generate", "encoder_decoder_forward"}


class Remembering(HiddenTests):
    """Hidden tests that draw and solve each case once: for one student they are the same in every notebook."""

    inputs = functools.cache(HiddenTests.inputs)

    @functools.cached_property
    def _expected(self) -> dict[tuple[str, str], Any]:
        return {}

    def expected(self, exercise: Exercise, case: str, inputs: tuple[Any, ...]) -> Any:
        """Return what the reference makes of a case's inputs."""
        if (exercise.id, case) not in self._expected:
            self._expected[exercise.id, case] = super().expected(exercise, case, inputs)
        return self._expected[exercise.id, case]


class Grading:
    """One grader of one assignment, and the notebook that its students start from."""

    def __init__(self, course: Course, name: str) -> None:
        self.grader = Grader(course, name, KEY)
        self.grader.tests = Remembering(self.grader.assignment, self.grader.reference, KEY)
        self.solutions = demo.solutions(course, name)

    def graded(self, mistakes: dict[str, str]) -> Report:
        """Return the report on a student with one mistake in each of these exercises and the others left out."""
        left_out = {e.id: f"# {e.id}" for e in self.grader.assignment.exercises if e.id not in mistakes}
        cells = {name: self.solutions.mistaken_cell(name, ids) for name, ids in mistakes.items()}
        return self.grader.grade(variants.write(self.solutions.solved(**left_out, **cells)), "somebody")


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def grading(request: pytest.FixtureRequest, course: Course) -> Iterator[Grading]:
    """Return a grader of each assignment in turn."""
    made = Grading(course, request.param)
    with made.grader:
        yield made


def in_notebooks(exercises: tuple[Exercise, ...]) -> Iterator[dict[str, Mistake]]:
    """Yield notebooks that hold every mistake: in each of them one of each exercise, as long as there are any."""
    for row in itertools.zip_longest(*(e.mistakes for e in exercises)):
        yield {e.id: mistake for e, mistake in zip(exercises, row, strict=True) if mistake is not None}


def texts(document: str) -> list[str]:
    """Return what a reader reads about each exercise of a page."""
    cards = re.split(r'<section class="card" id="exercise-\d+"', document)[1:]
    return [html.unescape(re.sub(r"<[^>]*>", "", card)) for card in cards]


def plain(text: str) -> str:
    """Return a hint as a page shows it: code is set as code, without backticks."""
    return text.replace("`", "")


def test_every_mistake_is_named_on_the_students_page(grading: Grading) -> None:
    """A page calls each mistake by its words, and only it, and gives its two hints; points are lost."""
    for notebook in in_notebooks(grading.grader.assignment.exercises):
        report = grading.graded({exercise: mistake.id for exercise, mistake in notebook.items()})
        read = texts(page.render(report))
        assert len(read) == len(report.exercises)
        for result, text in zip(report.exercises, read, strict=True):
            mistake = notebook.get(result.id)
            if mistake is None:
                continue
            where = (result.id, mistake.id, result.feedback)
            assert result.score < result.max_score, where
            assert result.mistakes == (mistake.id,), where
            assert f"“{mistake.id.replace('-', ' ')}”" in text, where
            assert plain(mistake.idea) in text, where
            assert plain(mistake.nearly) in text, where


class Host:
    """The mistaken functions of an exercise and what they return, each computed once: no guest is needed for them."""

    def __init__(self, tests: HiddenTests, exercise: Exercise) -> None:
        self.tests, self.exercise = tests, exercise
        self.inputs = {case.name: tests.inputs(exercise, case.name, "somebody") for case in exercise.cases}
        self._kept: dict[tuple[Any, ...], Any] = {}

    def mistaken(self, mistakes: tuple[Mistake, ...]) -> Callable[..., Any]:
        """Return the function with these mistakes, remembering what it returned for inputs that it has seen."""
        function = self.tests.mistaken(self.exercise, mistakes)

        def remembering(*inputs: Any) -> Any:
            key = (*(m.id for m in mistakes), *(id(v) for v in inputs if not isinstance(v, np.random.Generator)))
            if key not in self._kept:
                try:
                    self._kept[key] = function(*inputs)
                except Exception as error:  # noqa: BLE001  a mistake may raise anything
                    self._kept[key] = error
            if isinstance(self._kept[key], Exception):
                raise self._kept[key]
            return self._kept[key]

        return remembering

    def observations(self, mistakes: tuple[Mistake, ...]) -> tuple[Observation, ...] | None:
        """Return what the function with these mistakes returns on every case; None where it raises."""
        function = self.mistaken(mistakes)
        try:
            with np.errstate(all="ignore"):
                return tuple(Observation(case, given, function(*ready(given))) for case, given in self.inputs.items())
        except Exception:  # noqa: BLE001  likewise
            return None

    def right(self, observations: tuple[Observation, ...]) -> bool:
        """Return whether nothing is wrong with an answer after all."""
        expected = [self.tests.expected(self.exercise, seen.case, seen.inputs) for seen in observations]
        return all(
            judge(self.exercise, wanted, seen, check).right
            for wanted, seen in zip(expected, observations, strict=True)
            for check in self.exercise.checks
        )


def named(pair: tuple[Mistake, ...], diagnosis: Diagnosis) -> bool:
    """Return whether both are named together, or one mistake that gives the very same outputs."""
    if diagnosis.together:
        return set(diagnosis.mistakes) == set(pair)
    return bool(diagnosis.mistakes)


def share_of_pairs(host: Host, wanted: int) -> tuple[int, int]:
    """Return how many of the sampled pairs of an exercise's mistakes are named, and how many there were."""
    pairs = list(itertools.combinations(host.exercise.mistakes, 2))
    random.Random(host.exercise.function).shuffle(pairs)  # noqa: S311  the same pairs in every run
    seen = hits = 0
    for pair in pairs:
        if seen == wanted:
            break
        try:
            observations = host.observations(pair)
        except UsageError:
            continue  # both edit the same text: nobody makes the two at once
        if observations is None or host.right(observations):
            continue
        seen += 1
        hits += named(pair, diagnose(host.exercise, observations, host.mistaken))
    return hits, seen


@pytest.mark.parametrize(("name", "exercise"), EXERCISES)
def test_most_pairs_of_mistakes_are_named_together(course: Course, name: str, exercise: str) -> None:
    """Of the pairs that go together and do not raise, at least half are named as both, or as one with their outputs."""
    tests = hidden_tests_of(course, name)
    host = Host(tests, tests.assignment.exercise(exercise))
    hits, seen = share_of_pairs(host, FEW_PAIRS if host.exercise.function in SLOW else PAIRS)
    assert seen >= FEW_PAIRS
    assert hits / seen >= 0.5, f"{hits} of {seen}"


def hidden_tests_of(course: Course, name: str) -> HiddenTests:
    """Return the hidden tests of an assignment, without a sandbox."""
    return HiddenTests(*loading.load(course, name), KEY)
