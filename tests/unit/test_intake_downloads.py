"""What a learning platform packs, or a student clones, is found under the right student; which file counts is said.

The names are those that Canvas and Moodle write: the tests make their downloads by the platforms' own rules.
"""

import datetime as dt
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import intake
from autograder.course import CONFIG, Course
from autograder.errors import SubmissionError, UsageError
from autograder.intake.archive import Entry
from autograder.intake.platforms import Platform, labelled, platform_of
from autograder.intake.submitted import called, natural

RNN, LSTM = "rnn_step_by_step", "lstm_step_by_step"


@pytest.fixture
def course(tmp_path):
    """Make a course with two assignments."""
    root = tmp_path / "course"
    for name in (RNN, LSTM):
        folder = root / "source" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text("the solution", encoding="utf-8")
    (root / CONFIG).touch()
    return Course.at(root)


def packed(tmp_path, *names, file="class.zip", day=1):
    """Make a zip; each file holds its own name, and each was changed a minute after the one before."""
    path = tmp_path / file
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for minute, name in enumerate(names):
            made.writestr(zipfile.ZipInfo(name, (2026, 11, day, 12, minute, 0)), name)
    return path


def unpacked(tmp_path, *names):
    """Write the same into a folder."""
    root = tmp_path / "class"
    for minute, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
        os.utime(path, (1_000_000 + 60 * minute, 1_000_000 + 60 * minute))
    return root


def chosen(found):
    """Return, by student, which file is read; None where none is."""
    result = {}
    for submitted in found:
        try:
            result[submitted.student] = intake.read(submitted).decode()
        except SubmissionError:
            result[submitted.student] = None
    return result


# ------------------------------------------------------------------------------------------------------------- Canvas

CANVAS = (
    f"lovelaceada_12345_67890_{RNN}.ipynb",
    f"hoppergrace_LATE_222_67891_{RNN}-1.ipynb",
    f"müllerzoë_333_67892_{RNN}-2.ipynb",
)


@pytest.mark.parametrize("make", [packed, unpacked])
def test_canvas(course, tmp_path, make):
    """The student is Canvas's number, the name goes with it, and what is late is told; packed or unpacked."""
    found = intake.find(course, [make(tmp_path, *CANVAS)], None)
    assert [(s.student, s.name, s.assignment, s.folder, s.late) for s in found] == [
        ("12345", "lovelaceada", RNN, f"{RNN}/12345", False),
        ("222", "hoppergrace", RNN, f"{RNN}/222", True),
        ("333", "müllerzoë", RNN, f"{RNN}/333", False),
    ]
    assert chosen(found) == dict(zip(["12345", "222", "333"], CANVAS, strict=True))
    assert found[1].received == ("Canvas marks this submission as late.",)
    (remark,) = intake.remarks(found)
    assert "read as a Canvas download, 3 submissions; 1 marked late." in remark


def test_canvas_anonymous(course, tmp_path):
    """Where grading is anonymous, Canvas gives no name, and its own sign for the student is the id."""
    names = (f"anon_aB3dE_67890_{RNN}.ipynb", f"anon_LATE_Xy9zW_67891_{RNN}.ipynb", f"12_67892_{RNN}.ipynb")
    found = intake.find(course, [packed(tmp_path, *names)], RNN)
    assert {(s.student, s.name, s.late) for s in found} == {
        ("aB3dE", "", False), ("Xy9zW", "", True), ("12", "", False),
    }  # fmt: skip


@pytest.mark.parametrize(("which", "number"), [("last", 900), ("first", 70)])
@pytest.mark.parametrize("make", [packed, unpacked])
def test_canvas_several(course, tmp_path, make, which, number):
    """Of several notebooks the one that was uploaded last counts, or first: by Canvas's number, not by its name."""
    names = (
        f"lovelaceada_1_900_{RNN}.ipynb",
        f"lovelaceada_1_70_{RNN}-10.ipynb",
        f"lovelaceada_1_100_{RNN}-9.ipynb",
        "lovelaceada_1_1000_scratch.ipynb",
        "lovelaceada_1_1001_data.csv",
    )
    (submitted,) = intake.find(course, [make(tmp_path, *names)], None, which)
    assert f"_{number}_" in intake.read(submitted).decode()
    assert submitted.of == 4
    assert f"Of 4 notebooks handed in, `{RNN}" in submitted.received[0]
    assert f"the {which} of those" in submitted.received[0]
    assert f"of which the {which} counts" in intake.remarks([submitted], which)[0]


