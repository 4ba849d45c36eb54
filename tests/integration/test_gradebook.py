"""The gradebook, against nbgrader itself: its commands make the course and read the grades back.

Whatever has to do with rows is shown on SQLite and on PostgreSQL.
"""

import csv
import datetime as dt
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder import gradebook, gradebook_access
from autograder.errors import GraderError, UsageError
from autograder.model import ExerciseResult, Outcome, Provenance, Report, Status

NAME = "tiny"
POINTS = {"UNQ_C1": 40.0, "UNQ_C2": 60.0}
ANSWERS = {"UNQ_C1": "return 2 * x", "UNQ_C2": "return x**2"}
WRONG = "return x"
LONG_AGO = dt.datetime(2026, 3, 1, 12, 0, 0)  # noqa: DTZ001 - what a gradebook holds has no time zone
DATABASES = ("sqlite", "postgresql")
PROVENANCE = Provenance("g", "a", "s", "k", "namespaces", "3.11", "2.0")

pytestmark = pytest.mark.xdist_group("postgresql")


# ---- the course ----------------------------------------------------------------------------------


def _cell(source, **settings):
    cell = nbformat.v4.new_code_cell(source)
    base = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    cell.metadata["nbgrader"] = {**base, **settings}
    return cell


def _source_notebook():
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for i, (name, points) in enumerate(POINTS.items()):
        notebook.cells += [
            _cell(
                f"# {name}\ndef f{i}(x):\n    ### BEGIN SOLUTION\n    {ANSWERS[name]}\n    ### END SOLUTION",
                grade_id=name,
                solution=True,
            ),
            _cell(f"assert f{i}(3) == {(6, 9)[i]}", grade_id=f"test_{name}", grade=True, locked=True, points=points),
        ]
    return notebook


def _nbgrader(course, *arguments):
    """Run nbgrader's own command in a course."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env={**os.environ, "PATH": path, "HOME": str(course)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Make a course whose one assignment nbgrader has generated."""
    root = tmp_path_factory.mktemp("course")
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    (root / "source" / NAME).mkdir(parents=True)
    nbformat.write(_source_notebook(), root / "source" / NAME / f"{NAME}.ipynb")
    _nbgrader(root, "generate_assignment", NAME)
    return root


@pytest.fixture
def course(template, tmp_path):
    """Copy that course, for one test to change."""
    return shutil.copytree(template, tmp_path / "course")


@pytest.fixture(scope="module")
def on_server(template, postgresql, tmp_path_factory):
    """Let nbgrader generate the same course's assignment into an empty database of a server; return the server."""
    root = shutil.copytree(template, tmp_path_factory.mktemp("on-server") / "course")
    _configure(root, postgresql.create("generated"))
    _nbgrader(root, "generate_assignment", NAME, "--force")
    return postgresql


def _configure(course, url):
    # PostgreSQL holds nbgrader to its foreign keys, and so a course must have a name
    settings = {"db_url": url, "course_id": "numbers"}
    lines = [f"c.CourseDirectory.{name} = {value!r}\n" for name, value in settings.items()]
    (course / "nbgrader_config.py").write_text("c = get_config()\n" + "".join(lines))


@pytest.fixture(params=DATABASES)
def url(request, course):
    """Return the URL of its gradebook, on either database; on a server, nbgrader's configuration names it."""
    if request.param == "sqlite":
        return gradebook.url_in(course)
    url = request.getfixturevalue("on_server").create("course", "generated")
    _configure(course, url)
    return url


@pytest.fixture(params=DATABASES)
def empty(request, tmp_path):
    """Return the URL of a gradebook that is still to be made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return request.getfixturevalue("postgresql").create("empty")


@pytest.fixture(scope="module")
def nbgrader_api():
    """Import nbgrader's own API, the plain way: the oracle."""
    import nbgrader.api

    return nbgrader.api


def _report(student="s001", earned=(40.0, 30.0), **changes):
    outcome = {True: Outcome.PASSED, False: Outcome.FAILED}
    exercises = tuple(
        ExerciseResult(name, f"f{i}", score, points, outcome[score == points], feedback=f"About f{i}.")
        for i, ((name, points), score) in enumerate(zip(POINTS.items(), earned, strict=True))
    )
    report = Report(NAME, student, Status.GRADED, sum(earned), 100.0, exercises, PROVENANCE)
    return replace(report, **changes)


