"""The class page: what it counts, what it shows of it, and that nothing on it is more than text."""

import base64
import csv
import hashlib
import io
import itertools
import math
import random
import re
import statistics as oracle
import weakref
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from autograder import cli
from autograder.errors import GraderError
from autograder.intake import safe_name
from autograder.model import CheckResult, ExerciseResult, Outcome, Provenance, Report, Status
from autograder.rendering import rendered
from autograder.reports import class_page, class_statistics, page
from autograder.reports.audit_status import AuditStatus, from_json
from autograder.reports.class_rows import Register
from autograder.results import AUDIT, PAGE, REPORT, SCORES, Results

PROVENANCE = Provenance("0.1.0", "feed", "c0ffee", "SEED-CANARY", "namespaces", "3.11.9", "2.4.0")
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="x" \u202egnp\x1b[31m{{ 7*7 }}'
STRANGE = (HOSTILE, "javascript:alert(1)", "שלום", "a\u200bb", "%2E", "x" * 180, "名前", "a b", "&lt;b&gt;", "..", "-1")
CHECKS = ("a_next", "yt_pred")


def _exercise(number=1, outcome=Outcome.PASSED, right=(), **changes):
    passed = CHECKS if outcome is Outcome.PASSED else right
    checks = tuple(CheckResult(name, passed=name in passed, weight=1) for name in CHECKS)
    result = ExerciseResult(f"UNQ_C{number}", f"function_{number}", 25.0 * len(passed), 50.0, outcome, checks)
    return replace(result, **changes)


def _report(student="s001", *exercises, **changes):
    exercises = exercises or (_exercise(1), _exercise(2))
    most = sum(exercise.max_score for exercise in exercises)
    score = sum(exercise.score for exercise in exercises)
    report = Report("rnn", student, Status.GRADED, score, most, exercises, PROVENANCE, seconds={"cells": 0.5})
    return replace(report, **changes)


def _write(results, folder, report):
    graded = rendered(report)
    results.write(folder, {REPORT: graded.report_json, PAGE: graded.page})


def _rejected(student="r001"):
    return _report(student, status=Status.REJECTED, score=0.0, reason="It begins with `%PDF`: a printed copy.")


def _ours(student="g001"):
    return _report(student, status=Status.GRADER_ERROR, score=None, reason="OSError: the disk is full")


def _rows(*reports):
    register = Register()
    for report in reports:
        register.add(report, report.student)
    return [row for _, rows in register.classes() for row in rows]


def _class(size=40, exercises=3, seed=1):
    """Return a class that has a bit of everything."""
    rng = random.Random(seed)  # noqa: S311  the same class each time
    reports = []
    for number in range(size):
        parts = []
        for n in range(1, exercises + 1):
            outcome = rng.choices(list(Outcome)[:7], [50, 25, 5, 5, 5, 5, 5])[0]
            right = tuple(name for name in CHECKS[:1] if rng.random() < 0.5) if outcome is Outcome.FAILED else ()
            known = rng.sample(["a0-at-every-step", "softmax-over-rows"], rng.choice([0, 1, 1, 2]))
            mistakes = tuple(sorted(known)) if outcome is Outcome.FAILED else ()
            parts.append(_exercise(n, outcome, right, mistakes=mistakes, together=rng.random() < 0.5))
        reports.append(_report(f"s{number:03}", *parts))
    return [*reports, _rejected(), _ours()]


class _Html(HTMLParser):
    """A page taken apart: tags with attributes, visible text, rows of tables, style and script."""

    VOID = frozenset({"meta", "wbr", "input"})

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.stack, self.texts, self.sections, self.inside = [], [], {}, {}, ""
        self.feed(html)
        self.close()
        assert not self.stack, f"left open: {self.stack}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)
        if tag == "section":
            self.inside = dict(attrs).get("id", "")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag
        if tag == "section":
            self.inside = ""
        if tag in {"th", "td", "dt", "dd", "text", "li"}:
            self.handle_data(" ")
        if tag in {"tr", "p", "h2", "caption"}:
            self.sections[self.inside] = self.sections.get(self.inside, "") + "\n"

    def handle_data(self, data):
        kind = self.stack[-1] if self.stack and self.stack[-1] in {"style", "title", "script"} else "body"
        self.texts[kind] = self.texts.get(kind, "") + data
        if kind == "body":
            self.sections[self.inside] = self.sections.get(self.inside, "") + data.replace("\n", " ")

    @property
    def seen(self):
        return " ".join(self.texts["body"].split())

    def section(self, name):
        return " ".join(self.sections[name].split())

    def lines(self, name):
        return [" ".join(line.split()) for line in self.sections[name].splitlines() if line.strip()]

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def _page(*reports, **options):
    rows = _rows(*reports)
    return _Html(class_page.render(rows[0].assignment if rows else "rnn", rows, **options))


# ---- numbers ------------------------------------------------------------------------------------------------


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_where_the_score_test_turns(counts):
    """Each end is a share whose score test is exactly at its limit: (p - e)² n = z² e (1 - e)."""
    right, of = counts
    p, z = right / of, oracle.NormalDist().inv_cdf(0.975)
    low, high = class_statistics.wilson(right, of)
    assert 0 <= low <= p <= high <= 1
    for end in (low, high):
        assert math.isclose((p - end) ** 2 * of, z * z * end * (1 - end), rel_tol=1e-6, abs_tol=1e-9)
    assert (low == 0) == (right == 0)
    assert (high == 1) == (right == of)


def test_where_nothing_was_seen_everything_is_possible():
    """Of nobody, no share is known."""
    assert class_statistics.wilson(0, 0) == (0, 1)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_quartiles_are_those_of_numpy(values):
    """The three quartiles interpolate as numpy's default does."""
    assert np.allclose(class_statistics.quartiles(values), np.quantile(values, [0.25, 0.5, 0.75]))


@given(st.lists(st.sampled_from([0.0, 0.1, 9.99, 10.0, 55.0, 89.999, 90.0, 99.0, 99.9999999, 100.0]), max_size=40))
def test_none_and_all_points_have_bars_of_their_own(scores):
    """Twelve bars hold everybody once; only exactly nothing and everything are in the outer two."""
    counts = class_statistics.bars(_rows(*(_report(f"s{i}", score=score) for i, score in enumerate(scores))))
    expected = Counter(
        0 if score == 0 else 11 if score > 99.99999 else 1 + min(int(score // 10), 9) for score in scores
    )
    assert counts == [expected[bar] for bar in range(12)]


def test_what_was_not_graded_is_no_zero():
    """Rejected submissions and our failures are in no bar, no rate and no mistake."""
    rows = _rows(_rejected(), _ours(), _report("a"))
    assert sum(class_statistics.bars(rows)) == 1
    assert [summary.whole.of for summary in class_statistics.exercises(rows)] == [1, 1]
    assert not class_statistics.mistakes(rows)


def test_only_those_who_attempted_it_are_counted():
    """Missing, not reached and as handed out is not wrong; raised, stopped and killed is."""
    left_out = [
        _exercise(1, Outcome.MISSING),
        _exercise(1, Outcome.SKIPPED),
        _exercise(1, Outcome.RAISED, untouched=True),
        _exercise(1, Outcome.FAILED, untouched=True),
    ]
    tried = [
        _exercise(1),
        _exercise(1, follow_through=True),
        _exercise(1, Outcome.FAILED, CHECKS[:1]),
        _exercise(1, Outcome.RAISED),
        _exercise(1, Outcome.TIMED_OUT),
        _exercise(1, Outcome.KILLED),
    ]
    rows = _rows(*(_report(f"s{i}", part) for i, part in enumerate(left_out + tried)))
    (summary,) = class_statistics.exercises(rows)
    assert (summary.whole.right, summary.whole.of) == (2, 6)
    assert [(check.name, check.right, check.of) for check in summary.checks] == [("a_next", 3, 6), ("yt_pred", 2, 6)]
    assert (summary.followed, summary.untouched) == (1, 2)
    assert summary.outcomes[Outcome.RAISED] == 1
    (diagnosed,) = class_statistics.diagnosed(rows)
    assert (diagnosed.wrong, [row.student for row in diagnosed.unexplained]) == (1, ["s6"])


def test_a_correlation_is_with_the_rest_of_the_score():
    """It is Pearson's, as numpy has it, with the other exercises only; where points never vary there is none."""
    reports = [report for report in _class(60, 4) if report.status is Status.GRADED]
    reports = [replace(r, exercises=(*r.exercises, _exercise(5))) for r in reports]
    summaries = class_statistics.exercises(_rows(*reports))
    points = np.array([[exercise.score for exercise in report.exercises] for report in reports])
    for number, summary in enumerate(summaries[:-1]):
        rest = np.delete(points, number, axis=1).sum(axis=1)
        assert summary.correlation == pytest.approx(np.corrcoef(points[:, number], rest)[0, 1])
    assert summaries[-1].correlation is None


@pytest.mark.parametrize(("size", "exercises", "shown"), [(30, 3, True), (29, 3, False), (30, 2, False)])
def test_small_classes_have_no_correlations(size, exercises, shown):
    """They are shown from 30 graded submissions and 3 exercises on, and the page says so where they are not."""
    parsed = _page(*_class(size, exercises))
    assert ("correlation with the rest of the score" in parsed.section("exercises")) == shown
    assert ("from 30 graded submissions and 3 exercises on" in parsed.section("numbers")) != shown


def test_mistakes_are_counted_alone_together_and_tied():
    """Each of two made together counts; several that fit equally well are one entry; the commonest comes first."""

    def wrong(*mistakes, together=False):
        return _exercise(1, Outcome.FAILED, mistakes=mistakes, together=together)

    reports = [
        _report("a", wrong("x")),
        _report("b", wrong("x", "y", together=True)),
        _report("c", wrong("y", "x")),
        _report("d", wrong("x", "y")),
        _report("e", wrong("x", "y")),
        _report("f", wrong()),
        _report("g", _exercise(1)),
        _report("h", _exercise(1, Outcome.MISSING)),
    ]
    found = class_statistics.mistakes(_rows(*reports))
    told = [(one.mistakes, [row.student for row in one.rows], one.paired, one.attempted) for one in found]
    assert told == [
        (("x", "y"), ["c", "d", "e"], 0, 7),
        (("x",), ["a", "b"], 1, 7),
        (("y",), ["b"], 1, 7),
    ]


def test_the_register_keeps_no_report():
    """Of a report only a row is kept: a large class need not be in memory."""
    register = Register()
    report = _report("a")
    gone = weakref.ref(report)
    register.add(report, "a")
    del report
    assert gone() is None
    assert [row.student for _, rows in register.classes() for row in rows] == ["a"]


# ---- what the page says ---------------------------------------------------------------------------------------


def test_the_sections_stand_in_their_order():
    """What happened to all comes first, then who needs a person, and how the numbers are made last."""
    parsed = _page(*_class())
    assert "42 submissions: 40 graded, 1 rejected, 1 not gradable because of us." in parsed.seen
    assert [attrs["id"] for attrs in parsed.named("section")] == [
        "people", "scores", "exercises", "mistakes", "students", "slowest", "audit", "numbers",
    ]  # fmt: skip


def test_who_needs_a_person_is_named_with_the_reason():
    """Our failures first, then what could not be read, then what was killed or ran out of time."""
    parsed = _page(
        _report("ann", _exercise(1, Outcome.TIMED_OUT), _exercise(2, Outcome.KILLED)),
        _report("bob", _exercise(1, Outcome.SKIPPED)),
        _report("fine", _exercise(1, Outcome.RAISED)),
        _ours("our"),
        _rejected("rex"),
    )
    assert parsed.lines("people")[4:] == [
        "our not gradable OSError: the disk is full",
        "rex rejected It begins with %PDF: a printed copy.",
        "ann killed in function_2; timed out in function_1",
        "bob skipped in function_1",
    ]


def test_nobody_needs_a_person_is_said():
    """An empty list is a sentence, not an empty table."""
    assert "every submission was read" in _page(_report()).section("people")


def test_many_who_need_a_person_are_folded():
    """Ten are shown, the others are one click away, nobody is left out."""
    parsed = _page(*(_ours(f"g{i:03}") for i in range(200)))
    assert "190 more" in parsed.section("people")
    assert len(re.findall(r"\bg\d{3}\b", parsed.section("people"))) == 200


def test_scores_are_told_by_median_and_quartiles():
    """Points are told where all had the same to earn; what was not graded is said to be left out."""
    reports = [_report(f"s{i}", score=score) for i, score in enumerate([0, 20, 40, 80, 100])]
    parsed = _page(*reports, _rejected(), _ours())
    assert "Median 40 of 100 points; the quartiles are 20 and 80." in parsed.section("scores")
    assert "1 rejected and 1 not gradable because of us." in parsed.section("scores")
    mixed = _page(*reports, _report("t", score=10, max_score=10.0))
    assert "Median 60 of 100 % of the points" in mixed.section("scores")


def test_the_picture_and_its_table_hold_the_same_numbers():
    """Bars are as high as their counts, stand in order, and the table below has all twelve."""
    reports = _class(200)
    parsed = _page(*reports)
    counts = class_statistics.bars(_rows(*reports))
    table = [int(line.rsplit(" ", 1)[1]) for line in parsed.lines("scores") if re.match(r".* \d+$", line)][-12:]
    assert table == counts
    drawn = [attrs for attrs in parsed.named("rect") if attrs["class"] in {"none", "some", "all"}]
    heights = [float(attrs["height"]) for attrs in drawn]
    assert [round(height * max(counts) / max(heights)) for height in heights] == [count for count in counts if count]
    assert [attrs["class"] for attrs in drawn][-1] == "all"
    places = [float(attrs["x"].rstrip("%")) for attrs in drawn]
    assert places == sorted(places)
    assert all(float(attrs["y"]) >= 0 for attrs in drawn)


def test_rates_are_told_as_k_of_n_with_their_interval():
    """An exercise and each of its checks say how many of how many, the share, and how sure that is."""
    reports = [_report(f"s{i}", _exercise(1, *((Outcome.FAILED, CHECKS[:1]) if i < 5 else ()))) for i in range(20)]
    lines = _page(*reports).lines("exercises")
    assert lines[-3:] == [
        "function_1 UNQ_C1 15 of 20 75 % 53 % to 89 %",
        "a_next 20 of 20 100 % 84 % to 100 %",
        "yt_pred 15 of 20 75 % 53 % to 89 %",
    ]


def test_nearly_all_is_not_all():
    """A share is rounded to whole per cent, but never up to all nor down to none."""
    shares = [0, 0.001, 0.004, 0.006, 0.5, 0.994, 0.996, 0.9999, 1]
    assert [class_page._per_cent(share) for share in shares] == [
        "0 %", "under 1 %", "under 1 %", "1 %", "50 %", "99 %", "over 99 %", "over 99 %", "100 %",
    ]  # fmt: skip


def test_mistakes_name_their_students_folded():
    """A mistake says how many of those who attempted it made it; names are there, closed, each with its link."""
    wrong = _exercise(1, Outcome.FAILED, mistakes=("a0-at-every-step",))
    parsed = _page(
        _report("ann", wrong), _report("bob", wrong), _report("cid"), _report("dan", _exercise(1, Outcome.FAILED))
    )
    text = parsed.section("mistakes")
    assert "a0 at every step in function_1 2 students ann bob 2 of 4" in text
    assert "function_1 1 student dan 1 of 3, 33 %" in text
    assert not [attrs for attrs in parsed.named("details") if "open" in attrs]


def test_the_table_holds_everybody_with_every_outcome_as_a_word():
    """One line a submission: points, what became of it, and each exercise with a word where it did not run."""
    reports = [
        _report("ann"),
        _report("bob", _exercise(1, Outcome.RAISED), _exercise(2, Outcome.FAILED, CHECKS[:1])),
        _report("cid", _exercise(1, Outcome.TIMED_OUT), _exercise(2, Outcome.RAISED, untouched=True)),
        _ours("our"),
        _rejected("rex"),
    ]
    assert _page(*reports).lines("students")[-5:] == [
        "ann 100 graded 50 50",
        "bob 25 graded 0, raised 25",
        "cid 0 graded, timed out 0, timed out 0, not written yet",
        "our no score not gradable – –",  # noqa: RUF001
        "rex 0 rejected – –",  # noqa: RUF001
    ]


def test_totals_are_those_of_the_scores(tmp_path):
    """Read off the page, the sum of all scores and the number of each status are those of ``scores.csv``."""
    reports = _class(120)
    results, register = Results(tmp_path), Register()
    for report in reports:
        register.add(report, report.student)
    table = list(csv.DictReader(io.StringIO(results.write_scores(reports).read_text())))
    lines = _Html(results.write_class(register).read_text()).lines("students")[-len(reports) :]
    shown = [re.fullmatch(r"(\S+) (no score|[\d.]+) (graded|rejected|not gradable).*", line).groups() for line in lines]
    assert [name for name, _, _ in shown] == [row["student"] for row in table]
    assert [score.replace("no score", "") for _, score, _ in shown] == [
        re.sub(r"\.0$", "", row["score"]) for row in table
    ]
    words = {"graded": "graded", "rejected": "rejected", "grader_error": "not gradable"}
    assert [status for _, _, status in shown] == [words[row["status"]] for row in table]


def test_the_slowest_are_shown_with_their_times():
    """Ten at most, the slowest first."""
    reports = [_report(f"s{i:02}", seconds={"cells": i / 10, "cases": 1.0}) for i in range(30)]
    lines = _page(*reports).lines("slowest")
    assert lines[3:5] == ["s29 3.90 cells 2.90, cases 1.00", "s28 3.80 cells 2.80, cases 1.00"]
    assert len(lines) == 3 + 10


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "not run"),
        (AuditStatus(True, "2026-11-22", "feed"), "passed The hidden tests were tested on 2026-11-22"),  # noqa: FBT003
        (AuditStatus(True, ""), "passed The hidden tests were tested, and caught"),  # noqa: FBT003
        (AuditStatus(False, "2026-11-22", "feed"), "failed"),  # noqa: FBT003
        (AuditStatus(True, "2026-11-22", "other"), "out of date The last audit, of 2026-11-22, was of another"),  # noqa: FBT003
    ],
)
def test_the_audit_is_told_as_it_stands(status, words):
    """Not run, passed, failed, or of another version of the assignment: each is said in words."""
    assert words in _page(_report(), audit=status).section("audit")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, '{"assignments": []}', '{"assignments": {"rnn": {"passed": "yes"}}}',
     '{"assignments": {"lstm": {"passed": true}}}'],
)  # fmt: skip
def test_an_audit_that_cannot_be_read_has_proved_nothing(text):
    """What is no finding about this assignment is no audit."""
    assert from_json(text, "rnn") is None


