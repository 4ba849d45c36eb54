"""The pages of a hostile class, opened in a browser: nothing runs, nothing is fetched, nobody is led away."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hostile.intake import on_disk

from autograder import demo
from autograder.course import Course
from autograder.grade import Grader
from autograder.model import Band, CheckResult, Departure, ExerciseResult, Hint, Outcome, Report, Status
from autograder.reports import page as student_page

KEY = b"a secret for tests, and only for tests"
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
    departure = Departure(payload, (1, 1), (1, 1), 1, 1, (1, 1), Band.HUGE, (payload,))
    exercises = tuple(
        ExerciseResult(
            id=payload, function=payload, score=1.0, max_score=2.0, outcome=outcome,
            checks=(
                CheckResult(payload, False, 1.0, payload + ".", departure),  # noqa: FBT003
                CheckResult(payload, True, 1.0),  # noqa: FBT003
            ),
            mistakes=(payload,), follow_through=True, feedback=f"First.\n{payload}", line=payload,
            hints=(Hint(payload, payload, payload),) * 2, place=payload,
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


# ------------------------------------------------------------------------------------------- everyone can read a page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Names what is wider than the window: the page itself, or a part that would have to be scrolled by itself.
SIDEWAYS = """() => [...document.querySelectorAll("*")]
    .filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
    .concat(document.documentElement.scrollWidth > innerWidth ? [document.documentElement] : [])
    .map(one => one.tagName + "." + one.className)"""
# Names the links and summaries that a finger would miss: smaller than 24 px each way, and with a neighbour in reach.
# A link in a sentence is as high as its line.
SMALL = """() => {
    const all = [...document.querySelectorAll("a:not(.skip), summary")]
        .map(one => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width);
    const apart = (one, other) => Math.hypot(one.x + one.width / 2 - other.x - other.width / 2,
                                             one.y + one.height / 2 - other.y - other.height / 2);
    return all.filter(([one, box]) => Math.min(box.width, box.height) < 24 && !one.closest("p")
        && all.some(([other, near]) => other !== one && apart(box, near) < 24)).map(([one]) => one.outerHTML);
}"""


def told_in_full(report: Report) -> Report:
    """Return a report that fills every part of a page: each outcome, hints, departures, long names, many checks."""
    rows = (".oo##" * 4, ".####" * 4, "." * 20)
    found = Departure("a", (3, 4, 20), (3, 4, 20), 99, 240, (2, 1, 3), Band.LARGE, rows)
    shape = Departure("dba", (5, 1), (5,))
    hints = (Hint("softmax-over-rows", "Which axis?", "`axis=0`, one might say."), Hint("bias-dropped", "How?", "So."))
    checks = tuple(
        CheckResult(f"gradients['dW{n}']", n < 2, 1.0, f"`dW{n}` departs.", None if n < 2 else (found, shape)[n % 2])
        for n in range(10)
    )
    exercises = tuple(
        ExerciseResult(
            id=f"UNQ_C{n}", function=f"a_function_with_a_long_name_{n}", score=100 / 3, max_score=100 / 3,
            outcome=outcome, checks=checks if outcome is Outcome.FAILED else (), hints=hints[: n % 3],
            together=n % 2 == 0, line="line 7: " + "np.dot(Wax, xt) + " * 8 if outcome is Outcome.RAISED else "",
            feedback="First line.\nSecond line.", place=f"{n}. An exercise", untouched=outcome is Outcome.KILLED,
        )
        for n, outcome in enumerate([*Outcome, Outcome.FAILED], start=1)
    )  # fmt: skip
    return dataclasses.replace(report, student="somebody-with-a-long-name@university.example", exercises=exercises)


@pytest.fixture(scope="module")
def full_pages(honest: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the addresses of a page with everything on it, of a real one, and of those without a score."""
    reports = {
        "full": told_in_full(honest),
        "real": honest,
        "rejected": dataclasses.replace(honest, status=Status.REJECTED, score=0.0, reason="It is a picture."),
        "ours": dataclasses.replace(honest, status=Status.GRADER_ERROR, score=None),
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, report in reports.items():
        (folder / f"{name}.html").write_text(student_page.render(report, "22 November 2026"), encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in reports}


@contextmanager
def opened(browser: Any, address: str, *, unfolded: bool = False, **media: Any) -> Iterator[Any]:
    """Open a page in a window of its own."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **media})
    window = context.new_page()
    window.goto(address)
    if unfolded:
        window.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    yield window
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["full", "real", "rejected", "ours"])
def test_axe_finds_no_barrier(browser: Any, full_pages: dict[str, str], name: str, scheme: str) -> None:
    """Of the rules of WCAG 2.2, A and AA, that a program can judge, none is broken, folded or unfolded."""
    axe = pytest.importorskip(
        "axe_playwright_python.base",
        reason="this test needs the Python package axe-playwright-python: make setup-ci",
    )
    for unfolded in (False, True):
        with opened(browser, full_pages[name], unfolded=unfolded, color_scheme=scheme) as window:
            window.evaluate(axe.AXE_SCRIPT)
            found = window.evaluate("rules => axe.run({runOnly: rules})", RULES)
        assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
        assert len(found["passes"]) > 8


@pytest.mark.parametrize("name", ["full", "real", "rejected", "ours"])
@pytest.mark.parametrize("width", [320, 390, 640])  # 640 is a window of 1,280 px at 200 % zoom
def test_nothing_has_to_be_scrolled_sideways(browser: Any, full_pages: dict[str, str], name: str, width: int) -> None:
    """From 320 px on, and at twice the size, all is read by scrolling down; points stay in one line."""
    window_size = {"width": width, "height": 800}
    with opened(browser, full_pages[name], unfolded=True, viewport=window_size) as window:
        assert window.evaluate(SIDEWAYS) == []
        assert window.evaluate(SMALL) == []
        lines = "all => all.map(one => { const range = document.createRange(); range.selectNodeContents(one);"
        lines += " return new Set([...range.getClientRects()].map(box => Math.round(box.y))).size })"
        assert set(window.eval_on_selector_all("td.number", lines)) <= {1}


def test_a_page_is_used_by_keyboard(browser: Any, full_pages: dict[str, str]) -> None:
    """Tab reaches the skip link first, then every link and hint; Enter skips, leads and unfolds."""
    with opened(browser, full_pages["full"]) as window:
        window.keyboard.press("Tab")
        assert window.evaluate("document.activeElement.className") == "skip"
        assert window.evaluate("document.activeElement.getBoundingClientRect().x") >= 0
        window.keyboard.press("Enter")
        assert window.evaluate("document.activeElement.id") == "main"
        expected = window.eval_on_selector_all("main a, main summary", "all => all.length")
        reached = []
        for _ in range(expected):
            window.keyboard.press("Tab")
            reached.append(window.evaluate("document.activeElement.tagName"))
            outline = window.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline not in {"none", ""}
            if reached[-1] == "SUMMARY":
                assert not window.evaluate("document.activeElement.parentElement.open")
                window.keyboard.press("Enter")
                assert window.evaluate("document.activeElement.parentElement.open")
                window.keyboard.press("Enter")
        assert reached.count("SUMMARY") >= 6
        assert reached.count("A") == expected - reached.count("SUMMARY")


def test_a_printed_page_keeps_code_whole_and_hints_folded(browser: Any, full_pages: dict[str, str]) -> None:
    """On paper a line of code is not cut, ink is black on white, and no hint is told that nobody asked for."""
    with opened(browser, full_pages["full"], viewport={"width": 700, "height": 900}, color_scheme="dark") as window:
        window.emulate_media(media="print")
        code = window.locator("pre").first
        assert code.evaluate("one => one.scrollWidth <= one.clientWidth")
        assert code.evaluate("one => getComputedStyle(one).breakInside") == "avoid"
        assert window.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert window.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        hints = window.locator("details.hint > p")
        assert hints.count() > 4
        assert not any(hint.is_visible() for hint in hints.all())


def test_pictures_are_there_in_forced_colours(browser: Any, full_pages: dict[str, str]) -> None:
    """Where the reader's system chooses the colours, marks are drawn in that of the text."""
    with opened(browser, full_pages["full"], forced_colors="active") as window:
        ink = window.evaluate("getComputedStyle(document.querySelector('main p')).color")
        for mark in ("right", "half", "full"):
            drawn = window.evaluate(f"getComputedStyle(document.querySelector('.picture path.{mark}')).fill")
            assert drawn == ink, mark
