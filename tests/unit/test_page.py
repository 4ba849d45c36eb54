"""The student's page says what works, what to change and where it departs, and keeps its hints folded."""

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.feedback import feedback
from autograder.model import (
    Band,
    Check,
    CheckResult,
    Departure,
    Exercise,
    ExerciseResult,
    Hint,
    Outcome,
    Provenance,
    Report,
    Status,
)
from autograder.reports import page
from autograder.reports.text import listed

PROVENANCE = Provenance("0.1.0", "feed", "c0ffee", "SEED-CANARY", "namespaces", "3.11.9", "2.4.0")
EXERCISE = Exercise(
    "UNQ_C2", "rnn_forward", ("x",), (Check("a", 4, 0), Check("y_pred", 4, 1), Check("caches", 2, 2)), (),
    helper="rnn_cell_forward",
)  # fmt: skip

A = Departure(
    "a", (3, 4, 5), (3, 4, 5), 41, 60, (2, 1, 3), Band.LARGE, (".oo##", ".oo##", ".#o##")
)  # as if one step were right
Y = Departure("y_pred", (2, 1), (2,))
PROBLEM_A = "`a` has the right shape but wrong values: time step 1 is right, step 2 is the first to depart."
PROBLEM_Y = "`y_pred` has shape (2,); its shape should be (2, 1)."

START = Hint("a0-at-every-step", "What should step 2 know about step 1?", "The returned state goes into the next call.")
BIAS = Hint("bias-dropped", "How many terms are there?", "One of the parameters is never used.")


