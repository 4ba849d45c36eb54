"""nbgrader's formgrader in a browser, on what ``autograder grade`` has left: seen, graded by hand, and graded again."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sample_course
from jupyter_served import TOKEN, serving
from nbgrader.api import Gradebook
from sample_course import NAME

PATIENCE = 120.0  # seconds for anything on a page: other tests run beside this one
STUDENTS = {"ada": "ada", "jonas": "jonas", "née": "pilar"}
SCORES = {"ada": "100", "jonas": "80", "née": "30"}
MISTAKE = "softmax over rows"  # that jonas makes
COMMENT = "We talked about it; see the lecture on axes."

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("formgrader")]


@pytest.fixture(scope="module")
def course(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # browser: skip first
    """Return a course folder with a small class that ``autograder grade`` has graded, and an exchange of its own."""
    folder = tmp_path_factory.mktemp("formgrader")
    exchange = folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)  # as nbgrader wants it: every student writes there
    settings = (f"c.Exchange.root = {str(exchange)!r}", f"c.Exchange.cache = {str(folder / 'cache')!r}")
    course = sample_course.make(folder / "course", STUDENTS, *settings)
    done = sample_course.run(course, "grade", "--workers", "1")
    assert done.returncode == 0, done.stderr
    return course


@pytest.fixture(scope="module")
def page(browser: Any, course: Path) -> Iterator[Any]:
    """Return a page that has opened the formgrader; one for all tests, which each begin by going somewhere."""
    home = course.parent / "home"
    home.mkdir()
    with serving("jupyter_server", course, home) as address:
        page = browser.new_page(base_url=address, viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(PATIENCE * 1000)
        page.route(lambda url: not url.startswith(address), lambda route: route.abort())  # fonts and formulas
        page.goto(f"formgrader?token={TOKEN}")
        yield page
        page.close()


def row(page: Any, text: str) -> Any:
    """Return the row of the shown table in which a text stands; tables are filled after the page is there."""
    found = page.locator("tbody tr", has_text=text)
    found.first.wait_for()
    return found


def open_submission(page: Any, student: str) -> None:
    """Go from the list of assignments to a student's notebook, as one who grades does, and wait for all of it."""
    page.goto("formgrader/gradebook")
    row(page, NAME).get_by_role("link", name=NAME).click()
    page.wait_for_url(f"**/gradebook/{NAME}")
    row(page, NAME).get_by_role("link", name=NAME).click()
    page.wait_for_url(f"**/gradebook/{NAME}/{NAME}")
    link = page.locator("a.name-shown", has_text=student)
    link.wait_for(state="attached")
    page.locator("#toggle_names").click()  # names are hidden until they are asked for
    link.click()
    page.wait_for_url("**/formgrader/submissions/*/")
    page.wait_for_function("() => formgrader.grades?.loaded && formgrader.comments?.loaded")


def saved(page: Any, selector: str, text: str) -> None:
    """Write into a field of the open submission, leave it, and wait until it is in the gradebook."""
    kind = "comment" if selector.endswith("-comment") else "grade"
    with page.expect_response(lambda answer: f"/api/{kind}/" in answer.url and answer.request.method == "PUT") as put:
        page.locator(selector).fill(text)
        page.locator(selector).blur()
    assert put.value.ok