def test_canvas_without_a_notebook(course, tmp_path):
    """Who handed in something else is not passed over: the report says what came, and what to submit."""
    names = (f"a_1_11_{RNN}.ipynb", "b_2_12_everything.zip", "c_3_13_photo.jpg", "d_4_text.html", "e_LATE_5_link.html")
    found = {s.student: s for s in intake.find(course, [packed(tmp_path, *names)], None)}
    assert set(found) == {"1", "2", "3", "4", "5"}
    for student, word in {"2": "archive (`everything.zip`)", "3": "only `photo.jpg`", "4": "text.html"}.items():
        with pytest.raises(SubmissionError) as refusal:
            intake.read(found[student])
        assert word in str(refusal.value)
    assert found["5"].late


def test_one_number_two_names(course, tmp_path):
    """A student who may choose a name cannot hand in for another: under one number, two names are two students."""
    names = (f"victim_1_50_{RNN}.ipynb", f"eve_1_99_77_{RNN}.ipynb")  # Eve calls herself `eve_1`
    found = intake.find(course, [packed(tmp_path, *names)], RNN)
    assert [s.student for s in found] == ["1 eve", "1 victim"]
    assert chosen(found)["1 victim"] == names[0]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"{RNN}.ipynb", RNN),
        (f"{RNN}-1.ipynb", RNN),
        (f"{RNN} (2).ipynb", RNN),
        (f"{RNN}-Copy1.ipynb", RNN),
        (f"Copy of {RNN}.ipynb", RNN),
        (f"Copy of Copy of {RNN}.IPYNB", RNN),
        ("RNN_Step_by_step.ipynb", RNN),
        ("rnn step by step.ipynb", RNN),
        ("hw12.ipynb", "hw12"),
        ("hw1 (2).ipynb", "hw1"),
        (f"my_{RNN}.ipynb", ""),
        (f"{RNN}_final.ipynb", ""),
        (f"{RNN}.py", ""),
        (RNN, ""),
        ("", ""),
    ],
)
def test_what_a_file_is_called_after(file, name):
    """The notebook of an assignment, and its copies as programs name them; the longest name where two fit."""
    assert called(file, [RNN, LSTM, "hw1", "hw12"]) == name


@pytest.mark.timeout(5)
@pytest.mark.parametrize("tail", ["-" * 50_000 + "x", "(" * 50_000, "(1" * 30_000, "copy" * 20_000 + "c", "1" * 90_000])
def test_long_names_cost_nothing(tail):
    """A name made to keep a pattern busy is read in linear time."""
    assert called(f"{RNN}{tail}.ipynb", [RNN]) in {"", RNN}
    natural(tail)
    for name in (f"a_{tail}", f"a_1_2_{tail}", "_1" * 20_000, "a_assignsubmission" * 5_000, f"{tail}_assignsubmission"):
        platform_of([Entry((name + ".ipynb",), 0)])


def test_another_assignments_notebook(course, tmp_path):
    """A notebook that is called like another assignment is graded as was said, with a question to the student."""
    names = (f"a_1_11_{RNN}.ipynb", f"b_2_12_{LSTM}.ipynb")
    with pytest.raises(UsageError, match="Say --assignment"):
        intake.find(course, [packed(tmp_path, *names)], None)
    found = intake.find(course, [packed(tmp_path, *names)], RNN)
    assert found[0].received == ()
    assert f"`{LSTM}.ipynb`, and was graded as {RNN}. Is it the right one?" in found[1].received[0]


# ------------------------------------------------------------------------------------------------------------- Moodle

MOODLE = (
    f"Ada Lovelace_12345_assignsubmission_file_/{RNN}.ipynb",
    f"Zoë Müller_333_assignsubmission_file/sub/{RNN} (1).ipynb",
    "Zoë Müller_333_assignsubmission_onlinetext/onlinetext.html",
    "Grace Hopper_222_assignsubmission_onlinetext_/onlinetext.html",
)