def _graded(*args, timestamp=None, **kwargs):
    return gradebook.Graded(_report(*args, **kwargs), timestamp)


def _rejected(student):
    return _graded(student, status=Status.REJECTED, score=0.0, exercises=(), reason="Not a notebook.")


def _ungradable(student):
    return _graded(student, status=Status.GRADER_ERROR, score=None, exercises=(), reason="We failed.")


def _rows(url):
    """Return everything a gradebook holds about submissions, by names instead of ids."""
    queries = {
        "students": "SELECT id, first_name, last_name, email, lms_user_id FROM student",
        "submissions": """SELECT a.name, s.student_id, s.timestamp, s.extension
            FROM submitted_assignment s JOIN assignment a ON a.id = s.assignment_id""",
        "notebooks": """SELECT n.name, s.student_id, b.flagged, b.late_submission_penalty FROM submitted_notebook b
            JOIN submitted_assignment s ON s.id = b.assignment_id JOIN notebook n ON n.id = b.notebook_id""",
        "grades": """SELECT c.name, s.student_id, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade
            FROM grade g JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook b ON b.id = g.notebook_id
            JOIN submitted_assignment s ON s.id = b.assignment_id""",
        "comments": """SELECT c.name, s.student_id, m.auto_comment, m.manual_comment
            FROM comment m JOIN base_cell c ON c.id = m.cell_id JOIN submitted_notebook b ON b.id = m.notebook_id
            JOIN submitted_assignment s ON s.id = b.assignment_id""",
    }
    return {table: _sorted(url, query) for table, query in queries.items()}


def _sorted(url, query):
    """Return what a query finds, in one order and one spelling: SQLite has numbers for truth, and texts for times."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = [tuple(map(_spelt, row)) for row in connection.execute(sa.text(query))]
    return sorted(found, key=repr)


def _spelt(value):
    return str(value) if isinstance(value, dt.datetime) else int(value) if isinstance(value, bool) else value


def _sql(url, *statements):
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


# ---- the same rows as nbgrader ---------------------------------------------------------------


@pytest.mark.slow
def test_leaves_the_rows_that_nbgrader_autograde_leaves(course, url, tmp_path, request):
    """For the same verdicts, both roads leave equal students, submissions, notebooks, grades and comments."""
    notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.metadata.nbgrader.solution:
            name = cell.metadata.nbgrader.grade_id
            body = ANSWERS[name] if name == "UNQ_C1" else WRONG
            cell.source = f"def f{list(POINTS).index(name)}(x):\n    {body}"
    folder = course / "submitted" / "s001" / NAME
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    (folder / "timestamp.txt").write_text("2026-03-01 12:00:00.000000 UTC")
    theirs = shutil.copytree(course, tmp_path / "theirs")
    elsewhere = gradebook.url_in(theirs)
    if sa.make_url(url).get_backend_name() == "postgresql":
        elsewhere = request.getfixturevalue("on_server").create("theirs", "generated")
        _configure(theirs, elsewhere)
    _nbgrader(theirs, "autograde", NAME)

    report = _report("s001", (40.0, 0.0))
    silent = tuple(replace(exercise, feedback="") for exercise in report.exercises)
    moment = dt.datetime(2026, 3, 1, 13, 0, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    gradebook.write(url, [gradebook.Graded(replace(report, exercises=silent), moment)])

    expected = _rows(elsewhere)
    assert [row[2] for row in expected["grades"]] == [40.0, 0.0]  # nbgrader did grade it
    assert _rows(url) == expected


def test_nbgrader_reads_the_scores_back(url, nbgrader_api):
    """The API of nbgrader finds every submission with its score, its notebook's score and its timestamp."""
    gradebook.write(url, [_graded("s001", timestamp=LONG_AGO), _graded("s002", (0.0, 60.0)), _rejected("s003")])

    with nbgrader_api.Gradebook(url) as book:
        scores = {row["student"]: (row["score"], row["max_score"]) for row in book.submission_dicts(NAME)}
        assert scores == {"s001": (70.0, 100.0), "s002": (60.0, 100.0), "s003": (0.0, 100.0)}
        submission = book.find_submission(NAME, "s001")
        assert submission.timestamp == LONG_AGO
        assert not submission.needs_manual_grade
        assert sorted(notebook.score for notebook in book.notebook_submissions(NAME, NAME)) == [0.0, 60.0, 70.0]
        assert book.find_comment("UNQ_C2", NAME, NAME, "s001").comment == "About f1."
        assert book.find_comment("UNQ_C1", NAME, NAME, "s003").comment == "Not a notebook."