def test_an_audit_is_found_beside_the_results_or_in_the_course(tmp_path):
    """The file of the results folder goes before that of the folder around it; the day is shown."""
    results, register = Results(tmp_path / "results"), Register()
    register.add(_report(), "s001")
    (tmp_path / AUDIT).write_text('{"assignments": {"rnn": {"passed": true, "when": "2026-11-22T10:00:00+00:00"}}}')
    assert "passed The hidden tests were tested on 2026-11-22, " in _Html(
        results.write_class(register).read_text()
    ).section("audit")
    (tmp_path / "results" / AUDIT).write_text('{"assignments": {"rnn": {"passed": false}}}')
    assert "failed" in _Html(results.write_class(register).read_text()).section("audit")


@pytest.mark.parametrize(
    "reports",
    [
        (),
        (_report(),),
        (_ours(), _rejected()),
        tuple(_report(f"z{i}", _exercise(1, Outcome.MISSING)) for i in range(3)),
    ],
    ids=["nobody", "one", "none graded", "all zero"],
)
def test_a_class_of_any_kind_has_a_page(reports):
    """Nobody, one, nothing graded and nothing earned are said in sentences; no number is made up."""
    parsed = _page(*reports)
    assert len(parsed.named("h1")) == 1
    assert "nan" not in parsed.seen.lower()
    assert "inf " not in parsed.seen.lower()


