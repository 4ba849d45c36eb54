"""`autograder new`: what it writes is released and graded at once; what it refuses leaves no trace."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import nbformat
import numpy as np
import pytest

from autograder import assignments, new, reference, release
from autograder.course import CONFIG, MODULES, Course
from autograder.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
NAME = "first_steps"


def run(folder, *arguments):
    """Run the command in a folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("autograder"), *arguments],
        cwd=folder,
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def empty_course(folder):
    """Make a course with nothing in it: no assignment, no modules, no autograder/ folder."""
    (folder / "source").mkdir(parents=True)
    (folder / CONFIG).write_text('c = get_config()\nc.CourseDirectory.course_id = "mine"\n')
    return folder


def everything_in(folder):
    """Return every path below a folder, with the contents of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


def graded(room, notebook, out):
    """Grade one notebook of a course and return its report."""
    done = run(room, "grade", str(notebook), "--assignment", NAME, "--out", out, "--no-gradebook")
    assert done.returncode == 0, done.stderr
    return json.loads((room / out / Path(notebook).stem / "report.json").read_text())


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(f"{name} room")) for name in ("empty", "full")],
)
def room(request, tmp_path_factory):
    """Return a course with a new assignment, released: one that had nothing, and one with this repository's modules."""
    root = empty_course(tmp_path_factory.mktemp("course") / "room")
    if request.param == "full":
        shutil.copy(ROOT / CONFIG, root)
        for module in MODULES:
            shutil.copytree(ROOT / module, root / module, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(root, "new", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    (released,) = release.release(Course.at(root), [NAME], gradebook=False)
    assert released.warnings == ()
    return root


def code_of(room, folder):
    """Return the code cells of the new assignment's notebook, source or released, by id."""
    notebook = json.loads((room / folder / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}


# ------------------------------------------------------------------------------------------------ from the first minute


def test_the_source_earns_everything_and_the_release_nothing(room):
    """With no edit at all: full marks for the solution, none for what students are given."""
    assert graded(room, f"source/{NAME}/{NAME}.ipynb", "of-source")["score"] == 100
    assert graded(room, f"release/{NAME}/{NAME}.ipynb", "of-release")["score"] == 0


def test_python_m_autograder_is_the_same_command(room):
    """A course with an `autograder/` of its own does not stand in the package's way, whichever is looked for first."""
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "grade", f"source/{NAME}/{NAME}.ipynb", "--out", "m", "--no-gradebook"],
        cwd=room,
        env={**os.environ, "AUTOGRADER_SECRET": "a secret for tests"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((room / "m" / NAME / "report.json").read_text())["score"] == 100


def test_the_audit_finds_nothing_weak(room):
    """The hidden tests of the template catch its mistake for every student; solution and release are as they should."""
    done = run(room, "audit", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "UNQ_C1" in done.stdout


def test_the_mistake_is_named(room):
    """A student who exchanges the two shares is told the idea that is written in the template."""
    wrong = json.loads((room / "source" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    (cell,) = [cell for cell in wrong["cells"] if cell["id"] == "UNQ_C1"]
    cell["source"] = "".join(cell["source"]).replace(
        "a_next = keep * a_prev + (1 - keep) * xt", "a_next = xt * keep + a_prev - a_prev * keep"
    )
    (room / "wrong.ipynb").write_text(json.dumps(wrong), encoding="utf-8")
    report = graded(room, "wrong.ipynb", "of-wrong")
    assert report["exercises"][0]["mistakes"] == ["shares-exchanged"]
    assert report["score"] < 100
    page = (room / "of-wrong" / "wrong" / "feedback.html").read_text(encoding="utf-8")
    assert ("python -m public_tests" in page) == (room / "public_tests").exists(), "they are named where there are any"


def test_a_check_can_be_right_alone(room):
    """Partial credit: a right state and a forgotten change earn three quarters, as the weights say."""
    half = json.loads((room / "source" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    (cell,) = [cell for cell in half["cells"] if cell["id"] == "UNQ_C1"]
    cell["source"] = "".join(cell["source"]).replace("change = a_next - a_prev", "change = None")
    (room / "half.ipynb").write_text(json.dumps(half), encoding="utf-8")
    assert graded(room, "half.ipynb", "of-half")["score"] == 75


def test_the_release_is_whole(room):
    """Students get the notebook without answers, the template's own README, requirements, and a zip."""
    folder = room / "release" / NAME
    assert {"README.md", "requirements.txt", f"{NAME}.ipynb"} <= {path.name for path in folder.iterdir()}
    assert (room / "release" / f"{NAME}.zip").is_file()
    assert "a_next = None" in code_of(room, "release")["UNQ_C1"]
    assert "keep *" not in code_of(room, "release")["UNQ_C1"]
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# First steps\n")
    assert "public_tests" not in readme


# ------------------------------------------------------------------------------------------------ what is written


def test_the_notebook_is_a_clean_source_notebook(room):
    """Valid nbformat 4.5 in normal form, readable ids that are also the grade_ids, no outputs, 100 points."""
    path = room / "source" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code] == ["imports", "UNQ_C1", "test_UNQ_C1"]
    for cell in code:
        assert cell.metadata.nbgrader.grade_id == cell.id
        assert (cell.outputs, cell.execution_count) == ([], None)
        assert cell.metadata.nbgrader.locked == (cell.id != "UNQ_C1")
        assert cell.metadata.nbgrader.solution == (cell.id == "UNQ_C1")
    assert [cell.metadata.nbgrader.get("points") for cell in code] == [None, None, 100]
    text = "\n".join(cell.source for cell in notebook.cells)
    for part in ("# First steps\n", "# GRADED FUNCTION: ", "<details><summary>Hint 1", "## What you should remember"):
        assert part in text


def test_no_placeholder_is_left(room):
    """The name stands everywhere it should: no mark of the template is left in any file."""
    written = [*(room / "source" / NAME).iterdir(), room / "autograder" / "assignments" / f"{NAME}.py"]
    assert len(written) == 3
    for path in written:
        assert "@" not in path.read_text(encoding="utf-8"), path.name
        assert NAME in path.read_text(encoding="utf-8") or path.suffix == ".ipynb"


def test_the_hidden_tests_pass_our_linter(room):
    """An instructor starts from a file that the linter and the formatter of this repository let through."""
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    path = room / "autograder" / "assignments" / f"{NAME}.py"
    # outside this repository the folder is no package, and need not be
    for command in (["check", "--ignore", "INP001"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, "--no-cache", "--config", ROOT / "pyproject.toml", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_case_draws_what_its_name_says(room):
    """Sizes differ, agree or are one, as each case's name says; no share is near one half."""
    (exercise,) = assignments.load(Course.at(room), NAME).exercises
    cases = {case.name: case for case in exercise.cases}
    for seed in range(30):
        drawn = {name: case.draw(np.random.default_rng(seed)) for name, case in cases.items()}
        shapes = {name: xt.shape for name, (xt, _, _) in drawn.items()}
        assert shapes["all sizes different"][0] != shapes["all sizes different"][1]
        assert shapes["as many units as examples"][0] == shapes["as many units as examples"][1] > 1
        assert shapes["batch of one"][1] == 1
        for xt, a_prev, keep in drawn.values():
            assert xt.shape == a_prev.shape
            assert keep.shape == (xt.shape[0], 1)
            assert np.abs(keep - 0.5).min() > 0.05


def test_the_solution_is_a_moving_average(room):
    """The state lies between the old one and the input, at the share that is kept; the change is what it moved by."""
    function = reference.load(Course.at(room), NAME).functions["moving_average"]
    for share, state, moved in ((1.0, 3.0, 0.0), (0.0, 7.0, 4.0), (0.25, 6.0, 3.0)):
        a_next, change = function(np.full((2, 3), 7.0), np.full((2, 3), 3.0), np.full((2, 1), share))
        np.testing.assert_allclose(a_next, np.full((2, 3), state))
        np.testing.assert_allclose(change, np.full((2, 3), moved))


# ------------------------------------------------------------------------------------------------ the visible example


def visible(room, answer, capsys):
    """Run the test cell below an answer; return what it prints and what it says at last."""
    cells = code_of(room, "release")
    namespace = {}
    exec(cells["imports"] + "\n" + cells["UNQ_C1"] + "\n" + answer, namespace)  # noqa: S102  our own template
    said = ""
    try:
        exec(cells["test_UNQ_C1"], namespace)  # noqa: S102
    except AssertionError as error:
        said = str(error)
    return capsys.readouterr().out.splitlines(), said


def test_the_visible_example_of_an_empty_answer_names_every_value(room, capsys):
    """In the untouched release nothing crashes: each value that is still None is named, then one sentence."""
    lines, said = visible(room, "", capsys)
    assert lines == ["a_next: still None", "change: still None"]
    assert said.startswith("Not right yet: a_next and change.")


def test_the_visible_example_goes_on_after_the_first_wrong_value(room, capsys):
    """Wrong values are shown beside those they should be, and the next value is still looked at."""
    lines, said = visible(
        room, "def moving_average(xt, a_prev, keep):\n    return xt, keep * a_prev + (1 - keep) * xt - a_prev\n", capsys
    )
    assert lines[0] == "a_next: the shape is right, the values are not. They are"
    assert "and should be" in lines
    assert lines[-1] == "change: right"
    assert said.startswith("Not right yet: a_next.")


def test_the_visible_example_tells_shapes(room, capsys):
    """A wrong shape is told with the right one."""
    answer = "def moving_average(xt, a_prev, keep):\n    return xt.T, xt[0]\n"
    lines, _ = visible(room, answer, capsys)
    assert lines == [
        "a_next: its shape is (3, 2), it should be (2, 3)",
        "change: its shape is (3,), it should be (2, 3)",
    ]


def test_the_visible_example_of_a_right_answer_is_what_the_hints_promise(room, capsys):
    """What the solved cell prints stands word for word in the text below it."""
    lines, said = visible(room, code_of(room, "source")["UNQ_C1"], capsys)
    assert said == ""
    notebook = (room / "source" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    hints = next(cell for cell in json.loads(notebook)["cells"] if cell["id"] == "hints-1")
    assert "```text\n" + "\n".join(lines) + "\n```" in "".join(hints["source"])


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Gru",
        "1st",
        "_a",
        "a-b",
        "a b",
        "..",
        "../a",
        "a/b",
        "/a",
        "a\n",
        "a.b",
        "gruß",
        "$(id)",
        "@NAME@",
        "a" * 101,
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path, name):
    """The command says what a name is, exits with 1, and writes nothing."""
    course = empty_course(tmp_path)
    before = everything_in(tmp_path)
    done = run(course, "new", "--", name)
    assert done.returncode == 1
    assert "cannot be an assignment's name" in done.stderr
    assert done.stderr.count("\n") == 1
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize(
    "there",
    [
        f"source/{NAME}/notes.txt",
        f"source/{NAME}",
        f"autograder/assignments/{NAME}.py",
    ],
)
def test_nothing_is_overwritten(tmp_path, there):
    """A folder, a file or hidden tests of that name are left alone, and nothing is put beside them."""
    course = empty_course(tmp_path)
    (course / there).parent.mkdir(parents=True, exist_ok=True)
    (course / there).write_text("mine")
    before = everything_in(tmp_path)
    done = run(course, "new", NAME)
    assert done.returncode == 1
    assert "nothing is overwritten" in done.stderr
    assert everything_in(tmp_path) == before


def test_a_link_to_nowhere_is_not_overwritten(tmp_path):
    """A name that is taken by a broken link is taken."""
    course = empty_course(tmp_path)
    (course / "source" / NAME).symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="nothing is overwritten"):
        new.make(Course.at(course), NAME)
    assert not (tmp_path / "nowhere").exists()


def test_a_second_time_is_refused_and_other_names_are_not(tmp_path):
    """The same name twice changes nothing; two names stand side by side."""
    course = Course.at(empty_course(tmp_path))
    new.make(course, NAME)
    before = everything_in(tmp_path)
    with pytest.raises(UsageError, match="already has"):
        new.make(course, NAME)
    assert everything_in(tmp_path) == before
    new.make(course, "other_steps")
    assert course.assignments() == [NAME, "other_steps"]
    assert before.items() <= everything_in(tmp_path).items()


def test_a_folder_that_is_no_course_is_refused(tmp_path):
    """Without nbgrader_config.py beside source/ nothing is written, and the sentence says what a course is."""
    (tmp_path / "source").mkdir()
    done = run(tmp_path, "new", NAME)
    assert done.returncode == 1
    assert "is not a course" in done.stderr
    assert everything_in(tmp_path) == {"source": None}


@pytest.mark.parametrize("failing", ["first_steps", "first_steps.py"])
def test_nothing_is_half_written(tmp_path, monkeypatch, failing):
    """Where either of the two cannot be put in place, neither is, and the folders made for them are gone again."""
    course = Course.at(empty_course(tmp_path))
    before = everything_in(tmp_path)
    rename = Path.rename

    def broken(self, target):
        if self.name == failing and Path(target).parent.name in {"source", "assignments"}:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(UsageError, match="No space left"):
        new.make(course, NAME)
    assert everything_in(tmp_path) == before


def test_a_place_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    """A file where the folder of the hidden tests should be ends in a sentence, not in a traceback."""
    course = empty_course(tmp_path)
    (course / "autograder").write_text("a file")
    before = everything_in(tmp_path)
    done = run(course, "new", NAME)
    assert done.returncode == 1
    assert done.stderr.startswith(f"autograder: The assignment {NAME} could not be written")
    assert everything_in(tmp_path) == before


# ------------------------------------------------------------------------------------------------ where it works


def test_what_it_says_to_do_next_works_from_elsewhere(tmp_path):
    """With --course, the commands it prints carry the option too, and do what they say when typed as they stand."""
    empty_course(tmp_path / "my course")
    done = run(tmp_path, "new", NAME, "--course", "my course")
    assert done.returncode == 0, done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("  autograder ")]
    assert len(commands) == 2
    for command in commands:
        assert "--course 'my course'" in command
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        typed = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": programs},
            capture_output=True,
            check=False,
        )
        assert typed.returncode == 0, typed.stderr


def test_a_source_folder_behind_a_link_works(tmp_path):
    """`source` may be a link to another place: what is written lands there, all at once."""
    course = empty_course(tmp_path / "course")
    (course / "source").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (course / "source").symlink_to(tmp_path / "elsewhere")
    made = new.make(Course.at(course), NAME)
    assert (tmp_path / "elsewhere" / NAME / f"{NAME}.ipynb").is_file()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == [NAME]
    assert made.tests.is_file()


def test_names_of_our_own_assignments_are_free_in_another_course(tmp_path):
    """A course elsewhere may call its assignment as one of ours: its own hidden tests come first."""
    course = Course.at(empty_course(tmp_path))
    new.make(course, "rnn_step_by_step")
    release.release(course, ["rnn_step_by_step"], gradebook=False)
    done = run(tmp_path, "audit", "rnn_step_by_step")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_template_is_part_of_the_package():
    """What is installed without this repository carries the templates: each is named in the package's data."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["package-data"]["autograder"]
    templates = sorted((ROOT / "autograder" / "templates").iterdir())
    assert len(templates) >= 3
    for path in templates:
        name = path.relative_to(ROOT / "autograder").as_posix()
        assert any(fnmatchcase(name, pattern) for pattern in patterns), name
