"""The class page in a browser: 5,000 students at once, sorting, searching, reading it in any way, and hostile names."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autograder.intake import safe_name
from autograder.model import CheckResult, ExerciseResult, Outcome, Provenance, Report, Status
from autograder.reports.class_rows import Register
from autograder.results import Results

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OUTSIDE = "http://127.0.0.1:9/"  # nobody listens there
MANY = 5000
# Fields for a student's name to act through, were it ever taken for anything but text.
HOSTILE = (
    "<script>window.ran = 1</script>",
    "</title></style></script><script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    f"<img src={OUTSIDE}><link rel=stylesheet href={OUTSIDE}>",
    '"\' onmouseover=window.ran=1 autofocus onfocus=window.ran=1 x="',
    "javascript:window.ran=1",
    "{{ 7 * 7 }}<!-- ]]>",
    "\u202eabc\u200b",
)
PROVENANCE = Provenance("0.1.0", "feed", "c0ffee", "key", "namespaces", "3.11.9", "2.4.0")
# The names of what is wider than the window; the table of students may be scrolled by itself.
SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll("main *")]
    .filter(one => !one.closest(".wide") && one.getBoundingClientRect().right > innerWidth + 1)
    .map(one => one.tagName)"""
# What a finger would miss: links, summaries and buttons of less than 24 px with a neighbour in reach.
SMALL = """() => {
    const all = [...document.querySelectorAll("a:not(.skip), summary, button, input")]
        .map(one => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width);
    const apart = (a, b) => Math.hypot(a.x + a.width / 2 - b.x - b.width / 2, a.y + a.height / 2 - b.y - b.height / 2);
    return all.filter(([one, box]) => Math.min(box.width, box.height) < 24 && !one.closest("p")
        && all.some(([other, near]) => other !== one && apart(box, near) < 24)).map(([one]) => one.outerHTML);
}"""
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("pages")]


def _report(student: str, rng: random.Random, exercises: int = 7) -> Report:
    parts = []
    for number in range(1, exercises + 1):
        outcome = rng.choices([*Outcome][:6], [60, 28, 5, 2, 1, 4])[0]
        right = outcome is Outcome.PASSED
        checks = tuple(CheckResult(name, right, 1.0) for name in ("a_next", "c_next", "yt_pred", "cache"))
        mistakes = (rng.choice(["a0-at-every-step", "bias-dropped"]),) if outcome is Outcome.FAILED else ()
        name = f"a_cell_with_name_{number}"
        earned = float(10 * right)
        parts.append(ExerciseResult(f"UNQ_C{number}", name, earned, 10.0, outcome, checks, mistakes))
    score = sum(part.score for part in parts)
    seconds = {"cells": round(rng.random(), 3), "cases": round(rng.random(), 3)}
    status = rng.choices(list(Status), [90, 5, 5])[0]
    kept = {Status.GRADED: score, Status.REJECTED: 0.0, Status.GRADER_ERROR: None}[status]
    return Report(
        "lstm", student, status, kept, 10.0 * exercises, tuple(parts), PROVENANCE, "A reason.", seconds=seconds
    )


def _written(folder: Path, names: list[str], exercises: int = 7) -> tuple[str, list[Report]]:
    """Write the class page of a random class and return its address."""
    rng = random.Random(7)  # noqa: S311  the same class each time
    register, reports = Register(), []
    for name in names:
        reports.append(_report(name, rng, exercises))
        register.add(reports[-1], safe_name(name.encode("utf-8", "backslashreplace").decode()))
    return Results(folder).write_class(register, "2026-11-22").as_uri(), reports


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Report]]:
    """Return the address of a page of 5,000 students, and their reports."""
    return _written(tmp_path_factory.mktemp("many"), [f"s{number:04}" for number in range(MANY)])


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Report]]:
    """Return the address of a page of a class of ordinary size, and its reports."""
    return _written(tmp_path_factory.mktemp("few"), [f"student-with-a-name-{number}" for number in range(1, 81)])


