"""The instructor's guide, followed to the letter: a term of one assignment and four students."""

import shutil
import zipfile

import pytest
from follower import GUIDES, Follower, unnamed
from forges import ROOT, grader_at

from autograder.course import CONFIG

GUIDE = (GUIDES / "instructor-guide.md").read_text(encoding="utf-8")
NAME = "warm_up"


def download_from_canvas(folder):
    """Make the zip that Canvas makes of a class of one, who was late."""
    with zipfile.ZipFile(folder / "submissions.zip", "w") as file:
        file.write(folder / "source" / NAME / f"{NAME}.ipynb", f"hoppercy_LATE_4711_99_{NAME}-1.ipynb")


def grade_by_hand(folder):
    """Write into the gradebook what the formgrader writes when someone types points and a comment."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        grade = book.find_grade("test_UNQ_C1", NAME, NAME, "ben")
        grade.manual_score, grade.needs_manual_grade = 85, False
        book.find_comment("UNQ_C1", NAME, NAME, "ben").manual_comment = "Only the sign is wrong."
        book.db.commit()


@pytest.mark.slow
def test_the_guide_can_be_followed_word_for_word(tmp_path):
    """Every file is written, every command run, and what is printed is what the guide says, to the final grades."""
    shutil.copy(ROOT / CONFIG, grader_at(tmp_path / "rnn-course"))
    deeds = {
        "a zip is downloaded from Canvas": download_from_canvas,
        "in the formgrader, ben is given 85 points and a comment": grade_by_hand,
    }
    follower = Follower(tmp_path, deeds)
    follower.follow_all(GUIDE)
    assert follower.status == 0
    assert len(follower.printed) > 25
    assert follower.folder == tmp_path / "term"
    assert (tmp_path / "term" / ".autograder" / "secret").stat().st_mode & 0o077 == 0


def test_the_prose_names_what_each_block_is():
    """Titles are not shown everywhere: the text before a block names the file too."""
    assert unnamed(GUIDE) == []