@dataclass
class Element:
    """A part of a page: its tag, its attributes, and what stands in it, in order."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    inside: list = field(default_factory=list)

    @property
    def text(self):
        """All that stands in it; neighbours stand apart."""
        pieces = [
            piece if isinstance(piece, str) else f" {piece.text} " * (piece.tag != "style") for piece in self.inside
        ]
        return "".join(pieces)

    @property
    def seen(self):
        """The text as a reader takes it in."""
        return re.sub(r" ([.,:;])", r"\1", " ".join(self.text.split()))

    def all(self, tag, **attrs):
        """Yield what has this tag and these attributes; `class_` for `class`."""
        for piece in self.inside:
            if isinstance(piece, Element):
                if piece.tag == tag and all(piece.attrs.get(name.strip("_")) == value for name, value in attrs.items()):
                    yield piece
                yield from piece.all(tag, **attrs)

    def one(self, tag, **attrs):
        """Return the only one of these."""
        (found,) = self.all(tag, **attrs)
        return found


class _Tree(HTMLParser):
    VOID = frozenset({"meta", "path", "rect"})

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.stack = [Element("")]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag == "wbr":
            return
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.stack[-1].inside.append(element)
        if tag not in self.VOID:
            self.stack.append(element)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack.pop().tag == tag

    def handle_data(self, data):
        self.stack[-1].inside.append(data)


def _shown(report, when="22 November 2026"):
    return _Tree(page.render(report, when)).stack[0]


def _checks(*wrong, problems=(PROBLEM_A, PROBLEM_Y, "`caches` holds too little."), departures=(A, Y, None)):
    return tuple(
        CheckResult(check.name, False, check.weight, problem, departure)  # noqa: FBT003
        if check.name in wrong
        else CheckResult(check.name, True, check.weight)  # noqa: FBT003
        for check, problem, departure in zip(EXERCISE.checks, problems, departures, strict=True)
    )


def _result(outcome=Outcome.FAILED, checks=(), *, reason="", hints=(), together=False, follow_through=False, **changes):
    checks = checks or _checks("a", "y_pred", "caches")
    text = feedback(
        EXERCISE, outcome, checks, reason=reason, hints=hints, together=together, follow_through=follow_through
    )
    weight = sum(check.weight for check in checks if check.passed)
    result = ExerciseResult(
        EXERCISE.id, EXERCISE.function, 5.0 * weight, 50.0, outcome, checks, tuple(h.id for h in hints), follow_through,
        text, "", tuple(hints), together, "8. Exercise 2: the whole sequence",
    )  # fmt: skip
    return replace(result, **changes)


def _report(*exercises, **changes):
    score, of = sum(e.score for e in exercises), sum(e.max_score for e in exercises)
    report = Report("rnn_step_by_step", "s001", Status.GRADED, score, of, exercises, PROVENANCE)
    return replace(report, **changes)


def _section(result, number=1):
    before = [replace(_result(Outcome.PASSED, _checks()), score=50.0)] * (number - 1)
    return _shown(_report(*before, result)).one("section", id=f"exercise-{number}")


# ---- order and words -----------------------------------------------------------------------------------


def test_the_first_words_are_points_checks_and_where_to_start():
    """The heading names assignment, student and date; the first sentence points, checks, and what to begin with."""
    shown = _shown(_report(_result(Outcome.PASSED, _checks()), _result(checks=_checks("y_pred"))))
    assert shown.one("h1").seen == "rnn_step_by_step Feedback for s001, 22 November 2026"
    first = next(shown.one("main").all("p"))
    assert first.seen == "80 of 100 points. 5 of 6 checks right. Start with: rnn_forward, y_pred."
    assert first.one("a").attrs["href"] == "#exercise-2"


def test_what_works_comes_before_what_to_change_and_hints_after_what_departs():
    """The parts of an exercise stand in the order in which they help, and the place in the notebook is the last."""
    section = _section(_result(checks=_checks("a"), hints=(START,)))
    assert [h.seen for h in section.all("h3")] == ["What works", "What to change", "Where it departs: a", "Hints"]
    words = section.seen
    order = [
        "`y_pred` and `caches` are right.",
        "one known mistake gives: “a0 at every step”",
        "time step 1 is right, step 2",
        "Hint 1: the idea",
        "under “8. Exercise 2: the whole sequence”, the cell that begins with # UNQ_C2.",
    ]
    places = [words.index(part.replace("`", "")) for part in order]
    assert places == sorted(places)


def test_something_works_even_where_every_value_is_wrong():
    """That it ran, and which shapes are right, is said before anything is called wrong."""
    works = _section(_result()).seen.partition("What to change")[0]
    assert "It runs to its end without an error." in works
    assert "a has the right shape." in works
    assert "y_pred has" not in works


def test_the_text_of_the_feedback_is_not_told_twice():
    """Problems, ideas and what is right stand once each, though nbgrader's comment holds them all in one text."""
    words = _section(_result(checks=_checks("a", "y_pred"), hints=(START,))).seen
    for part in (PROBLEM_A, PROBLEM_Y, START.idea, START.nearly, "caches is right."):
        assert words.count(part.replace("`", "")) == 1, part


def test_a_feedback_text_of_another_kind_is_shown_whole():
    """What is not recognised in a feedback text is shown: nothing that was meant for the student is lost."""
    words = _section(_result(checks=_checks("a"), feedback="First line.\n`y_pred` is right.\nSecond line.")).seen
    for part in ("First line.", "y_pred is right.", "Second line.", "time step 1 is right"):
        assert part in words


def test_what_has_no_shape_to_show_is_told_beside_its_verdict():
    """A problem of a value that is no array stands in the table, and only the first of its kind above it."""
    problems = tuple(f"`{check.name}` is still None." for check in EXERCISE.checks)
    section = _section(_result(checks=_checks("a", "y_pred", problems=problems, departures=(None, None, None))))
    assert section.seen.count("a is still None.") == 1
    assert "a is still None." in section.seen.partition("What was checked")[0]
    assert "y_pred not yet y_pred is still None. 0 of 20" in section.one("table").seen
    assert "Where it departs" not in section.seen


def test_an_earlier_error_that_costs_nothing_is_what_works():
    """What was earned with a correct helper is told with the helper's name, among what works."""
    words = _section(_result(checks=_checks("a"), follow_through=True)).seen
    assert "run with a correct rnn_cell_forward" in words.partition("What to change")[0]