@pytest.mark.slow
def test_nbgrader_exports_the_scores(course, url):
    """``nbgrader export`` writes the scores we wrote, penalty taken off."""
    gradebook.write(url, [_graded("s001"), _graded("s002", (40.0, 60.0))])
    _sql(url, "UPDATE submitted_notebook SET late_submission_penalty = 10")
    _nbgrader(course, "export")

    with (course / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {name: (float(row["raw_score"]), float(row["score"])) for name, row in rows.items()} == {
        "s001": (70.0, 60.0),
        "s002": (100.0, 90.0),
    }


# ---- grading again ---------------------------------------------------------------------------


def test_grading_again_keeps_what_a_person_gave(url, nbgrader_api):
    """Manual score, extra credit, manual comment and penalty stay; the grade is marked for another look."""
    gradebook.write(url, [_graded("s001", (40.0, 0.0), timestamp=LONG_AGO)])
    with nbgrader_api.Gradebook(url) as book:
        grade = book.find_grade("test_UNQ_C2", NAME, NAME, "s001")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 55.0, 2.5, False
        book.find_comment("UNQ_C2", NAME, NAME, "s001").manual_comment = "Nearly."
        book.find_submission(NAME, "s001").notebooks[0].late_submission_penalty = 3.0
        book.db.commit()

    gradebook.write(url, [_graded("s001", (40.0, 30.0))])

    rows = _rows(url)
    assert rows["grades"] == [
        ("test_UNQ_C1", "s001", 40.0, None, None, 0),
        ("test_UNQ_C2", "s001", 30.0, 55.0, 2.5, 1),
    ]
    assert ("UNQ_C2", "s001", "About f1.", "Nearly.") in rows["comments"]
    assert rows["notebooks"] == [(NAME, "s001", 0, 3.0)]
    assert rows["submissions"][0][2].startswith("2026-03-01 12:00:00")


def test_our_failure_writes_no_score_and_asks_for_a_person(url):
    """A submission that we could not grade has no score, keeps an earlier one, and needs a person."""
    gradebook.write(url, [_graded("old")])
    gradebook.write(url, [_ungradable("old"), _ungradable("new")])

    rows = _rows(url)
    assert rows["grades"] == [
        ("test_UNQ_C1", "new", None, None, None, 1),
        ("test_UNQ_C1", "old", 40.0, None, None, 1),
        ("test_UNQ_C2", "new", None, None, None, 1),
        ("test_UNQ_C2", "old", 30.0, None, None, 1),
    ]
    assert [row[2] for row in rows["comments"]] == [None, "About f0.", None, "About f1."]


def test_a_rejected_submission_has_zeros_and_a_better_one_replaces_them(url):
    """Zeros and the reason for what cannot be read; scores and our text once it can."""
    gradebook.write(url, [_rejected("s001")])
    assert [row[2] for row in _rows(url)["grades"]] == [0.0, 0.0]
    gradebook.write(url, [_graded("s001")])
    rows = _rows(url)
    assert [row[2] for row in rows["grades"]] == [40.0, 30.0]
    assert [row[2] for row in rows["comments"]] == ["About f0.", "About f1."]


def test_the_last_of_two_submissions_counts(url):
    """A student named twice has one submission: the later in the list."""
    gradebook.write(url, [_graded("s001", (0.0, 0.0)), _graded("s001", (40.0, 60.0))])
    assert [row[2] for row in _rows(url)["grades"]] == [40.0, 60.0]


@pytest.mark.parametrize(("penalty", "kept"), [(15.0, 15.0), (500.0, 70.0), (-1.0, 0.0), (None, None)])
def test_late_submissions_are_penalised_as_nbgrader_does(url, penalty, kept):
    """The plugin is asked for late ones only, extensions counted; it takes off at most what was earned."""
    asked = []
    _sql(url, "UPDATE assignment SET duedate = '2026-03-01 11:00:00.000000'")
    late, early = _graded("late", timestamp=LONG_AGO), _graded("early", timestamp=LONG_AGO - dt.timedelta(hours=2))
    gradebook.write(url, [late, early], late_penalty=lambda *what: asked.append(what) or penalty)
    assert asked == [("late", 70.0, 3600.0)]
    assert {row[1]: row[3] for row in _rows(url)["notebooks"]} == {"late": kept, "early": None}


# ---- whole or not at all ---------------------------------------------------------------------

BOOM = "BEFORE INSERT ON comment WHEN NEW.auto_comment = 'boom'"
FIRE = {
    "sqlite": (f"CREATE TRIGGER t {BOOM} BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",),
    "postgresql": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk on fire'; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON comment FOR EACH ROW WHEN (NEW.auto_comment = 'boom') EXECUTE FUNCTION f()",
    ),
}


