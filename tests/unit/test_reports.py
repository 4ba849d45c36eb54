"""Every format is a faithful and harmless picture of a report."""

import base64
import csv
import hashlib
import io
import itertools
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from autograder.errors import GraderError, UsageError
from autograder.model import Band, CheckResult, Departure, ExerciseResult, Hint, Outcome, Provenance, Report, Status
from autograder.reports import page, scores, table
from autograder.reports.json_report import NewerReportError, from_json, to_json
from autograder.reports.text import points, visible

PROVENANCE = Provenance(
    "0.1.0", "feed", "c0ffee", "SEED-CANARY", "namespaces", "3.11.9", "2.4.0", "6.1.0-KERNEL", "10 s a call"
)
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="x" \u202egnp\x1b[31m{{ 7*7 }}'


def _scored(result):
    """Keep the rule about scores: an exercise has none exactly where the grader failed."""
    return replace(result, score=None) if result.outcome is Outcome.GRADER_ERROR else result


def _exercise(number=1, outcome=Outcome.PASSED, score=50.0, **changes):
    checks = (
        CheckResult("a_next", passed=True, weight=4),
        CheckResult("yt_pred", passed=outcome is Outcome.PASSED, weight=4),
        CheckResult("cache", passed=outcome is Outcome.PASSED, weight=2),
    )
    result = ExerciseResult(f"UNQ_C{number}", f"function_{number}", score, 50.0, outcome, checks)
    return _scored(replace(result, **changes))


def _report(**changes):
    exercises = changes.pop("exercises", (_exercise(1), _exercise(2)))
    score = sum(exercise.score or 0.0 for exercise in exercises)
    report = Report("rnn_step_by_step", "s001", Status.GRADED, score, 100.0, exercises, PROVENANCE)
    return replace(report, **changes)


REJECTED = _report(status=Status.REJECTED, score=0.0, exercises=(), reason="It begins with `%PDF`: a printed copy.")
UNGRADABLE = _report(status=Status.GRADER_ERROR, score=None, reason="REASON-CANARY")
PARTIAL = _report(
    exercises=(
        _exercise(1, Outcome.FAILED, 20.0, feedback="`yt_pred` is not right yet."),
        _exercise(2, Outcome.RAISED, 0.0, line="line 14: y = np.dot(Wy, a)", checks=(), feedback="`Wy` is unknown."),
    )
)
DEPARTING = _report(
    exercises=(
        _exercise(
            1,
            Outcome.FAILED,
            0.0,
            checks=(
                CheckResult(
                    "a",
                    passed=False,
                    weight=1,
                    problem="`a` departs.",
                    departure=Departure("a", (2, 4, 3), (2, 4, 3), 9, 24, (2, 1, 1), Band.LARGE, (".o#", ".##")),
                ),
                CheckResult("dba", passed=False, weight=1, departure=Departure("dba", (2, 1), (2,))),
            ),
            mistakes=("bias-dropped",),
            hints=(Hint("bias-dropped", "How many terms?", "One is missing."),),
            place="6. Exercise 1",
        ),
        _exercise(2, Outcome.RAISED, 0.0, untouched=True),
    )
)
EVERY_KIND = {
    "departing": DEPARTING,
    "full": _report(),
    "partial": PARTIAL,
    "rejected": REJECTED,
    "ungradable": UNGRADABLE,
    "hostile": _report(
        student=HOSTILE,
        assignment=HOSTILE,
        notes=(HOSTILE,),
        exercises=(
            _exercise(
                1,
                Outcome.FAILED,
                1.5,
                function=HOSTILE,
                feedback=f"{HOSTILE} `{HOSTILE}`",
                line=HOSTILE,
                mistakes=(HOSTILE,),
                checks=(CheckResult(HOSTILE, passed=False, weight=1, problem=HOSTILE),),
            ),
        ),
    ),
    "hostile reason": replace(REJECTED, reason=HOSTILE, student=HOSTILE),
    **{outcome.value: _report(exercises=(_exercise(1, outcome, 0.0, checks=()),)) for outcome in Outcome},
}
kinds = pytest.mark.parametrize("report", EVERY_KIND.values(), ids=EVERY_KIND.keys())

texts = st.text(max_size=20) | st.sampled_from([HOSTILE, "=1+1", "-5", "\udc80"])
numbers = st.floats(0, 1e6) | st.integers(0, 100)
checks = st.builds(CheckResult, texts, st.booleans(), numbers, texts)
exercises = st.builds(
    ExerciseResult, texts, texts, numbers, numbers, st.sampled_from(Outcome), st.lists(checks, max_size=3).map(tuple),
    st.lists(texts, max_size=2).map(tuple), st.booleans(), texts, texts,
).map(_scored)  # fmt: skip
reports = st.builds(
    Report, texts, texts, st.just(Status.GRADED), numbers, numbers, st.lists(exercises, max_size=2).map(tuple),
    st.builds(Provenance, *[texts] * 9), texts, st.lists(texts, max_size=2).map(tuple),
    st.dictionaries(texts, numbers, max_size=2), texts, st.lists(texts, max_size=2).map(tuple), st.booleans(), texts,
) | st.sampled_from([REJECTED, UNGRADABLE])  # fmt: skip


# ---- report.json -------------------------------------------------------------------------------------


@given(reports)
def test_a_report_survives_json(report):
    """What was written is read back equal, in ASCII, with a newline at the end, the same bytes each time."""
    text = to_json(report)
    assert from_json(text) == report
    assert text.isascii()
    assert text.endswith("}\n")
    assert to_json(from_json(text)) == text


def test_json_is_schema_2():
    """The keys and the nesting are those of the contract, read by nothing of ours."""
    document = json.loads(to_json(PARTIAL))
    assert document["schema"] == 2
    assert document["status"] == "graded"
    assert document["score"] == 20.0
    assert {"assignment", "student", "max_score", "exercises", "provenance", "seconds"} <= document.keys()
    first = document["exercises"][0]
    assert (first["id"], first["function"], first["outcome"]) == ("UNQ_C1", "function_1", "failed")
    assert (first["score"], first["max_score"], first["follow_through"]) == (20.0, 50.0, False)
    assert first["mistakes"] == []
    assert first["feedback"] == "`yt_pred` is not right yet."
    assert [(c["name"], c["passed"], c["weight"]) for c in first["checks"]] == [
        ("a_next", True, 4),
        ("yt_pred", False, 4),
        ("cache", False, 2),
    ]
    assert document["provenance"]["seed_key"] == "SEED-CANARY"
    assert document["provenance"]["kernel"] == "6.1.0-KERNEL"
    assert document["provenance"]["limits"] == "10 s a call"


def test_the_contract_without_our_extra_keys_is_read():
    """A report with the keys of the contract and no other is a report; keys from the future are passed over."""
    document = json.loads(to_json(PARTIAL))
    del document["reason"], document["notes"]
    del document["provenance"]["kernel"], document["provenance"]["limits"]
    document["novelty"] = 1
    for exercise in document["exercises"]:
        del exercise["line"]
        for check in exercise["checks"]:
            del check["problem"]
    report = from_json(json.dumps(document))
    assert (report.reason, report.notes, report.exercises[1].line) == ("", (), "")
    assert (report.provenance.kernel, report.provenance.limits) == ("", "")
    assert report.score == 20.0


def test_a_score_is_missing_exactly_where_we_failed():
    """A null score is written for our failures only, and never a zero in its place."""
    assert json.loads(to_json(UNGRADABLE))["score"] is None
    for wrong in (replace(UNGRADABLE, score=0.0), _report(score=None), replace(REJECTED, score=None)):
        with pytest.raises(GraderError, match="exactly where the grader failed"):
            to_json(wrong)


def test_an_exercise_has_no_score_exactly_where_we_failed():
    """Neither a zero for what needs a person, nor nothing for what a student did."""
    opened = _report(exercises=(_exercise(1, Outcome.GRADER_ERROR), _exercise(2)))
    assert (opened.score, opened.needs_person) == (50.0, True)
    assert json.loads(to_json(opened))["exercises"][0]["score"] is None
    assert from_json(to_json(opened)) == opened
    for outcome, score in ((Outcome.GRADER_ERROR, 0.0), (Outcome.FAILED, None)):
        wrong = replace(opened, exercises=(replace(opened.exercises[0], outcome=outcome, score=score),))
        with pytest.raises(GraderError, match="exactly where the grader failed"):
            to_json(wrong)


def test_a_report_of_schema_1_is_read():
    """There, an exercise that could not be graded had a score of 0; now it has none."""
    document = json.loads(to_json(UNGRADABLE))
    document["schema"] = 1
    document["exercises"][0].update(outcome="grader_error", score=0.0)
    report = from_json(json.dumps(document))
    assert [result.score for result in report.exercises] == [None, 50.0]


def test_a_page_with_an_open_exercise_says_so():
    """The points that are known stand there as such, and nothing is celebrated or counted as wrong."""
    reason = "It could not be graded here: its cell is written in Python 3.12."
    opened = _exercise(1, Outcome.GRADER_ERROR, feedback=reason)
    seen = _Html(page.render(_report(exercises=(opened, _exercise(2))))).seen
    assert "50 of 100 points so far" in seen
    assert "All 3 checks right of what could be checked." in seen
    assert "function_1 could not be graded because of us, so 50 of the points are still open." in seen
    assert reason in seen
    assert "Well done" not in seen
    assert "Start with" not in seen


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_that_json_does_not_know(value):
    """A score that is not finite is an error of ours, never written."""
    with pytest.raises(GraderError, match="not finite"):
        to_json(_report(score=value))


def _damaged(**changes):
    return json.dumps({**json.loads(to_json(PARTIAL)), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a report.json"),
        ("[]", "does not hold an object"),
        ("[" * 100_000, "not a report.json"),
        (to_json(PARTIAL).replace("20.0", "NaN"), "NaN is not a number"),
        (_damaged(schema=0), "schema 0, and this autograder reads schema 2 and older"),
        (_damaged(schema=True), "schema True"),
        (_damaged(status="fine"), "status should be one of graded, rejected, grader_error"),
        (_damaged(score=None), "score should be a finite number"),
        (_damaged(status="grader_error"), "score should be null"),
        (_damaged(student=5), "student should be text"),
        (_damaged(max_score=True), "max_score should be a finite number"),
        (_damaged(exercises=[{"id": "UNQ_C1", "function": 1}]), r"exercises\[0\]\.function should be text"),
        (_damaged(provenance={}), r"provenance\.grader should be text"),
        (_damaged(notes="x"), "notes should be a list of texts"),
        (
            _damaged(seconds={"\udce9\x1b[2J" + "x" * 999: "z"}),
            r"seconds\.\\udce9\\x1b\[2Jx+ should be a finite number",
        ),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(text, message):
    """A damaged report names the key that is wrong and what to do."""
    with pytest.raises(UsageError, match=message) as caught:
        from_json(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert "--fresh" in str(caught.value)


def test_a_newer_report_is_not_called_damaged():
    """To grade again would replace what a newer version knows: that is not advised."""
    with pytest.raises(NewerReportError, match="schema 3, and was written by a newer autograder") as caught:
        from_json(_damaged(schema=3))
    assert "--fresh" not in str(caught.value)


# ---- text ---------------------------------------------------------------------------------------------


@given(st.text(alphabet=st.characters(), max_size=30))
@example("\udc80\x00\x1b\x9b\u202e\u2066\u200b\ufeff\u2028")
def test_nothing_unseen_is_left(text):
    """No control, format, surrogate or separator character is left, and the text can be written as UTF-8."""
    shown = visible(text)
    assert all(c == " " or unicodedata.category(c)[0] not in "CZ" for c in shown)
    shown.encode("utf-8")


@given(st.text(alphabet="abc äß名é`<>&\\", max_size=30))
def test_ordinary_text_is_shown_as_it_is(text):
    """Letters of any script, spaces and punctuation stay."""
    assert visible(text) == text


def test_an_escape_says_which_character_it_was():
    """Characters that act unseen are shown by their number; those asked for stay."""
    assert visible("a\x1b[31m\u202eb\n") == r"a\x1b[31m\u202eb\n"
    assert visible("a\nb\tc", keep="\n") == "a\nb\\tc"


@pytest.mark.parametrize(
    ("score", "shown"),
    [(70.0, "70"), (100 / 3, "33.33"), (99.999, "99.99"), (0.1 + 0.2, "0.3"), (0, "0"), (12.5, "12.5"), (1e3, "1000")],
)
def test_points_are_cut_and_never_rounded_up_to_full(score, shown):
    """Two digits at most, none for whole points, and 99.999 does not read as 100."""
    assert points(score) == shown


# ---- scores.csv -----------------------------------------------------------------------------------------


def _rows(*reports):
    return list(csv.DictReader(io.StringIO(scores.to_csv(reports))))


def test_one_row_per_report_in_order():
    """Rows go by assignment and student, exercises by number, whatever the order of the reports."""
    ten = _report(student="b", exercises=(_exercise(2), _exercise(10, Outcome.FAILED, 20.0)))
    other = _report(student="a", assignment="later")
    rows = _rows(other, ten, _report(student="a"))
    assert list(rows[0]) == [
        "student", "assignment", "status", "score", "max_score", "UNQ_C1", "UNQ_C2", "UNQ_C10", "reason",
    ]  # fmt: skip
    assert [(row["assignment"], row["student"]) for row in rows] == [
        ("later", "a"),
        ("rnn_step_by_step", "a"),
        ("rnn_step_by_step", "b"),
    ]
    assert float(rows[2]["score"]) == 70.0
    assert (rows[2]["UNQ_C1"], rows[2]["UNQ_C2"], rows[2]["UNQ_C10"]) == ("", "50.0", "20.0")
    assert scores.to_csv([other, ten]) == scores.to_csv([ten, other])


def test_our_failure_has_no_number():
    """A submission that we could not grade has empty scores, a rejected one a zero and its reason."""
    failed, rejected = _rows(replace(UNGRADABLE, student="a"), replace(REJECTED, student="b"))
    assert (failed["status"], failed["score"], failed["UNQ_C1"]) == ("grader_error", "", "")
    assert (rejected["status"], float(rejected["score"])) == ("rejected", 0.0)
    assert rejected["reason"] == REJECTED.reason


@given(texts | st.from_regex(r"[ ;\t\r\n=+@\-\"',a]{1,8}", fullmatch=True))
@example("=1+1")
@example("-5")
@example("+1")
@example("@x")
@example("\t=1")
@example("\r=1")
@example('a;=HYPERLINK("x")')
def test_no_cell_starts_a_formula(student):
    """Read with commas or with semicolons between cells, no cell of the row begins as a formula does."""
    text = scores.to_csv([_report(student=student, reason=student)])
    for separator in ",;":
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            for cell in row:
                assert not re.match(r"[ \"]*[=+@\t\r-]", cell), cell
    assert len(list(csv.reader(io.StringIO(text)))) == 2


def test_an_id_like_a_negative_number_keeps_its_apostrophe():
    """``-5`` is a name, not a number; scores stay numbers."""
    row = _rows(_report(student="-5"))[0]
    assert row["student"] == "'-5"
    assert float(row["score"]) == 100.0


# ---- the table at the end of a run ---------------------------------------------------------------------


def _printed(reports, width=140):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(table.summary(reports))
    return out.getvalue()


def test_the_table_has_a_row_per_student_and_a_closing_line():
    """Outcomes stand there as words, scores beside them, and the sum below."""
    text = _printed(
        [PARTIAL, replace(REJECTED, student="s002"), replace(UNGRADABLE, student="s003"), _report(student="s004")]
    )
    lines = {line.split("│")[1].strip(): line for line in text.splitlines() if line.startswith("│")}
    assert re.search(r"failed.*raised.*20 of 100", lines["s001"])
    assert "rejected, 0 of 100" in lines["s002"]
    assert "no score" in lines["s003"]
    assert "0 of" not in lines["s003"]
    assert re.search(r"passed.*passed.*100 of 100", lines["s004"])
    assert "4 submissions: 2 graded, 1 rejected, 1 not gradable because of us." in text


def test_a_name_cannot_act_on_the_terminal():
    """Rich's markup in a name is shown as written, control characters as escapes."""
    text = _printed([_report(student="[red]x[/red]\x1b[2J\u202e")])
    assert r"[red]x[/red]\x1b[2J\u202e" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_large_class_is_summed_up():
    """Above forty: counts per outcome and the mean per exercise over what was graded; who needs a person is named."""
    class_ = [_report(student=f"s{i:03}") for i in range(30)]
    class_ += [replace(PARTIAL, student=f"t{i:03}") for i in range(10)]
    class_ += [replace(REJECTED, student="r001"), replace(UNGRADABLE, student="g001")]
    text = _printed(class_)
    first = next(line for line in text.splitlines() if "UNQ_C1" in line)
    assert [part.strip() for part in first.split("│")[1:-1]] == ["UNQ_C1", "function_1", "30", "10", "0", "42.5 of 50"]
    assert "s005" not in text
    assert "Need a person, because we failed: g001." in text
    assert "Rejected: r001." in text
    assert "42 submissions: 40 graded, 1 rejected, 1 not gradable because of us." in text


def test_a_large_run_of_several_assignments_names_each_above_its_exercises():
    """Long names get a line of their own, in a terminal of 120 columns too, and a name below says which assignment."""
    long = "backpropagation_through_time"
    class_ = [_report(student=f"s{i:03}", assignment=name) for i in range(21) for name in (long, "types_of_rnn")]
    class_ += [replace(REJECTED, student="r001", assignment=long)]
    text = _printed(class_, width=120)
    left = [line.split("│")[1:3] for line in text.splitlines() if line.startswith("│")]
    names = [(one.strip(), other.strip()) for one, other in left]
    assert names.index(("", long)) < names.index(("UNQ_C1", "function_1")) < names.index(("", "types_of_rnn"))
    assert names.count(("UNQ_C1", "function_1")) == 2
    assert f"Rejected: r001 ({long})." in text


def test_an_empty_run_has_a_table():
    """Nothing graded is said as such."""
    assert "0 submissions: 0 graded" in _printed([])


# ---- the student's page --------------------------------------------------------------------------------


class _Html(HTMLParser):
    """A page taken apart: tags with their attributes, the text people see, title and style."""

    VOID = frozenset({"meta", "path", "rect", "wbr"})

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.stack, self.texts = [], [], {}
        self.feed(html)
        self.close()
        assert not self.stack, f"left open: {self.stack}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag
        if tag in {"th", "td", "dt", "dd"}:
            self.handle_data(" ")  # cells stand apart

    def handle_data(self, data):
        kind = self.stack[-1] if self.stack and self.stack[-1] in {"style", "title"} else "body"
        self.texts[kind] = self.texts.get(kind, "") + data

    @property
    def seen(self):
        return " ".join(self.texts["body"].split())

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@kinds
def test_a_page_loads_and_runs_nothing(report):
    """The policy comes first and lets only the page's own style through; no script, handler or address is there."""
    html = page.render(report)
    parsed = _Html(html)
    assert [tag for tag, _ in parsed.tags[:3]] == ["html", "head", "meta"]
    policy = parsed.tags[2][1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    digest = base64.b64encode(hashlib.sha256(parsed.texts["style"].encode()).digest()).decode()
    assert policy["content"].startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert {tag for tag, _ in parsed.tags} <= {
        "html", "head", "meta", "title", "style", "body", "a", "div", "main", "header", "section", "p", "bdi",
        "h1", "h2", "h3", "code", "pre", "small", "i", "span", "svg", "rect", "table", "caption", "thead", "tbody",
        "tr", "th", "td", "ul", "ol", "li", "dl", "dt", "dd", "figure", "figcaption", "wbr", "strong", "h4", "details",
        "summary", "path", "text",
    }  # fmt: skip
    for _, attrs in parsed.tags:
        assert not any(name.startswith("on") or name in {"style", "src"} for name in attrs)
        assert attrs.get("href", "#").startswith("#")
    assert "url(" not in parsed.texts["style"]
    assert "@import" not in parsed.texts["style"]


@kinds
def test_a_page_can_be_read_by_everyone(report):
    """Language, one h1, no skipped level, one main, a skip link that leads there, captions and scoped headers."""
    parsed = _Html(page.render(report))
    assert parsed.named("html")[0]["lang"] == "en"
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
    assert {attrs["href"][1:] for attrs in parsed.named("a")} <= set(ids)
    for attrs in parsed.named("svg"):
        told = {attrs.get("aria-labelledby"), attrs.get("aria-describedby")} if attrs.get("role") == "img" else set()
        assert attrs.get("aria-hidden") == "true" or (len(told) == 2 and told <= set(ids))


def test_hostile_text_appears_as_text():
    """What a student wrote is read on the page as it was written, unseen characters as escapes; nothing is run."""
    html = page.render(EVERY_KIND["hostile"])
    seen = _Html(html).seen
    assert seen.count("<script>alert(1)</script>") >= 6
    assert r'onerror=alert(1)>" onload="x" \u202egnp\x1b[31m{{ 7*7 }}' in seen
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_the_page_says_what_was_earned_and_where_to_start():
    """Points, checks and the first thing to change stand at the top; outcomes are words; the raising line is quoted."""
    parsed = _Html(page.render(PARTIAL))
    assert "20 of 100 points. 1 of 3 checks right. Start with: function_1, yt_pred." in parsed.seen
    assert "function_1 failed 20 of 50" in parsed.seen
    assert "function_2 raised 0 of 50" in parsed.seen
    assert "line 14: y = np.dot(Wy, a)" in parsed.seen
    assert "a_next is right." in parsed.seen
    assert "yt_pred is not right yet." in parsed.seen
    assert "yt_pred not yet 0 of 20" in parsed.seen
    assert "the cell that begins with # UNQ_C2" in parsed.seen
    order = [parsed.seen.index(words) for words in ("What works", "What to change", "What was checked", "Try again")]
    assert order == sorted(order)


@pytest.mark.parametrize("there", [True, False])
def test_advice_speaks_only_of_tests_that_there_are(there):
    """A student of a course without public tests is not told to run them."""
    seen = _Html(page.render(replace(PARTIAL, public_tests=there))).seen
    assert ("Run python -m public_tests" in seen) == there
    assert ("Look at what each test cell prints" in seen) != there


def test_full_marks_are_celebrated_and_ask_for_nothing():
    """With everything right there is nothing to change and no advice to try again."""
    seen = _Html(page.render(_report())).seen
    assert "100 of 100 points. All 6 checks right. Well done" in seen
    assert "Try again" not in seen
    assert "What to change" not in seen


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_a_word_with_advice(outcome):
    """No outcome is told by colour alone, and each that is not passed says what happened and what to do."""
    seen = _Html(page.render(EVERY_KIND[outcome.value])).seen
    is_ours = outcome is Outcome.GRADER_ERROR
    word = "not graded" if is_ours else outcome.value.replace("_", " ")
    assert f"function_1 {word} {'still open, 50' if is_ours else '0 of 50'}" in seen
    assert ("What to change" in seen) == (outcome is not Outcome.PASSED and not is_ours)
    assert ("What happened" in seen) == is_ours


def test_following_through_is_told():
    """An error that was not punished twice is explained."""
    report = _report(exercises=(_exercise(1, Outcome.FAILED, 0.0), _exercise(2, follow_through=True)))
    assert "not counted a second time" in _Html(page.render(report)).seen


def test_a_rejected_file_gets_its_reason_and_a_way_on():
    """The reason is told, and what to do; no row of zeros for what nobody read."""
    parsed = _Html(page.render(REJECTED))
    assert "It begins with %PDF: a printed copy." in parsed.seen
    assert "What to do" in parsed.seen
    assert not parsed.named("table")


def test_our_failure_is_ours():
    """No score, no blame, nothing to do, and none of our inner workings."""
    html = page.render(UNGRADABLE)
    seen = _Html(html).seen
    assert "our fault, not yours" in seen
    assert "You do not need to submit it again" in seen
    assert "REASON-CANARY" not in html
    assert not re.search(r"\d+ of \d+", seen)


@kinds
def test_a_page_tells_what_was_graded_and_not_how_to_get_around_it(report):
    """The seed of the hidden inputs and the kernel stay in the report; the limits and the file's digest are shown."""
    assert "SEED-CANARY" not in page.render(report)
    assert PROVENANCE.kernel not in page.render(report)
    assert PROVENANCE.limits in page.render(report)
    assert "c0ffee" in page.render(report)


def test_titles_tell_pages_apart():
    """Two students, two assignments, two results: different titles."""
    pages = [PARTIAL, _report(), replace(PARTIAL, student="s002"), replace(PARTIAL, assignment="lstm"), REJECTED]
    assert len({_Html(page.render(report)).texts["title"] for report in pages}) == len(pages)


def test_the_same_work_gives_the_same_page():
    """A page depends on the report and the date it is given, and on nothing else."""
    assert page.render(PARTIAL) == page.render(PARTIAL)
    assert "22 November" in _Html(page.render(PARTIAL, when="22 November")).seen


def test_templates_are_compiled_once():
    """A class of pages costs one compilation."""
    page._compiled.cache_clear()
    for report in EVERY_KIND.values():
        page.render(report)
    assert page._compiled.cache_info().misses == 1


# ---- colours ---------------------------------------------------------------------------------------------


def _themes():
    style = (page.TEMPLATES / "page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks[:2])
    return {"light": light, "dark": dark}


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = [
    *[(ink, back) for ink in ("ink", "soft", "link") for back in ("paper", "card")],
    ("ink", "code"),
    *[(name, f"{name}-back") for name in ("good", "change", "bad", "ours")],
    ("link", "code"),
    ("soft", "code"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "back"), PAIRS)
def test_text_stands_out_from_what_is_behind_it(theme, ink, back):
    """Every pair of text and background colours reaches the contrast of WCAG AA, 4.5 to 1, in both themes."""
    colours = _themes()[theme]
    light, dark = sorted((_luminance(colours[ink]), _luminance(colours[back])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