def test_what_did_not_run_has_no_table_of_zeros():
    """Of a function that raised, the page quotes the line and lists what will be checked; it claims no verdicts."""
    result = _result(
        Outcome.RAISED,
        tuple(CheckResult(c.name, False, c.weight) for c in EXERCISE.checks),  # noqa: FBT003
        reason="`Wy` is not defined inside this function.",
        line="line 14: y = np.dot(Wy, a)",
    )
    section = _section(result)
    assert section.one("pre").seen == "line 14: y = np.dot(Wy, a)"
    assert "`Wy` is not defined".replace("`", "") in section.seen
    assert "Not checked yet: a, y_pred and caches." in section.seen
    assert not list(section.all("table"))


@pytest.mark.parametrize(
    ("outcome", "reason", "said"),
    [
        (Outcome.TIMED_OUT, "10 s in rnn_forward", "at its time limit, 10 s in rnn_forward, and was stopped."),
        (Outcome.TIMED_OUT, "10 s in cell 27", "still running at its time limit, 10 s in cell 27, and was stopped."),
        (Outcome.KILLED, "memory 1 GiB", "rnn_forward asked for more than it may use (memory 1 GiB), and was stopped."),
        (
            Outcome.KILLED,
            "the notebook ended its own Python process",
            "before rnn_forward returned: the notebook ended",
        ),
    ],
)
def test_limits_are_told_in_whole_sentences(outcome, reason, said):
    """A student who ran into a limit reads which one it was, of what, and what to look for."""
    words = _section(_result(outcome, tuple(CheckResult("a", False, 1) for _ in "1"), reason=reason)).seen  # noqa: FBT003
    assert said in words
    assert outcome is Outcome.KILLED or "look for a loop that does not end" in words


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.RAISED, Outcome.TIMED_OUT])
def test_an_untouched_exercise_is_not_an_error(outcome):
    """Whatever an empty cell comes to, the page says that it has not been written yet, and tells no story of errors."""
    result = _result(
        outcome, reason="Something here is still `None`.", line="line 3: for t in range(None):", hints=(BIAS,)
    )
    shown = _shown(_report(replace(result, untouched=True)))
    section = shown.one("section", id="exercise-1")
    assert "not written yet" in section.seen
    assert "not written yet" in next(shown.all("table")).seen
    assert "Start with: rnn_forward." in shown.seen
    assert [h.seen for h in section.all("h3")] == ["What to do"]
    for tag in ("pre", "details", "table", "figure"):
        assert not list(section.all(tag)), tag
    assert "still None" not in section.seen


# ---- hints ---------------------------------------------------------------------------------------------


def test_hints_are_closed_and_said_nowhere_else():
    """Both steps of a hint are folded, closed at load, and each is named by its summary."""
    section = _section(_result(checks=_checks("a"), hints=(START,)))
    folds = list(section.all("details", class_="hint"))
    assert [fold.one("summary").seen for fold in folds] == ["Hint 1: the idea", "Hint 2: nearly there"]
    assert [fold.one("p").seen for fold in folds] == [START.idea, START.nearly]
    assert not any("open" in fold.attrs for fold in section.all("details"))


@pytest.mark.parametrize(
    ("together", "sentence", "title"),
    [(True, "what two known mistakes give together", "Part"), (False, "Each of these known mistakes", "Possibility")],
)
def test_several_mistakes_have_hints_of_their_own(together, sentence, title):
    """Two mistakes are named in one sentence, which says whether it takes both; each has its own two hints."""
    section = _section(_result(checks=_checks("a"), hints=(START, BIAS), together=together))
    assert sentence in section.seen
    assert [h.seen for h in section.all("h4")] == [f"{title} 1: a0 at every step", f"{title} 2: bias dropped"]
    told = [fold.one("p").seen for fold in section.all("details", class_="hint")]
    assert told == [START.idea, START.nearly, BIAS.idea, BIAS.nearly]