def test_a_failing_batch_leaves_nothing_of_itself(url, monkeypatch):
    """Batches before the failing one are kept whole, of the failing one not even a student."""
    monkeypatch.setattr(gradebook, "BATCH", 2)
    _sql(url, *FIRE[sa.make_url(url).get_backend_name()])
    report = _report("s004")
    bad = replace(report, exercises=tuple(replace(e, feedback="boom") for e in report.exercises))
    with pytest.raises(GraderError, match="disk on fire"):
        gradebook.write(url, [_graded("s001"), _graded("s002"), _graded("s003"), gradebook.Graded(bad)])
    rows = _rows(url)
    assert [row[0] for row in rows["students"]] == ["s001", "s002"]
    assert len(rows["grades"]) == len(rows["comments"]) == 4


def test_a_class_takes_one_transaction_per_batch(url):
    """200 submissions are committed in two goes, and all of them arrive."""
    commits = []

    def count(connection):
        commits.append(connection)

    gradebook_access.models()
    sa.event.listen(sa.Engine, "commit", count)
    try:
        gradebook.write(url, [_graded("s000")])
        for_one = len(commits)
        gradebook.write(url, [_graded(f"s{i:03}") for i in range(200)])
    finally:
        sa.event.remove(sa.Engine, "commit", count)
    assert len(_rows(url)["grades"]) == 400
    assert len(commits) - for_one == for_one + 1


def test_ids_that_no_gradebook_can_hold_stop_nobody_else(url):
    """Too long, or not text: named in the error, and everyone else is written."""
    with pytest.raises(GraderError, match=r"x{129}.*udc80"):
        gradebook.write(url, [_graded("x" * 129), _graded("a\udc80"), _graded("s001")])
    assert [row[0] for row in _rows(url)["students"]] == ["s001"]


@pytest.mark.parametrize("student", ["-5", "a'; DROP TABLE grade; --", "née", "名前", "<b>", "名" * 128])
def test_odd_ids_are_only_ids(url, student):
    """An id is stored as it is, whatever it looks like."""
    gradebook.write(url, [_graded(student)])
    assert [row[0] for row in _rows(url)["students"]] == [student]


# ---- scales ----------------------------------------------------------------------------------


def test_scores_on_another_scale_are_refused(url):
    """Where the gradebook counts other points than the grader, nothing is written and the remedy is named."""
    report = _report("s001")
    other = replace(report, exercises=(replace(report.exercises[0], max_score=50.0), report.exercises[1]))
    with pytest.raises(GraderError, match=r"40 points for 'test_UNQ_C1'.*counts 50 points.*generate_assignment"):
        gradebook.write(url, [_graded("s000"), gradebook.Graded(other)])
    assert _rows(url)["students"] == []


def test_an_unknown_assignment_is_named(url):
    """Grades for an assignment that the gradebook lacks are refused, with the command that adds it."""
    with pytest.raises(GraderError, match="generate_assignment other"):
        gradebook.write(url, [_graded(assignment="other")])


# ---- an assignment that is not there yet -----------------------------------------------------------