def test_nothing_misleading_is_shown():
    """No mean, no deviation, no rank; and nothing that a hidden input could be drawn from."""
    html = class_page.render("rnn", _rows(*_class()))
    parsed = _Html(html)
    everything_else = parsed.seen.replace(parsed.section("numbers"), "")
    for word in ("mean", "average", "deviation", "rank", "predict", "suspic", "plagiar"):
        assert word not in everything_else.lower()
    assert "SEED-CANARY" not in html


# ---- what the page is ------------------------------------------------------------------------------------------


def _hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


PAGES = {
    "class": lambda: class_page.render("rnn", _rows(*_class())),
    "hostile": lambda: class_page.render(HOSTILE, _rows(*_hostile_class())),
    "overview": lambda: _pages(_register([*_class(), *_hostile_class()]))["index.html"],
}


def _hostile_class():
    part = _exercise(
        1, Outcome.FAILED, id=HOSTILE, function=HOSTILE, mistakes=(HOSTILE,),
        checks=(CheckResult(HOSTILE, passed=False, weight=1),),
    )  # fmt: skip
    origin = Provenance(*[HOSTILE] * 7)
    reports = [_report(name, part, seconds={HOSTILE: 1.0}, provenance=origin) for name in STRANGE]
    reports += [replace(_rejected(HOSTILE), reason=HOSTILE), replace(_ours(HOSTILE), reason=f"`{HOSTILE}`" * 50)]
    return [replace(report, assignment=HOSTILE.replace("/", "")) for report in reports]