# ---- where it departs -----------------------------------------------------------------------------------


def _facts(departure):
    checks = _checks("a", departures=(departure, None, None))
    terms = _section(_result(checks=checks)).one("dl", class_="facts")
    return dict(zip([dt.seen for dt in terms.all("dt")], [dd.seen for dd in terms.all("dd")], strict=True))


def test_facts_of_wrong_values():
    """Shape, share of entries, the first in the order of time, and a band; no value, and nothing beside these."""
    assert _facts(A) == {
        "Shape": "(3, 4, 5), as it should be",
        "Wrong entries": "41 of 60 (68%)",
        "First wrong entry": "time step 2, row 1, column 3",
        "How far off": Band.LARGE.value,
    }


def test_facts_of_a_wrong_shape():
    """Expected and actual shape stand side by side."""
    assert _facts(Y) == {"Expected shape": "(2, 1)", "Your shape": "(2,)"}


@pytest.mark.parametrize(
    ("departure", "term", "said"),
    [
        (replace(A, wrong=60), "Wrong entries", "all 60"),
        (replace(A, wrong=1, of=1), "Wrong entries", "the only one"),
        (replace(A, wrong=1, of=1000), "Wrong entries", "1 of 1000 (less than 1%)"),
        (replace(A, wrong=999, of=1000), "Wrong entries", "999 of 1000 (more than 99%)"),
        (replace(A, band=None), "How far off", "NaN or infinity: no finite number"),
        (Departure("W", (3, 4), (3, 4), 2, 12, (3, 1), Band.HUGE), "First wrong entry", "row 3, column 1"),
    ],
)
def test_facts_at_the_edges(departure, term, said):
    """All entries, one entry, nearly none, nearly all, numbers that are none, and axes without time have words."""
    assert _facts(departure)[term] == said


def test_only_the_first_value_is_unfolded():
    """With ten wrong values in each of four exercises there is one picture an exercise before anything is opened."""
    checks = tuple(CheckResult(f"dW{n}", False, 1, f"`dW{n}` is wrong.", replace(A, value=f"dW{n}")) for n in range(10))  # noqa: FBT003
    shown = _shown(_report(*[_result(checks=checks)] * 4))
    for number in range(1, 5):
        section = shown.one("section", id=f"exercise-{number}")
        folded = list(section.one("details", class_="more").all("figure"))
        assert len(folded) == 9
        assert len(list(section.all("figure"))) == 10
    ids = [element.attrs["id"] for tag in ("title", "p") for element in shown.all(tag) if "id" in element.attrs]
    assert len(ids) == len(set(ids)) == 2 * 40


# ---- the picture ---------------------------------------------------------------------------------------

PICTURES = st.integers(1, 14).flatmap(
    lambda width: st.lists(st.text(".o#", min_size=width, max_size=width), min_size=1, max_size=14)
)


def _drawn(rows, axes=3):
    shape = (len(rows), 4, len(rows[0])) if axes == 3 else (len(rows), len(rows[0]))
    departure = replace(A, expected_shape=shape, actual_shape=shape, picture=tuple(rows))
    return _section(_result(checks=_checks("a", departures=(departure, None, None)))).one("figure", class_="picture")


def _pens(svg, name):
    """Return where a path's pieces begin, in units of the drawing."""
    path = "".join(p.attrs["d"] for p in svg.all("path", class_=name))
    return {(float(x), float(y)) for x, y in re.findall(r"M(\S+) ([\d.]+)", path)}


@given(PICTURES)
def test_the_picture_shows_each_mark_in_its_place(rows):
    """Read back from the drawing, its dots, halves and boxes are the marks, in rows and columns as they were."""
    svg = _drawn(rows).one("svg", role="img")
    marks = {".": _pens(svg, "right"), "o": _pens(svg, "half"), "#": _pens(svg, "full")}
    assert _pens(svg, "box") == marks["o"]
    xs, ys = (sorted({pen[axis] for pens in marks.values() for pen in pens}) for axis in (0, 1))
    assert (len(xs), len(ys)) == (len(rows[0]), len(rows))
    found = {pen: mark for mark, pens in marks.items() for pen in pens}
    assert ["".join(found[x, y] for x in xs) for y in ys] == rows
    assert max(xs) + 14 <= int(svg.attrs["width"])
    assert max(ys) + 14 <= int(svg.attrs["height"])


