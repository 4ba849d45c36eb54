"""The pages of a hostile class, opened in a browser: nothing runs, nothing is fetched, nobody is led away."""

import dataclasses
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hostile.intake import on_disk

from autograder import demo
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import CheckResult, ExerciseResult, Outcome, Report, Status
from autograder.reports import page as student_page

KEY = b"a secret for tests, and only for tests"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # CI runs as root, where Chromium refuses its own sandbox; the pages are ours
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OUTSIDE = "http://127.0.0.1:9/"  # nobody listens there; a request is seen before it leaves

# Runs in every frame before anything of the page: whatever names `owned` is told of, and so is what the policy stops.
WATCH = """
window.ran = [];
window.stopped = [];
Object.defineProperty(window, "owned", {
    get: () => () => window.ran.push("called"),
    set: () => window.ran.push("set"),
});
addEventListener("securitypolicyviolation", event => window.stopped.push(event.violatedDirective), true);
"""
# What a reader does with a page, and more: every element is pointed at, focused, clicked, loaded and toggled.
TOUCH = """
() => {
    for (const one of document.querySelectorAll("*")) {
        for (const kind of ["mouseover", "pointerenter", "focus", "click", "load", "error", "toggle", "animationend"]) {
            one.dispatchEvent(new Event(kind, {bubbles: false, cancelable: true}));
        }
    }
}
"""

PAYLOADS = (
    "<script>window.owned = 1</script>",
    "</title></style></textarea></code></pre><script>owned()</script>",
    "<img src=x onerror=owned()>",
    f"<img src={OUTSIDE}><link rel=stylesheet href={OUTSIDE}><iframe src={OUTSIDE}></iframe>",
    f"<style>@import '{OUTSIDE}'; * {{ background: url({OUTSIDE}) }}</style>",
    "<svg onload=owned()><script>owned()</script><animate onbegin=owned() attributeName=x dur=1s></svg>",
    "<details open ontoggle=owned()><input autofocus onfocus=owned()><body onload=owned()>",
    f"<form action={OUTSIDE}><input type=submit><a href=javascript:owned()>x</a></form>",
    f"<base href={OUTSIDE}><object data={OUTSIDE}></object><embed src={OUTSIDE}>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=owned()>'>",
    "\"' onmouseover=owned() style=animation-name:x onanimationend=owned() x='",
    "`<script>owned()</script>` `code` [here](javascript:owned()) ![x](x)",
    "{{ owned() }}{% import 'os' %}<!-- ]]> --><![CDATA[<script>owned()</script>]]>",
    "<\x00script>owned()</script>\u202e<\u200bscript>owned()</script>",
)
# where one page leads to another by itself, no policy helps: only escaping does
ELSEWHERE = f'<meta http-equiv="refresh" content="0; url={OUTSIDE}">'

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("pages")]