def _pages(register, when=""):
    """Return the pages of a results folder by their paths."""
    return {place: "".join(pieces) for place, pieces in class_page.pages(register, when)}


def _register(reports):
    register = Register()
    for report in reports:
        register.add(report, safe_name(report.student))
    return register


@pytest.mark.parametrize("kind", list(PAGES))
def test_a_page_loads_nothing_and_runs_only_its_own(kind):
    """The policy comes first and lets through exactly the page's style and script; nothing else could act."""
    parsed = _Html(PAGES[kind]())
    assert [tag for tag, _ in parsed.tags[:3]] == ["html", "head", "meta"]
    script = f" script-src '{_hash(parsed.texts['script'])}';" if "script" in parsed.texts else ""
    assert parsed.tags[2][1]["content"] == (
        f"default-src 'none'; style-src '{_hash(parsed.texts['style'])}';{script} base-uri 'none'; form-action 'none'"
    )
    assert len(parsed.named("script")) == (kind != "overview")
    assert not {"img", "iframe", "object", "embed", "link", "base", "form"} & {tag for tag, _ in parsed.tags}
    for _, attrs in parsed.tags:
        assert not any(name.startswith("on") or name in {"style", "src", "srcdoc", "action"} for name in attrs)
    for attrs in parsed.named("a"):
        assert re.fullmatch(r"(\.\./)?[\w%.~+-][\w%./~+-]*\.html|#\w+", attrs["href"]), attrs
    assert "url(" not in parsed.texts["style"]
    assert "@import" not in parsed.texts["style"]