@given(PICTURES)
def test_the_legend_explains_what_occurs_and_nothing_else(rows):
    """A reader finds a meaning for every mark that is there."""
    said = [li.seen for li in _drawn(rows).one("ul", class_="legend").all("li")]
    meanings = {".": "right", "o": "wrong for some of the examples", "#": "wrong for every example"}
    assert said == [meanings[mark] for mark in ".o#" if any(mark in row for row in rows)]


def test_the_picture_is_named_and_told_in_words():
    """Whoever does not see it hears what it is, and reads the same words as everyone."""
    figure = _drawn([".##", ".##"])
    svg = figure.one("svg", role="img")
    assert figure.one("title", id=svg.attrs["aria-labelledby"]).seen == "Where a is wrong, by row and time step"
    assert figure.one("p", id=svg.attrs["aria-describedby"]).seen.startswith("Time step 1 is right, time steps 2 to 3")


@pytest.mark.parametrize(
    ("rows", "axes", "said"),
    [
        ([".##", ".##"], 3, "Time step 1 is right, time steps 2 to 3 are wrong throughout."),
        ([".o#", ".##"], 3, "Time step 1 is right, time step 2 is partly wrong, time step 3 is wrong throughout."),
        (["###", "###"], 3, "Every entry is wrong."),
        (["...", "###", "..."], 3, "Row 1 is right, row 2 is wrong throughout, row 3 is right."),
        (["#.", "#."], 2, "Column 1 is wrong throughout, column 2 is right."),
        (["#.", ".#"], 2, "Every column is partly wrong."),
        ([".#.#.#.#"], 2, "Of 8 columns, 4 are right, 4 are wrong throughout."),
        (["#.#.#.", "#.#.#o"], 3, "Of 6 time steps, 2 are right, 3 are wrong throughout, 1 is partly wrong."),
    ],
)
def test_the_words_of_a_picture(rows, axes, said):
    """Stretches are told along the axis that takes fewer words, and counted where there are many."""
    assert next(_drawn(rows, axes).one("figcaption").all("p")).seen == said


def test_marks_that_do_not_exist_are_not_drawn():
    """A picture from a damaged file shows nothing that it does not know, and nothing of it is markup."""
    figure = _drawn(["<b>.", "\u202e#x'"])
    pieces = [path.attrs["d"] for path in figure.one("svg", role="img").all("path")]
    assert sum(piece.count("M") for piece in pieces) == 2
    assert not list(figure.all("b"))


HOSTILE = "</title></svg><script>owned()</script>"


def test_hostile_text_stays_text_in_the_new_places():
    """Place, hints, a value's name and a check's name are shown as they are written, wherever they came from."""
    departure = replace(A, value=HOSTILE)
    check = CheckResult(HOSTILE, False, 1, HOSTILE, departure)  # noqa: FBT003
    hints = (Hint(HOSTILE, HOSTILE, HOSTILE), Hint(HOSTILE, HOSTILE, HOSTILE))
    shown = _shown(_report(_result(checks=(check, check), hints=hints, place=HOSTILE), assignment=HOSTILE))
    assert not list(shown.all("script"))
    assert shown.text.count("<script>owned()</script>") >= 12


# ---- one line each -------------------------------------------------------------------------------------


@given(st.lists(st.text("abc", min_size=1), max_size=5))
def test_names_are_listed_as_a_sentence_lists_them(names):
    """Commas between all but the last two, which have an 'and' between them."""
    text = listed(names)
    assert re.split(", | and ", text) == (names or [""])
    assert text.count(" and ") == (len(names) > 1)
