"""Which notebook of several counts, and what is said of what does not."""

import os

import pytest

from autograder import intake
from autograder.course import CONFIG, Course
from autograder.errors import SubmissionError
from autograder.intake.files import FILES_CAP
from autograder.intake.submitted import best_named, is_notebook, mentions, stem

RNN, LSTM = "rnn_step_by_step", "lstm_step_by_step"


@pytest.fixture
def course(tmp_path):
    """Make a course with two assignments."""
    for name in (RNN, LSTM):
        (tmp_path / "course" / "source" / name).mkdir(parents=True)
        (tmp_path / "course" / "source" / name / f"{name}.ipynb").touch()
    (tmp_path / "course" / CONFIG).touch()
    return Course.at(tmp_path / "course")


def handed_in(root, *files):
    """Write a class's files and return its folder."""
    for file in files:
        (root / "class" / file).parent.mkdir(parents=True, exist_ok=True)
        (root / "class" / file).write_text(file, encoding="utf-8")
    return root / "class"


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("ada.ipynb", "ada"),
        ("ada.IPYNB", "ada"),
        ("ada.ipynb.txt", "ada"),
        ("ada.ipynb.json", "ada"),
        ("ada.ipynb.ipynb", "ada.ipynb"),
        (".ada.ipynb", ".ada"),
        ("ada.ipynb.zip", None),
        ("ada.txt", None),
        ("ipynb", None),
        (".ipynb", None),
        ("._ada.ipynb", None),
        (".ipynb_checkpoints", None),
    ],
)
def test_what_a_notebook_is_called(name, of):
    """By its suffix in any letters, also where a browser added another one; never the shadow of a file."""
    assert is_notebook(name) == (of is not None)
    assert of is None or stem(name) == of


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"{RNN}_ada.ipynb", RNN),
        (f"ada-{RNN}.ipynb", RNN),
        ("Ada RNN step by step final.ipynb", RNN),
        (f"{RNN}2.ipynb", ""),
        (f"birnn{RNN}.ipynb", ""),
        (f"bi{RNN}.ipynb", ""),
        (f"{RNN} and {LSTM}.ipynb", ""),
        ("hw12_ada.ipynb", "hw12"),
        ("my_hw1_part2.ipynb", "hw1_part2"),
        ("notes.txt", ""),
    ],
)
def test_which_assignment_a_name_mentions(file, name):
    """As a word of its own, one assignment only, and the longer where one's name is in another's."""
    assert mentions(file, [RNN, LSTM, "hw1", "hw12", "hw1_part2"]) == name


def test_copies_come_before_mentions():
    """What an editor or browser made of the assignment's name fits better than a name that has it in it."""
    files = [f"{RNN}_old.ipynb", f"{RNN} (2).ipynb", "other.ipynb", f"{RNN}-Copy1.ipynb"]
    assert best_named(files, RNN, [RNN, LSTM]) == [1, 3]
    assert best_named(files[::2], RNN, [RNN, LSTM]) == [0]
    assert best_named(["other.ipynb"], RNN, [RNN, LSTM]) == []


@pytest.mark.parametrize(
    ("files", "chosen", "of", "exact"),
    [
        ((f"{RNN}.ipynb", "scratch.ipynb", f"{RNN} (9).ipynb"), f"{RNN}.ipynb", 3, True),
        ((f"{RNN} (2).ipynb", f"{RNN} (10).ipynb", "z.ipynb"), f"{RNN} (10).ipynb", 3, False),
        (("z.ipynb", f"{RNN}_ada.ipynb"), f"{RNN}_ada.ipynb", 2, False),
        (("anything.IPYNB", "data.csv"), "anything.IPYNB", 1, False),
        (("deep/er/anything.ipynb", "deep/.hidden/x.ipynb", "__MACOSX/y.ipynb"), "deep/er/anything.ipynb", 1, False),
        ((f"a/{RNN}.ipynb", "b/scratch.ipynb"), f"a/{RNN}.ipynb", 2, False),
    ],
)
def test_which_counts_in_a_tree(course, tmp_path, files, chosen, of, exact):
    """The assignment's own name, else the last copy, else one that mentions it, else the only one, wherever it lies."""
    root = handed_in(tmp_path, *(f"ada/{RNN}/{file}" for file in files))
    (submitted,) = intake.find(course, [root], RNN)
    assert intake.read(submitted).decode() == f"ada/{RNN}/{chosen}"
    assert (submitted.of, submitted.exact) == (of, exact)
    told = [note for note in submitted.received if note.startswith(f"Of {of} notebooks handed in, `")]
    assert len(told) == (of > 1)
    assert ("the one that bears the assignment's name" in "".join(told)) == exact


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("a.ipynb", "b.ipynb"), "There are 2 notebooks in this submission (`a.ipynb`, `b.ipynb`), and none is called"),
        ((*(f"{n}.ipynb" for n in range(9)),), "(`0.ipynb`, `1.ipynb`, `2.ipynb` and 6 more)"),
        (("a/x.ipynb", "b/y.ipynb"), "There are 2 notebooks in this submission (`x.ipynb`, `y.ipynb`)"),
        (("all.7z", "photo.png"), "There is an archive (`all.7z`) where a notebook should be"),
        (("photo.png",), "There is no notebook in this submission, only `photo.png`. Submit the .ipynb file."),
        ((".ipynb_checkpoints/a.ipynb",), f"There is no notebook `{RNN}.ipynb` in this submission."),
    ],
)
def test_nothing_is_guessed_in_a_tree(course, tmp_path, files, sentence):
    """Where nobody can tell which notebook is meant, or there is none, the student is told what was found instead."""
    root = handed_in(tmp_path, *(f"ada/{RNN}/{file}" for file in files), f"ben/{RNN}/{RNN}.ipynb")
    ada, ben = intake.find(course, [root], RNN)
    with pytest.raises(SubmissionError) as refused:
        intake.read(ada)
    assert sentence in str(refused.value)
    assert intake.read(ben)