@pytest.mark.parametrize("kind", list(PAGES))
def test_a_page_can_be_read_by_everyone(kind):
    """Language, title, headings in order, landmarks, captions, scopes, a labelled search, a named picture."""
    parsed = _Html(PAGES[kind]())
    assert parsed.named("html")[0]["lang"] == "en"
    assert parsed.texts["title"].strip()
    levels = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert len(parsed.named("main")) == 1
    assert parsed.named("a")[0]["href"] == f"#{parsed.named('main')[0]['id']}"
    assert len(parsed.named("caption")) == len(parsed.named("table"))
    assert all(attrs.get("scope") in {"col", "row"} for attrs in parsed.named("th"))
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in parsed.named("a") if attrs["href"].startswith("#")} <= set(ids)
    assert {attrs["for"] for attrs in parsed.named("label")} == {attrs["id"] for attrs in parsed.named("input")}
    for attrs in parsed.named("svg"):
        assert attrs.get("aria-hidden") == "true" or (attrs["role"] == "img" and attrs["aria-labelledby"] in ids)


def test_without_script_the_table_is_a_plain_one():
    """What only works with the script is hidden, and there is no button that would do nothing."""
    parsed = _page(*_class())
    assert not parsed.named("button")
    assert "hidden" in next(attrs for attrs in parsed.named("div") if attrs.get("id") == "tools")