@pytest.fixture(scope="module")
def dozen(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a page of a small class: axe looks at every cell of a table, and takes its time."""
    return _written(tmp_path_factory.mktemp("dozen"), [f"student-{number}" for number in range(12)])[0]


@contextmanager
def opened(browser: Any, address: str, **media: Any) -> Iterator[Any]:
    """Open a page in a window of its own; in the end, complain of whatever it asked for, said or broke."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **media})
    context.add_init_script(
        "window.stopped = []; window.ran = 0;"
        "addEventListener('securitypolicyviolation', event => stopped.push(event.violatedDirective), true);"
    )
    window = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.goto(address)
    yield window
    assert asked == [address]
    assert not said
    assert window.evaluate("[window.ran, window.stopped]") == [0, []]
    context.close()


def _column(window: Any, number: int) -> list[str]:
    cells = "number => [...document.querySelectorAll('#table tbody tr')].filter(row => !row.hidden)"
    texts: list[str] = window.evaluate(cells + ".map(row => row.cells[number].textContent)", number)
    return texts


def test_five_thousand_students_open_in_time(browser: Any, many: tuple[str, list[Report]]) -> None:
    """The page is there within 2 s, sorts and searches, and shows everybody with the right points."""
    address, reports = many
    took = []
    for _ in range(3):  # the best of three: what else the machine has to do is not the page's
        start = time.perf_counter()
        with opened(browser, address):
            took.append(time.perf_counter() - start)
    assert min(took) < 2
    with opened(browser, address) as window:
        assert window.locator("#found").text_content() == f"{MANY} submissions"
        window.get_by_role("button", name="Score").click()
        points = [score for score in _column(window, 1) if score != "no score"]
        assert sum(map(float, points)) == sum(report.score or 0 for report in reports)
        assert len(_column(window, 1)) == MANY
        typed = (
            "const one = document.getElementById('search'); one.value = 's01'; one.dispatchEvent(new Event('input'))"
        )
        window.evaluate(typed)
        assert len(_column(window, 0)) == 100


def test_a_column_sorts_both_ways(browser: Any, few: tuple[str, list[Report]]) -> None:
    """Numbers sort as numbers, names as people count, what has no points stays last, and the heading says so."""
    address, reports = few
    scores = sorted(report.score for report in reports if report.score is not None)
    missing = len(reports) - len(scores)
    assert missing
    with opened(browser, address) as window:
        heading = window.locator("#table thead th").nth(1)
        for order, expected in (("ascending", scores), ("descending", scores[::-1])):
            heading.get_by_role("button").click()
            assert heading.get_attribute("aria-sort") == order
            assert window.locator("[aria-sort]").count() == 1
            shown = _column(window, 1)
            assert list(map(float, shown[: len(scores)])) == expected
            assert shown[len(scores) :] == ["no score"] * missing
        window.get_by_role("button", name="Student").press("Enter")
        assert _column(window, 0) == [f"student-with-a-name-{number}" for number in range(1, 81)]
        assert ", by student" in window.locator("#found").text_content()


def test_a_search_finds_names_and_status_and_says_how_many(browser: Any, few: tuple[str, list[Report]]) -> None:
    """All words must be there, in any case; the count is announced; an empty search brings everybody back."""
    address, reports = few
    rejected = [report.student for report in reports if report.status is Status.REJECTED]
    assert rejected
    with opened(browser, address) as window:
        search = window.get_by_label("Search by name or status")
        found = window.get_by_role("status")
        assert found.get_attribute("aria-live") == "polite"
        search.fill("NAME rejected")
        assert sorted(_column(window, 0)) == sorted(rejected)
        assert found.text_content() == f"{len(rejected)} of 80 submissions"
        window.get_by_role("button", name="Score").click()
        assert sorted(_column(window, 0)) == sorted(rejected)
        search.fill("nobody")
        assert found.text_content().startswith("0 of 80 submissions")
        search.fill("")
        assert len(_column(window, 0)) == 80


def test_without_script_everybody_is_in_a_plain_table(browser: Any, few: tuple[str, list[Report]]) -> None:
    """All rows and links are there; what would need the script is not."""
    with opened_without_script(browser, few[0]) as window:
        assert window.locator("#table tbody tr").count() == 80
        assert window.locator("#table tbody a").count() == 80
        assert window.locator("button").count() == 0
        assert not window.locator("#search").is_visible()


@contextmanager
def opened_without_script(browser: Any, address: str) -> Iterator[Any]:
    """Open a page in a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto(address)
    yield window
    context.close()


def test_names_appear_as_text_and_do_nothing(browser: Any, tmp_path: Path) -> None:
    """Names made of markup, handlers and addresses are shown, sorted and searched, and nothing runs or is fetched."""
    address, _ = _written(tmp_path, [*HOSTILE, "ann"], exercises=1)
    with opened(browser, address) as window:
        window.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for _ in range(2):
            for number in range(window.locator("#table button").count()):
                window.locator("#table button").nth(number).click()
        window.get_by_label("Search by name or status").fill("<script>")
        assert len(_column(window, 0)) == 2
        window.get_by_label("Search by name or status").fill("")
        assert {name for name in HOSTILE if name.isprintable()} <= set(_column(window, 0))
        assert r"\u202eabc\u200b" in _column(window, 0)
        window.wait_for_timeout(50)
        schemes = window.eval_on_selector_all("#table a", "all => all.map(one => one.protocol)")
        assert set(schemes) == {"file:"}


@pytest.mark.parametrize("width", [320, 390, 640, 1280])
def test_nothing_but_the_table_is_scrolled_sideways(browser: Any, few: tuple[str, list[Report]], width: int) -> None:
    """At every width, folded or not, only the table of students may be wider; and every target can be hit."""
    with opened(browser, few[0], viewport={"width": width, "height": 800}) as window:
        for unfolded in (False, True):
            window.evaluate(
                "open => document.querySelectorAll('details').forEach(one => { one.open = open })", unfolded
            )
            assert window.evaluate(SIDEWAYS) == []
            assert window.evaluate("document.documentElement.scrollWidth") <= width
            assert window.evaluate(SMALL) == []
        region = window.locator(".wide")
        assert region.get_attribute("tabindex") == "0"
        assert region.get_attribute("role") == "region"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(browser: Any, dozen: str, scheme: str) -> None:
    """Of the rules of WCAG 2.2, A and AA, that a program can judge, none is broken: folded, unfolded, sorted."""
    axe = pytest.importorskip(
        "axe_playwright_python.base",
        reason="this test needs the Python package axe-playwright-python: make setup-ci",
    )
    with opened(browser, dozen, color_scheme=scheme) as window:
        window.evaluate(axe.AXE_SCRIPT)
        for act in ("0", "document.querySelectorAll('details').forEach(one => { one.open = true })",
                    "document.querySelectorAll('#table button')[1].click()"):  # fmt: skip
            window.evaluate(act)
            found = window.evaluate("rules => axe.run({runOnly: rules})", RULES)
            assert not [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found["violations"]]
            assert len(found["passes"]) > 8


def test_names_are_unfolded_by_keyboard(browser: Any, few: tuple[str, list[Report]]) -> None:
    """Everything is closed at first; Enter on a summary opens it, and the students' links can be reached."""
    with opened(browser, few[0]) as window:
        assert window.locator("details[open]").count() == 0
        summary = window.locator("details.names summary").first
        summary.focus()
        window.keyboard.press("Enter")
        assert window.locator("details[open]").count() == 1
        window.keyboard.press("Tab")
        assert window.evaluate("document.activeElement.tagName") == "A"


def test_print_shows_what_a_paper_can_show(browser: Any, few: tuple[str, list[Report]]) -> None:
    """On paper there is no search and no way to jump, on white, and the bars keep their ink."""
    with opened(browser, few[0]) as window:
        window.emulate_media(media="print")
        assert not window.locator("nav").is_visible()
        assert not window.locator("#search").is_visible()
        assert window.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert window.evaluate("getComputedStyle(document.querySelector('.rate')).printColorAdjust") == "exact"
        assert window.locator("#people details.more table").first.is_visible()