def _records(url):
    """Return what a gradebook holds about assignments, by names instead of ids."""
    queries = (
        "SELECT name, duedate FROM assignment",
        "SELECT name, kernelspec FROM notebook",
        "SELECT b.name, b.type, g.max_score, g.cell_type FROM base_cell b LEFT JOIN grade_cells g ON g.id = b.id",
        "SELECT name, cell_type, locked, source, checksum FROM source_cell",
        "SELECT version_num FROM alembic_version",
        "SELECT (SELECT count(*) FROM solution_cells)",
    )
    return [_sorted(url, query) for query in queries]


def test_adds_an_assignment_as_nbgrader_does(course, empty):
    """From the release notebook, a new gradebook records what ``generate_assignment`` recorded; twice is once."""
    release = course / "release" / NAME / f"{NAME}.ipynb"
    gradebook.check(empty, course)
    gradebook.ensure_assignment(empty, NAME, release)
    gradebook.ensure_assignment(empty, NAME, release)
    assert _records(empty) == _records(gradebook.url_in(course))
    gradebook.check(empty, course)
    gradebook.write(empty, [_graded("s001")])
    assert len(_rows(empty)["grades"]) == 2


def test_adds_no_solution_to_the_gradebook(course, tmp_path, nbgrader_api):
    """From the source notebook, cells and points are recorded, and not a word of a solution."""
    new = tmp_path / "new.db"
    gradebook.ensure_assignment(f"sqlite:///{new}", NAME, course / "source" / NAME / f"{NAME}.ipynb")
    assert ANSWERS["UNQ_C2"].encode() not in new.read_bytes()
    with nbgrader_api.Gradebook(f"sqlite:///{new}") as book:
        assert book.find_assignment(NAME).max_score == 100.0
        assert book.find_source_cell("test_UNQ_C2", NAME, NAME).source == "assert f1(3) == 9"


def test_an_assignment_with_other_points_is_refused(course, url):
    """Where the notebook has changed since the gradebook was made, the remedy is named and nothing is changed."""
    path = course / "release" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata.nbgrader.points = 1
    nbformat.write(notebook, path)
    before = _records(url)
    with pytest.raises(UsageError, match="generate_assignment tiny --force"):
        gradebook.ensure_assignment(url, NAME, path)
    assert _records(url) == before


def test_a_notebook_that_is_none_is_named(url, tmp_path):
    """A file that is no notebook gives one clear line."""
    path = tmp_path / "x.ipynb"
    path.write_text("[]")
    with pytest.raises(UsageError, match=re.escape(str(path))):
        gradebook.ensure_assignment(url, NAME, path)


# ---- the check before a run ------------------------------------------------------------------------


def test_a_good_gradebook_passes_and_is_left_alone(course):
    """A gradebook of this nbgrader is fine; so is none at all, and none is made by looking."""
    before = (course / "gradebook.db").read_bytes()
    gradebook.check(gradebook.url_in(course), course)
    assert (course / "gradebook.db").read_bytes() == before
    gradebook.check(f"sqlite:///{course / 'none.db'}", course)
    assert not (course / "none.db").exists()


def test_a_locked_gradebook_is_reported(course, monkeypatch):
    """A gradebook that another program is writing gives one line, and is fine once that ends."""
    url = gradebook.url_in(course)
    monkeypatch.setattr(gradebook_access, "GLANCE", 0.05)
    other = sqlite3.connect(course / "gradebook.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UsageError, match=r"gradebook\.db is locked by another program"):
        gradebook.check(url, course)
    other.rollback()
    other.close()
    gradebook.check(url, course)


@pytest.mark.parametrize(
    ("revision", "message"), [("ffffffffffff", "newer nbgrader"), ("282d30a0218e", "nbgrader db upgrade")]
)
def test_a_gradebook_of_another_nbgrader_is_reported(course, url, revision, message):
    """An unknown revision asks for a newer nbgrader, an old one for the upgrade command."""
    _sql(url, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608
    with pytest.raises(UsageError, match=message):
        gradebook.check(url, course)


def test_the_revision_is_the_one_that_nbgrader_stamps(url):
    """What we read from nbgrader's migration scripts is what its own command put into a gradebook."""
    assert _sorted(url, "SELECT version_num FROM alembic_version") == [(gradebook_access._revisions()[0],)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("hello, I am no database" * 99), "is not a database"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: _sql(f"sqlite:///{path}", "CREATE TABLE x (y)"), "no gradebook of nbgrader"),
    ],
    ids=["text", "folder", "another database"],
)
def test_what_is_no_gradebook_is_reported(tmp_path, make, message):
    """Anything else under the gradebook's name gives one line that says what it is."""
    make(tmp_path / "gradebook.db")
    with pytest.raises(UsageError, match=message) as caught:
        gradebook.check(gradebook.url_in(tmp_path), tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)  # named as seen from the course


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("gradebook.db", "not one that SQLAlchemy reads"),
        ("sqlite://", "names no file"),
        ("sqlite:////no/such/folder/gradebook.db", "cannot be made"),
        ("nosuch://host/db", "driver"),
    ],
)
def test_an_unusable_url_is_reported(tmp_path, url, message):
    """A URL that cannot work gives one line."""
    with pytest.raises(UsageError, match=message):
        gradebook.check(url, tmp_path)