def test_hostile_text_appears_as_text():
    """Whatever a name, a function or a reason holds is read as it was written, unseen characters escaped."""
    html = PAGES["hostile"]()
    parsed = _Html(html)
    assert parsed.seen.count("<script>alert(1)</script>") > 10
    assert r"\u202egnp\x1b[31m{{ 7*7 }}" in parsed.seen
    assert "\u202e" not in html
    assert "\x1b" not in html
    for name in ("javascript:alert(1)", "שלום", r"a\u200bb", "名前", "&lt;b&gt;"):
        assert name in parsed.section("students")


def test_what_is_equal_gives_equal_bytes():
    """The page depends on the reports and the day alone, in whatever order they came."""
    reports = _class()
    one, other = _register(reports), _register(reversed(reports))
    assert _pages(one, "2026-11-22") == _pages(other, "2026-11-22")
    assert "2026-11-22" in _pages(one, "2026-11-22")["index.html"]


# ---- where pages stand -------------------------------------------------------------------------------------------


def _targets(place):
    """Return the files that the links of a page lead to."""
    parsed = _Html(place.read_text(encoding="utf-8"))
    hrefs = [attrs["href"] for attrs in parsed.named("a") if not attrs["href"].startswith("#")]
    return [place.parent / unquote(href) for href in hrefs]