@pytest.mark.parametrize("make", [packed, unpacked])
def test_moodle(course, tmp_path, make):
    """Folders of older and newer Moodles, with what was written online beside; packed or unpacked."""
    found = intake.find(course, [make(tmp_path, *MOODLE)], None)
    assert [(s.student, s.name, s.folder) for s in found] == [
        ("12345", "Ada Lovelace", f"{RNN}/12345"),
        ("222", "Grace Hopper", f"{RNN}/222"),
        ("333", "Zoë Müller", f"{RNN}/333"),
    ]
    assert chosen(found) == {"12345": MOODLE[0], "222": None, "333": MOODLE[1]}
    assert "read as a Moodle download, 3 submissions." in intake.remarks(found)[0]


@pytest.mark.parametrize("make", [packed, unpacked])
def test_moodle_without_folders(course, tmp_path, make):
    """The same where Moodle was told to make no folders, for groups, and where marking is blind."""
    names = (
        f"Ada Lovelace_1_assignsubmission_file_{RNN}.ipynb",
        f"Participant_2_assignsubmission_file_{RNN}.ipynb",
        f"Default group_assignsubmission_file_{RNN}.ipynb",
    )
    found = intake.find(course, [make(tmp_path, *names)], RNN)
    assert [(s.student, s.name) for s in found] == [("1", "Ada Lovelace"), ("2", "Participant"), ("Default group", "")]


@pytest.mark.parametrize(("which", "file"), [("last", "b"), ("first", "a")])
@pytest.mark.parametrize("make", [packed, unpacked])
def test_moodle_several(course, tmp_path, make, which, file):
    """Of several notebooks in one folder, none called like the assignment, the one changed last counts, or first."""
    names = ("z", "a", "m", "b")
    paths = [f"Ada_1_assignsubmission_file_/{name}.ipynb" for name in names[1:]]
    (submitted,) = intake.find(course, [make(tmp_path, *paths)], RNN, which)
    assert intake.read(submitted).decode() == f"Ada_1_assignsubmission_file_/{file}.ipynb"


def test_moodle_file_cannot_pass_for_another(course, tmp_path):
    """What a student's own file is called says nothing about whose it is."""
    evil = f"Eve_9_assignsubmission_file_/x_1_assignsubmission_file_{RNN}.ipynb"
    flat = f"Mal_8_assignsubmission_file_x_1_assignsubmission_file_{RNN}.ipynb"
    assert {s.student for s in intake.find(course, [packed(tmp_path, evil, flat)], RNN)} == {"8", "9"}


def test_links_in_an_unpacked_folder(course, tmp_path):
    """A link in the place of a notebook is not followed."""
    root = unpacked(tmp_path, MOODLE[0])
    place = root / "Eve_9_assignsubmission_file_"
    place.mkdir()
    (place / f"{RNN}.ipynb").symlink_to(course.root / "source" / RNN / f"{RNN}.ipynb")
    (root / "Mal_8_assignsubmission_file_").symlink_to(course.root / "source" / RNN)
    found = intake.find(course, [root], RNN)
    assert chosen(found) == {"12345": MOODLE[0], "9": None}


# ------------------------------------------------------------------------------------------------------- which way in


@pytest.mark.parametrize(
    "names",
    [
        (f"ada/{RNN}/{RNN}.ipynb",),
        (f"Ada_1_assignsubmission_file_/{RNN}.ipynb", f"somebody/{RNN}.ipynb"),
        (*CANVAS, "ada.ipynb"),
        ("readme.txt",),
        (),
    ],
)
def test_zips_that_are_neither(course, tmp_path, names):
    """What is neither, half of one, or empty is told, with what to do; nothing is guessed."""
    path = packed(tmp_path, *names)
    with pytest.raises(UsageError, match=r"Unpack it|unpack it|names otherwise|holds no notebook"):
        intake.find(course, [path], RNN)


def test_half_a_moodle_folder(course, tmp_path):
    """A folder that is a download in part only is told."""
    with pytest.raises(UsageError, match="Move out what was added"):
        intake.find(course, [unpacked(tmp_path, MOODLE[0], f"bela/{RNN}/{RNN}.ipynb")], RNN)