def graded(course: Path, student: str) -> tuple[Any, ...]:
    """Return what the gradebook has of a student's first exercise."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        grade = book.find_grade("test_UNQ_C1", NAME, NAME, student)
        comment = book.find_comment("UNQ_C1", NAME, NAME, student)
        return grade.auto_score, grade.manual_score, grade.needs_manual_grade, comment.manual_comment


def test_the_assignment_is_there_with_its_submissions(page: Any) -> None:
    """The first page lists the assignment with the number of submissions, which leads to every one with its score."""
    page.goto("formgrader/manage_assignments")
    link = row(page, NAME).locator("td.num-submissions a")
    assert link.inner_text() == str(len(STUDENTS))
    link.click()
    page.wait_for_url(f"**/manage_submissions/{NAME}")
    for student, score in SCORES.items():
        one = row(page, student)
        assert one.locator("td.status").inner_text() == "graded"
        assert one.locator("td.score").inner_text() == f"{score} / 100"
        assert one.locator("td.timestamp").inner_text().startswith(sample_course.STAMP[:16])


def test_the_students_are_there_with_their_scores(page: Any) -> None:
    """Every student has an overall score, and a page that leads to what was handed in."""
    page.goto("formgrader/manage_students")
    for student, score in SCORES.items():
        assert row(page, student).locator("td.score").inner_text() == f"{score} / 100"
    page.goto("formgrader/manage_students/jonas")
    assert row(page, NAME).locator("td.score").inner_text() == "80 / 100"


def test_the_gradebook_says_what_the_class_earned(page: Any) -> None:
    """Averages of the assignment and of its notebook, and the score of each submission."""
    page.goto("formgrader/gradebook")
    assert row(page, NAME).locator("td.score").inner_text() == "70 / 100"
    page.goto(f"formgrader/gradebook/{NAME}/{NAME}")
    row(page, "Submission #3")
    assert sorted(page.locator("td.score").all_inner_texts()) == ["100 / 100", "30 / 100", "80 / 100"]
    assert page.locator("td.needs-manual-grade .glyphicon").count() == 0


def test_a_submission_shows_outcome_and_text(page: Any) -> None:
    """In the opened notebook stand the student's code, our outcome as the test cell's output, our text as comment."""
    open_submission(page, "jonas")
    text = page.locator("#notebook").first.inner_text()  # nbgrader puts one into another of the same name
    assert "rnn_cell_forward not right yet: 30 of 50 points" in text
    assert "softmax((np.dot(Wya, a_next) + by).T).T" in text
    assert page.locator("#test_UNQ_C1").get_attribute("placeholder") == "30"
    assert page.locator("#test_UNQ_C2").get_attribute("placeholder") == "50"
    assert MISTAKE in page.locator("#UNQ_C1-comment").get_attribute("placeholder")
    assert page.locator("#UNQ_C1-comment").input_value() == ""
    pictures = page.locator("#notebook img")
    assert pictures.count() > 3
    assert pictures.evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 0)")


def test_feedback_is_ours_and_handed_out_with_what_a_person_wrote(page: Any, course: Path) -> None:
    """Before anybody has looked, the feedback is our page; a score and a comment given here stay through a regrade.

    A grade that was given by hand is marked for another look then, as nbgrader does it, until it is resolved; and the
    formgrader's own buttons make feedback with both and release it.
    """
    sheet = f"feedback/jonas/{NAME}/{NAME}.html"
    assert "80 of 100 points" in (course / sheet).read_text(encoding="utf-8")
    open_submission(page, "jonas")
    saved(page, "#test_UNQ_C1", "42")
    saved(page, "#UNQ_C1-comment", COMMENT)
    assert graded(course, "jonas") == (30.0, 42.0, False, COMMENT)

    done = sample_course.run(course, "grade", "--fresh", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert graded(course, "jonas") == (30.0, 42.0, True, COMMENT)
    open_submission(page, "jonas")
    score = page.locator("#test_UNQ_C1")
    assert score.input_value() == "42"
    assert "needs_manual_grade" in score.get_attribute("class")
    assert page.locator("#UNQ_C1-comment").input_value() == COMMENT
    cell = page.locator(".nbgrader_cell", has=score)
    with page.expect_response(lambda answer: "/api/grade/" in answer.url):
        cell.get_by_role("button", name="Resolve").click()
    assert graded(course, "jonas") == (30.0, 42.0, False, COMMENT)
    if folder := os.environ.get("SCREENSHOTS"):
        score.scroll_into_view_if_needed()
        page.screenshot(path=Path(folder, "formgrader.png"))

    for button, end in (("generate-feedback", "/generate_feedback"), ("release-feedback", "/release_feedback")):
        page.goto(f"formgrader/manage_submissions/{NAME}")
        assert row(page, "jonas").locator("td.score").inner_text() == "92 / 100"
        with page.expect_response(lambda answer, end=end: answer.url.endswith(end)) as post:
            row(page, "jonas").locator(f"td.{button} a").click()
        assert post.value.json()["success"], post.value.json()
    page.goto(f"files/{sheet}", referer=page.url)
    assert COMMENT in page.inner_text("body")
    released = list((course.parent / "exchange").rglob("*.html"))
    assert [path.read_bytes() for path in released] == [(course / sheet).read_bytes()]