def test_every_link_leads_to_a_page(tmp_path):
    """Of names of every kind, each is linked from the table to the page that belongs to it."""
    results, register = Results(tmp_path), Register()
    for number, name in enumerate(STRANGE):
        report = _report(name, score=float(number))
        _write(results, safe_name(name), report)
        register.add(report, safe_name(name))
    targets = _targets(results.write_class(register))
    assert {target.resolve() for target in targets} == {tmp_path / safe_name(name) / PAGE for name in STRANGE}
    assert all(target.is_file() for target in targets)


def test_where_no_page_could_be_written_there_is_no_link(tmp_path):
    """A submission whose folder could not be written is listed, and leads nowhere."""
    register = Register()
    register.add(_report("ann"), None)
    place = Results(tmp_path).write_class(register)
    assert not _targets(place)
    assert _Html(place.read_text()).lines("students")[-1].startswith("ann 100")


def test_several_assignments_have_a_page_each_and_one_above(tmp_path):
    """The first page counts all and leads to each assignment's; these lead to their students and back."""
    results, register = Results(tmp_path), Register()
    for assignment, size in (("rnn", 3), ("lstm", 2)):
        for number in range(size):
            report = _report(f"s{number}", assignment=assignment)
            _write(results, f"{assignment}/s{number}", report)
            register.add(report, f"{assignment}/s{number}")
    first = results.write_class(register)
    assert "5 submissions: 5 graded" in _Html(first.read_text()).seen
    below = [tmp_path / "lstm/index.html", tmp_path / "rnn/index.html"]
    assert _targets(first) == below
    for place, size in zip(below, (2, 3), strict=True):
        targets = [target.resolve() for target in _targets(place)]
        assert targets[0] == first
        assert {target.parent.name for target in targets[1:]} == {f"s{number}" for number in range(size)}
        assert all(target.is_file() for target in targets)


def test_an_assignments_name_leads_nowhere_else(tmp_path):
    """A report from disk that names a folder outside the results is refused; nothing is written there."""
    register = _register([_report("a", assignment="../outside"), _report("b", assignment="rnn")])
    with pytest.raises(GraderError, match="no name for a folder"):
        Results(tmp_path / "results").write_class(register)
    assert not (tmp_path / "outside").exists()


def test_no_student_takes_the_pages_place(tmp_path):
    """A student who is called like the page gets another folder, and no results are ever put in its place."""
    assert safe_name("index.html") != "index.html"
    with pytest.raises(GraderError, match="no name for a folder"):
        _write(Results(tmp_path), "index.html", _report("index.html"))


def test_the_old_page_stays_until_the_new_one_is_complete(tmp_path, monkeypatch):
    """Where the disk is full the page of the last run is still there, and nothing else is left behind."""
    results = Results(tmp_path)
    before = results.write_class(_register([_report("a")])).read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autograder.placing.fill", full)
    with pytest.raises(GraderError, match="could not be written"):
        results.write_class(_register([_report("b")]))
    assert (tmp_path / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_report_makes_the_page_again(tmp_path):
    """``autograder report`` writes it from the reports on disk, with a link to each page."""
    results = Results(tmp_path)
    for name in ("ann", "bob"):
        _write(results, f"rnn/{name}", _report(name))
    said = CliRunner().invoke(cli.app, ["report", str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "rnn", SCORES}
    assert {target.parent.name for target in _targets(tmp_path / "index.html")} == {"ann", "bob"}


# ---- colours ------------------------------------------------------------------------------------------------------


def _themes(name):
    style = (page.TEMPLATES / name).read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_colours_are_those_of_the_students_page():
    """What both pages have a colour for, they have the same colour for; so its contrast is tested there."""
    for ours, theirs in zip(_themes("class.css"), _themes("page.css"), strict=True):
        assert len(ours) > 10
        assert {name: colour for name, colour in ours.items() if name != "bar"}.items() <= theirs.items()


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("one", "other"), [("bar", "card"), ("bad", "card"), ("good", "card"), ("ink", "card")])
def test_bars_stand_out_from_what_is_behind_them(theme, one, other):
    """What a picture is made of reaches the contrast of WCAG AA for graphics, 3 to 1, in both themes."""
    colours = _themes("class.css")[theme]
    light, dark = sorted((_luminance(colours[one]), _luminance(colours[other])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3