def test_flat_folder_with_one_such_name(course, tmp_path):
    """In a folder of notebooks the student stays the file's stem, even if one is named as Canvas would."""
    found = intake.find(course, [unpacked(tmp_path, CANVAS[0], "bela.ipynb")], RNN)
    assert [s.student for s in found] == ["bela", CANVAS[0].removesuffix(".ipynb")]


def test_plain_zip(course, tmp_path):
    """A zip of notebooks is what a folder of them is, also where the folder itself was packed."""
    junk = ("__MACOSX/class/._s001.ipynb", "class/.DS_Store", "class/notes.txt")
    found = intake.find(course, [packed(tmp_path, "class/s002.ipynb", "class/s001.ipynb", *junk)], RNN)
    assert [(s.student, s.folder) for s in found] == [("s001", "s001"), ("s002", "s002")]
    assert chosen(found)["s001"] == "class/s001.ipynb"


def test_other_archives(course, tmp_path):
    """Another archive than a zip is told, and not taken for a student's notebook."""
    for name in ("class.tar.gz", "class.7z", "class.zip"):
        (tmp_path / name).write_bytes(b"\x1f\x8b nothing of ours")
        with pytest.raises(UsageError, match="Unpack it first"):
            intake.find(course, [tmp_path / name], RNN)


def test_unknown_which(course, tmp_path):
    """There is no `best`: it would be a way to try answers out."""
    with pytest.raises(UsageError, match="--which best is unknown; it is one of: last, first"):
        intake.find(course, [packed(tmp_path, *CANVAS)], RNN, "best")


def test_copies_in_a_tree(course, tmp_path):
    """Two downloads of one notebook in an nbgrader tree: the last copy counts, and the student is told."""
    root = unpacked(tmp_path, *(f"ada/{RNN}/{RNN} ({n}).ipynb" for n in (10, 9)), f"ada/{RNN}/other.ipynb")
    (submitted,) = intake.find(course, [root], None)
    assert submitted.path.name == f"{RNN} (10).ipynb"
    assert submitted.of == 3
    assert "Of 3 notebooks" in submitted.received[0]
    assert "1 submission with several notebooks, of which the last counts" in intake.remarks([submitted])[0]


@given(st.lists(st.text(max_size=30), max_size=5), st.sampled_from([Platform.CANVAS, Platform.MOODLE]))
def test_any_names(names, platform):
    """Whatever files are called, each labelled one has a student, a file, and a number."""
    entries = [Entry((name or "x",), 0) for name in names]
    platform_of(entries)
    for _, label in labelled(platform, entries):
        assert label.student or label.name == ""
        assert label.file
        assert label.number >= 0


# ------------------------------------------------------------------------------------------------------------- clones

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def clone(root, student, *files, head="ref: refs/heads/main\n", commit=COMMIT):
    """Make what `git clone` leaves behind, as far as anybody looks at it."""
    git = root / student / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(head)
    (git / "refs" / "heads" / "main").write_text(f"{commit}\n")
    for file in files:
        path = root / student / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file, encoding="utf-8")
    return root / student


@pytest.mark.parametrize(
    "files",
    [
        (f"{RNN}.ipynb", "other.ipynb"),
        (f"{RNN}/{RNN}.ipynb",),
        (f"release/{RNN}/{RNN}.ipynb", f"release/{LSTM}/{LSTM}.ipynb"),
        (f"week 3/{RNN}/{RNN}.ipynb", f"week 3/.ipynb_checkpoints/{RNN}-checkpoint.ipynb"),
        (f"homework/{RNN} (1).ipynb",),
        (f"week 3/{RNN}/{RNN}.ipynb", f".trash/{RNN}.ipynb"),
        ("homework.ipynb",),
    ],
)
def test_clones(course, tmp_path, files):
    """The notebook is found wherever students keep it, the commit it was checked out at is told, git is not asked."""
    clone(tmp_path / "class", "ada", *files)
    (tmp_path / "class" / "failed").mkdir()
    found = intake.find(course, [tmp_path / "class"], RNN)
    assert [(s.student, s.folder) for s in found] == [("ada", f"{RNN}/ada"), ("failed", f"{RNN}/failed")]
    assert chosen(found) == {"ada": files[0], "failed": None}
    assert found[0].received == ("The clone was graded as it stands at commit 0123456789ab.",)
    assert "There is no notebook" in found[1].problem
    assert "read as a folder of git clones, 2 submissions." in intake.remarks(found)[0]