@dataclass
class Seen:
    """What a page did when it was opened and touched."""

    ran: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    led: list[str] = field(default_factory=list)
    text: str = ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium; the tests are skipped, with what to install, where there is none."""
    api = pytest.importorskip(
        "playwright.sync_api",
        reason="the browser tests need the Python package playwright: python -m pip install playwright",
    )
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"the browser tests need Chromium: install it so that one of {', '.join(BROWSERS)} is on the PATH")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield chromium
        chromium.close()


class Watcher:
    """A window of the browser that opens pages from disk, touches all of each, and tells what it did."""

    def __init__(self, browser: Any, error: type[Exception]) -> None:
        self._error = error
        self._seen, self._address = Seen(), ""
        self._context = browser.new_context(accept_downloads=False)
        self._context.set_default_timeout(20_000)
        self._context.add_init_script(WATCH)
        self._context.route("**/*", self._ask)  # what the page's policy stops does not come as far as this
        self._window = self._context.new_page()
        for event, note in {
            "console": lambda message: self._seen.said.append(message.text),
            "pageerror": lambda error: self._seen.said.append(str(error)),
            "dialog": self._talk,
            "popup": lambda other: self._seen.led.append(other.url),
            "download": lambda loaded: self._seen.led.append(loaded.url),
            "framenavigated": self._lead,
        }.items():
            self._window.on(event, note)

    def look(self, path: Path) -> Seen:
        """Return what a page did."""
        self._window.goto("about:blank")
        self._seen, self._address = Seen(), path.resolve().as_uri()
        self._window.goto(self._address)
        try:
            self._window.evaluate(TOUCH)
            self._window.wait_for_timeout(30)  # what waits for its turn, such as an image that fails to load
            self._seen.ran = self._window.evaluate("window.ran")
            self._seen.stopped = self._window.evaluate("window.stopped")
            self._seen.text = self._window.locator("body").text_content() or ""
        except self._error as error:  # the page has gone while we looked at it
            self._seen.led.append(str(error))
        return self._seen

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def _is_ours(self, url: str) -> bool:
        return url.partition("#")[0] == self._address

    def _ask(self, route: Any) -> None:
        if self._is_ours(route.request.url):
            route.continue_()
        else:
            self._seen.asked.append(route.request.url)
            route.abort()

    def _talk(self, dialog: Any) -> None:
        self._seen.said.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _lead(self, frame: Any) -> None:
        # a request that was stopped ends on a page of the browser's own
        if not (self._is_ours(frame.url) or frame.url.startswith(("about:", "chrome-error:"))):
            self._seen.led.append(frame.url)


@pytest.fixture
def watcher(browser: Any) -> Iterator[Watcher]:
    """Return a watcher."""
    api = pytest.importorskip("playwright.sync_api")
    made = Watcher(browser, api.Error)
    yield made
    made.close()


def is_inert(seen: Seen) -> None:
    """Complain of anything that a page did; nothing of a submission should even come as far as the policy."""
    assert not seen.ran
    assert not seen.asked
    assert not seen.led
    assert not seen.said
    assert not seen.stopped
    assert "Feedback for" in seen.text


@pytest.fixture(scope="module")
def honest(course: Course, solutions: demo.Solutions) -> Report:
    """Return a report with exercises that failed: the one with most places for text on its page."""
    content = demo.variants.write(solutions.mistaken(UNQ_C1="sigmoid-for-tanh"))
    with Grader(course, demo.ASSIGNMENT, KEY) as grader:
        return grader.grade(content, "honest")


def poisoned(report: Report, payload: str, status: Status) -> Report:
    """Return a report that says one text wherever a text can stand, and each exercise with another outcome."""
    outcomes = [Outcome.RAISED, Outcome.FAILED, Outcome.PASSED, Outcome.KILLED]
    exercises = tuple(
        ExerciseResult(
            id=payload, function=payload, score=1.0, max_score=2.0, outcome=outcome,
            checks=(CheckResult(payload, False, 1.0, payload + "."), CheckResult(payload, True, 1.0)),  # noqa: FBT003
            mistakes=(payload,), follow_through=True, feedback=f"First.\n{payload}", line=payload,
        )
        for outcome in outcomes
    )  # fmt: skip
    origin = {field.name: payload for field in dataclasses.fields(report.provenance)}
    return dataclasses.replace(
        report, assignment=payload, student=payload, status=status, exercises=exercises, reason=payload,
        notes=(payload, payload), provenance=dataclasses.replace(report.provenance, **origin),
    )  # fmt: skip


def test_the_watcher_sees_what_is_to_be_seen(watcher: Watcher, tmp_path: Path) -> None:
    """Without escaping and policy each kind of act is noticed: else the tests below would mean nothing."""
    for number, (payload, where) in enumerate(
        (
            (PAYLOADS[0], "ran"),
            (PAYLOADS[2], "ran"),
            (PAYLOADS[3], "asked"),
            (PAYLOADS[4], "asked"),
            (PAYLOADS[5], "ran"),
            (PAYLOADS[10].partition(" ")[2].join(("<p ", "'>text</p>")), "ran"),
            ("<script>alert('owned')</script>", "said"),
            ("<script>console.log('owned')</script>", "said"),
            (f"<script>window.open('{OUTSIDE}')</script>", "asked"),
            (ELSEWHERE, "asked"),
        )
    ):
        path = tmp_path / f"{number}.html"
        path.write_text(f"<!DOCTYPE html><title>x</title><body>Feedback for {payload}", encoding="utf-8")
        assert getattr(watcher.look(path), where), payload


def test_the_pages_of_a_hostile_class_do_nothing(
    watcher: Watcher, course: Course, solutions: demo.Solutions, tmp_path: Path
) -> None:
    """Every page of a class graded from disk, by names and notebooks of every kind."""
    graded = on_disk.graded_class(course, solutions, tmp_path)
    assert len(graded.pages) > 100, graded.said
    for path in graded.pages:
        is_inert(watcher.look(path))


@pytest.mark.parametrize("status", list(Status))
def test_a_page_of_nothing_but_payloads_shows_them_as_text(
    watcher: Watcher, honest: Report, tmp_path: Path, status: Status
) -> None:
    """Each payload in every place of a report at once appears on the page as it is written."""
    for number, payload in enumerate((*PAYLOADS, ELSEWHERE)):
        report = poisoned(honest, payload, status)
        path = tmp_path / f"{number}.html"
        path.write_text(student_page.render(report, payload), encoding="utf-8")
        seen = watcher.look(path)
        is_inert(seen)
        if payload.isprintable():
            assert payload in seen.text


def test_the_policy_alone_stops_what_is_not_escaped(watcher: Watcher, honest: Report, tmp_path: Path) -> None:
    """The second wall without the first: were a text ever put on the page as it is, its script would still not run."""
    stopped = set()
    for number, payload in enumerate(PAYLOADS):
        marked = "PAYLOAD-OF-A-STUDENT"
        shown = student_page.render(dataclasses.replace(honest, student=marked, notes=(marked,)), "")
        assert shown.count(escape(marked)) >= 2
        path = tmp_path / f"{number}.html"
        path.write_text(shown.replace(marked, payload), encoding="utf-8")
        seen = watcher.look(path)
        assert not seen.ran, payload
        assert not seen.asked, payload
        assert not seen.led, payload
        stopped.update(seen.stopped)
    assert {"script-src-elem", "script-src-attr", "img-src", "style-src-elem", "frame-src", "base-uri"} <= stopped