def test_a_password_is_never_shown(tmp_path):
    """A message about a gradebook on a server names the server, not the password."""
    with pytest.raises(UsageError, match="somewhere") as caught:
        gradebook.check("nosuch://me:secret@somewhere/db", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_read_only_gradebook_is_reported(course):
    """A gradebook that SQLite may only read is found before grading, not after."""
    with pytest.raises(UsageError, match="readonly"):
        gradebook.check(f"sqlite:///file:{course / 'gradebook.db'}?mode=ro&uri=true", course)


# ---- comments are inert ----------------------------------------------------------------------------


class _Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, html):
        super().__init__()
        self.seen = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.seen.update(name for name, _ in attrs if name.startswith("on") or name in {"href", "src", "style"})


PIECES = [*"`~<>!|[]()\\/:$&\"'=#*_-. \n\tab\u202e1", "<b>", "http://", "```", "    ", "\n---|---\n"]
NASTY = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@settings(max_examples=150, deadline=None)
@given(text=NASTY, line=NASTY)
@example(text='_"_', line="")
def test_a_comment_is_text_on_the_feedback_page(text, line):
    """However it is written, a comment becomes paragraphs and code on nbgrader's page, never markup or a link."""
    from nbconvert.filters import markdown2html

    comment = gradebook._comment(text, line)
    if comment is not None:
        tags = _Tags(markdown2html(comment)).seen
        assert tags <= {"p", "code", "pre", "div", "span", "br", "ul", "ol", "li", "h1", "h2", "hr"}


def test_a_plain_comment_stays_plain():
    """Our ordinary sentences are not dressed up, and the student's line stands below them as code."""
    text = "`a_next` is right. Each column of `x[:, t]` should add up to 1, not (n_a, m)."
    assert gradebook._comment(text, "") == text
    assert gradebook._comment(text, "line 3: a = b") == f"{text}\n\n```text\nline 3: a = b\n```"
    assert gradebook._comment("", "") is None


# ---- the import ------------------------------------------------------------------------------------


def test_the_gradebook_comes_without_the_rest_of_nbgrader():
    """A process that writes grades imports neither nbgrader's applications nor the grammar that no one uses."""
    code = (
        "import sys\n"
        "from autograder.gradebook_access import models\n"
        "models().Gradebook\n"
        "loaded = {'nbgrader', 'nbconvert', 'jupyter_server', 'rfc3987_syntax'} & sys.modules.keys()\n"
        "import nbgrader.api, jsonschema\n"  # and the plain import still works afterwards
        "nbgrader.api.Gradebook\n"
        "print(sorted(loaded))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_plain_import_stands_in_where_the_short_one_fails(monkeypatch, nbgrader_api):
    """Whatever goes wrong on the short way, the models are nbgrader's own."""
    monkeypatch.setattr(gradebook_access, "_light_models", _import_fails)
    monkeypatch.delitem(sys.modules, "nbgrader")
    try:
        gradebook_access.models.cache_clear()
        assert gradebook_access.models() is nbgrader_api
    finally:
        gradebook_access.models.cache_clear()


def _import_fails():
    """Fail as an import does."""
    raise ImportError("not today")