def test_clones_of_several_assignments(course, tmp_path):
    """Where it is open, each notebook is a submission of the assignment it is called after."""
    clone(tmp_path / "class", "ada", f"{RNN}/{RNN}.ipynb", f"{LSTM}/{LSTM}.ipynb")
    clone(tmp_path / "class", "bela", f"{RNN}.ipynb")
    clone(tmp_path / "class", "chidi", "README.md")
    found = intake.find(course, [tmp_path / "class"], None)
    assert {(s.student, s.assignment) for s in found if not s.problem} == {("ada", RNN), ("ada", LSTM), ("bela", RNN)}
    assert {(s.student, s.assignment) for s in found if s.problem} == {("chidi", RNN), ("chidi", LSTM)}


def test_two_of_one_name_in_a_clone(course, tmp_path):
    """Two notebooks of the right name, equally near, are not chosen from; the nearer of two is."""
    clone(tmp_path / "class", "ada", f"a/{RNN}.ipynb", f"b/{RNN}.ipynb")
    clone(tmp_path / "class", "bela", f"old/{RNN}.ipynb", f"{RNN}.ipynb")
    found = {s.student: s for s in intake.find(course, [tmp_path / "class"], RNN)}
    assert f"`a/{RNN}.ipynb` and `b/{RNN}.ipynb`" in found["ada"].problem
    assert intake.read(found["bela"]).decode() == f"{RNN}.ipynb"


def test_hostile_clones(course, tmp_path):
    """Links are not followed, hooks and configuration are not looked at, and a strange HEAD is no commit."""
    root = tmp_path / "class"
    source = course.root / "source" / RNN
    ran = tmp_path / "ran"
    made = clone(root, "hook", f"{RNN}.ipynb")
    (made / ".git" / "hooks").mkdir()
    for name in ("post-checkout", "pre-commit", "fsmonitor"):
        (made / ".git" / "hooks" / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (made / ".git" / "hooks" / name).chmod(0o755)
    (made / ".git" / "config").write_text(f"[core]\n\tfsmonitor = touch {ran}\n\tpager = touch {ran}\n")
    (clone(root, "file") / f"{RNN}.ipynb").symlink_to(source / f"{RNN}.ipynb")
    (clone(root, "folder") / RNN).symlink_to(source)
    (root / "whole").symlink_to(source)
    clone(root, "climbs", f"{RNN}.ipynb", head="ref: refs/heads/../../../../secret\n")
    clone(root, "long", f"{RNN}.ipynb", head="ref: refs/heads/main" + " " * 1_000)
    linked = clone(root, "linked", f"{RNN}.ipynb")
    (linked / ".git" / "HEAD").unlink()
    for place in (tmp_path, root):  # the second is where the branch that climbs leads to
        (place / "secret").write_text(COMMIT)
    (linked / ".git" / "HEAD").symlink_to(tmp_path / "secret")
    found = intake.find(course, [root], RNN)
    read = chosen(found)
    assert {student for student, content in read.items() if content is None} == {"file", "folder", "whole"}
    assert [s.student for s in found if s.received] == ["file", "folder", "hook"]
    problems = {s.student: s.problem for s in found if s.problem}
    assert "There is no notebook" in problems["folder"]
    assert "is a link, not a clone" in problems["whole"]
    assert set(problems) == {"folder", "whole"}
    assert not ran.exists()


def test_timestamps_of_platforms(course, tmp_path):
    """A platform's files have no time of submission in them; none is made up."""
    found = intake.find(course, [packed(tmp_path, *CANVAS)], None)
    assert [s.timestamp for s in found] == [None] * 3
    assert isinstance(dt.datetime.now(tz=dt.UTC), dt.datetime)


def test_readable_everywhere(course, tmp_path):
    """A hostile name in a zip becomes a name that can be written, and leads to a folder of its own."""
    strange = ("=cmd()", "\u202etxt", "a\nb", "\x1b[31m")
    names = [f"{name}_{number}_9_{RNN}.ipynb" for number, name in enumerate(strange, start=1)]
    for submitted in intake.find(course, [packed(tmp_path, *names)], RNN):
        assert submitted.name.encode()
        assert Path(submitted.folder).parts == (RNN, submitted.student)