def test_no_link_is_followed_into_a_folder(course, tmp_path):
    """A folder of a submission that leads elsewhere is not looked into: there is no notebook in it."""
    root = handed_in(tmp_path, f"ada/{RNN}/notes.txt", "elsewhere/secret.ipynb")
    (root / "ada" / RNN / "inner").symlink_to(root / "elsewhere")
    (submitted,) = intake.find(course, [root], RNN)
    with pytest.raises(SubmissionError, match="There is no notebook in this submission"):
        intake.read(submitted)


def test_a_folder_without_end_is_not_walked(course, tmp_path, monkeypatch):
    """No more than so many files of one student are looked at."""
    monkeypatch.setattr("autograder.intake.files.FILES_CAP", 10)
    assert FILES_CAP > 1_000
    root = handed_in(tmp_path, *(f"ada/{RNN}/data/{n:03}.csv" for n in range(50)), f"ada/{RNN}/z/a.ipynb")
    (submitted,) = intake.find(course, [root], RNN)
    with pytest.raises(SubmissionError, match=r"There is no notebook in this submission, only `data`"):
        intake.read(submitted)


# --------------------------------------------------------------------------------------------- what is said of the rest


def remarks(course, root, assignment=RNN):
    """Return what an instructor is told about a class."""
    found = intake.find(course, [root], assignment)
    return [*intake.remarks(found), *intake.passed_over(course, [root], found)]


@pytest.mark.parametrize(
    "students",
    [
        ("Ada", "ada"),
        ("Zo\u00eb", "Zoe\u0308"),
        ("Zo\u00eb", "Zoe"),
        ("s 1", "s1", "S-1"),
        ("\ufb01n", "fin"),
    ],
)
def test_students_who_may_be_one(course, tmp_path, students):
    """Ids that differ in capitals, accents or blanks only stay apart, and the instructor is asked."""
    root = handed_in(tmp_path, *(f"{student}.ipynb" for student in students), "other.ipynb")
    (remark,) = remarks(course, root)
    assert remark.startswith(f"{RNN}: '")
    assert f"look like one student, and are graded as {len(students)}." in remark
    assert all(ascii(student) in remark for student in students)


def test_ids_of_signs_alone_look_like_nobody(course, tmp_path):
    """No two ids without a letter or a digit are said to be one."""
    assert remarks(course, handed_in(tmp_path, "+.ipynb", "-.ipynb")) == []


def test_what_lies_beside_is_named(course, tmp_path):
    """In a tree: files, folders of no assignment that hold a notebook, notebooks outside of any; and nothing else."""
    root = handed_in(
        tmp_path,
        f"ada/{RNN}/{RNN}.ipynb",
        f"ada/{LSTM}/{LSTM}.ipynb",  # of another assignment, which is known
        f"ben/{RNN.upper()}/{RNN}.ipynb",
        f"chidi/{RNN}.ipynb",
        "dora/photos/me.png",
        "stray.ipynb",
        "list.csv",
        ".hidden",
    )
    (root / "eve").mkdir()
    (remark,) = remarks(course, root)
    assert remark == (
        f"{root}: 'ben/{RNN.upper()}/', 'chidi/{RNN}.ipynb', 'list.csv', 'stray.ipynb': no submission of a known "
        "assignment, passed over."
    )


def test_a_long_list_is_cut(course, tmp_path):
    """Of many names a few are shown, and the others counted; none can act on a terminal."""
    root = handed_in(tmp_path, "a.ipynb", *(f"{n}.txt" for n in range(20)))
    (root / "0.txt").rename(root / os.fsdecode(b"0\xff.txt"))
    (remark,) = remarks(course, root)
    assert remark.endswith(" and 12 more: no submission of a known assignment, passed over.")
    assert "'0\\xff.txt'" in remark


def test_nothing_is_said_where_all_is_well(course, tmp_path):
    """One notebook, a tree, a platform's download: no remark about what is not there."""
    assert remarks(course, handed_in(tmp_path, f"ada/{RNN}/{RNN}.ipynb", f"ada/{RNN}/data.csv")) == []
    assert remarks(course, tmp_path / "class" / "ada" / RNN / f"{RNN}.ipynb") == []
    (only,) = remarks(course, handed_in(tmp_path / "canvas", f"ada_1_2_{RNN}.ipynb", "ben_3_4_photo.png"))
    assert "read as a Canvas download" in only
