"""The students' guide, followed to the letter: from the zip to the feedback page."""

import json
import re

import pytest
from follower import GUIDES, Follower, unnamed

from autograder import demo
from autograder.release_folder import archive
from autograder.reports import page

GUIDE = (GUIDES / "student-guide.md").read_text(encoding="utf-8")
NAME = demo.ASSIGNMENT


@pytest.fixture
def deeds(course, solutions, grader):
    """Return what a student does in a browser, and what the instructor does out of sight."""

    def solve(folder):
        """Put the answers in; the demonstrations go, since they take most of the time and nobody is graded by them."""
        notebook = json.loads(course.source_notebook(NAME).read_text(encoding="utf-8"))
        kept = re.compile(r"imports|(test_)?UNQ_C\d")
        notebook["cells"] = [
            cell
            for cell in notebook["cells"]
            if cell["cell_type"] != "code" or kept.fullmatch(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))
        ]
        (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")

    def grade(folder):
        (jonas,) = [member for member in demo.MEMBERS if member.student == "jonas"]
        report = grader.grade(demo.content(jonas, solutions), "you")
        (folder / "feedback.html").write_text(page.render(report, "2030-10-16"), encoding="utf-8")

    return {"it is solved": solve, "a page comes back": grade}


def test_the_guide_can_be_followed_word_for_word(course, deeds, tmp_path):
    """The zip is unpacked, the check is run before and after, and the page says what the guide says."""
    archive(course.root / "release" / NAME, tmp_path / f"{NAME}.zip")
    follower = Follower(tmp_path, deeds)
    follower.follow_all(GUIDE)
    assert follower.status == 0
    assert len(follower.printed) == 5


def test_the_prose_names_what_each_block_is():
    """Titles are not shown everywhere: the text before a block names the file too."""
    assert unnamed(GUIDE) == []
