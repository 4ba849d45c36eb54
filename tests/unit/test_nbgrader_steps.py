"""What nbgrader's own commands would do with students' code is told from the configuration, by name and line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import nbgrader_steps
from autograder.course import CONFIG, Course
from autograder.errors import UsageError
from autograder.nbgrader_settings import CONFIG as SAME
from autograder.nbgrader_steps import Kind

ROOT = Path(__file__).resolve().parents[2]
OURS = (ROOT / CONFIG).read_text(encoding="utf-8")
OWN = ["GradeInSandbox", "SaveFeedback", "RestoreCells", "BlankSolutions", "ShipCompanions", "RefuseLeaks"]
EXECUTE, SANDBOX = "nbgrader.preprocessors.Execute", "autograder.plugin.GradeInSandbox"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a course's folder without a configuration, on a machine on which nobody has configured Jupyter."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    course = (tmp_path / "course").resolve()
    (course / "source").mkdir(parents=True)
    (course / CONFIG).touch()
    return course


def found(root, text, file=CONFIG):
    """Write a configuration, and return what is found: the kinds, and the first sentence."""
    (root / file).write_text(text, encoding="utf-8")
    findings = nbgrader_steps.examine(root).findings
    return [finding.kind for finding in findings], findings[0].text if findings else ""


def set_to(*names):
    """Return a configuration that is ours but for this list of steps of `nbgrader autograde`."""
    return f"{OURS}\nc.Autograde.autograde_preprocessors = {list(names)!r}\n"


LAST = OURS.count("\n") + 2  # the line of what `set_to` appends


# ---------------------------------------------------------------------------------------------------- the decision


def test_the_configuration_of_this_repository_is_right(root):
    """Nothing is found, and the lists are those that would be written."""
    assert found(root, OURS) == ([], "")
    lines = [line.partition("  #")[0] for line in OURS.splitlines()]
    for one in nbgrader_steps.LISTS[:3]:
        assert one.lines(one.ours) in "\n".join(lines)
    assert SAME == CONFIG


def test_nbgraders_own_lists_are_what_it_has():
    """Without a configuration, and with the steps that release on their own."""
    from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback

    from autograder import release_steps

    converters = {
        "Autograde": Autograde,
        "GenerateAssignment": GenerateAssignment,
        "GenerateFeedback": GenerateFeedback,
    }
    for one in nbgrader_steps.LISTS:
        own = converters[one.section].class_traits()[one.name].default()
        assert [kind.__name__ for kind in own] == [name.rpartition(".")[2] for name in one.default]
    releasing = nbgrader_steps.LISTS[0]
    assert [kind.__name__ for kind in release_steps.STEPS] == [name.rpartition(".")[2] for name in releasing.ours]


@pytest.mark.parametrize("text", ["", "c = get_config()\nc.CourseDirectory.course_id = 'x'\n", "# c.Autograde.x = 1\n"])
def test_a_configuration_without_our_steps_is_unsafe(root, text):
    """Which setting is missing is told, what nbgrader does then, and which lines prevent it."""
    kinds, said = found(root, text)
    assert kinds == [Kind.KERNEL, Kind.LEAK, Kind.PART]
    assert said.startswith(
        f"{CONFIG}: c.Autograde.autograde_preprocessors is not set, and nbgrader's default has {EXECUTE}"
    )
    (statement,) = nbgrader_steps.examine(root).mending(Kind.KERNEL)
    assert statement.startswith("c.Autograde.autograde_preprocessors = [\n")
    assert SANDBOX in statement


@pytest.mark.parametrize(
    "entry",
    ["nbgrader.preprocessors.Execute", "nbgrader.preprocessors.execute.Execute", "own_steps.Runs", "own_steps.Further"],
)
@pytest.mark.parametrize("beside", [(), (SANDBOX,)])
def test_what_runs_code_is_found_by_its_name(root, entry, beside):
    """The step of nbgrader's own, and one that is derived from it in a file of the course; also beside ours."""
    (root / "own_steps.py").write_text(
        "from nbgrader.preprocessors import Execute as Base\nclass Runs(Base): pass\nclass Further(Runs): pass\n"
    )
    kinds, said = found(root, set_to(*beside, entry, "nbgrader.preprocessors.SaveAutoGrades"))
    assert kinds == [Kind.KERNEL]
    assert said.startswith(f"{CONFIG}:{LAST}: c.Autograde.autograde_preprocessors has {entry}: ")


@pytest.mark.parametrize(
    "lines",
    [
        "from nbgrader.preprocessors import Execute as E",
        "from nbgrader.preprocessors import Execute\nclass E(Execute): pass",
        "from nbgrader.preprocessors import Execute\nE = Execute()",
        "from nbconvert.preprocessors import ExecutePreprocessor\nclass E(ExecutePreprocessor): enabled = True",
    ],
)
def test_what_runs_code_is_found_as_a_class(root, lines):
    """Imported by the configuration, or made there."""
    kinds, said = found(root, f"{OURS}\n{lines}\nc.Autograde.autograde_preprocessors.insert(0, E)\n")
    assert kinds == [Kind.KERNEL]
    assert said.startswith(f"{CONFIG}:{LAST + lines.count(chr(10)) + 1}: ")


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (f"c.Autograde.autograde_preprocessors.append('{EXECUTE}')", 0),
        (f"c.Autograde.autograde_preprocessors += ['{EXECUTE}']", 0),
        (f"c.Autograde.autograde_preprocessors.insert(\n    0, '{EXECUTE}')", 0),
        (f"own = c.Autograde\nown.autograde_preprocessors[0] = '{EXECUTE}'", 1),
        (f"c['Autograde'].autograde_preprocessors = ['{EXECUTE}']", 0),
        (
            f"c.BaseConverter.x = 1\nc.Autograde.sanitize_preprocessors.append('{EXECUTE}')",
            1,
        ),
        (f"c.AutogradeApp.autograde_preprocessors = ['{EXECUTE}']", 0),
        (f"c.AutogradeApp.Autograde.autograde_preprocessors = ['{EXECUTE}']", 0),
        (f"c.NbGrader.Autograde.autograde_preprocessors = ['{EXECUTE}']", 0),
        (f"c.GenerateFeedback.preprocessors = ['{EXECUTE}']", 0),
        ("c.Autograde.autograde_preprocessors.remove('autograder.plugin.GradeInSandbox')", 0),
        ("c.Autograde.autograde_preprocessors = []", 0),
        ("c.GradeInSandbox.enabled = False", 0),
        ("c.NbGraderPreprocessor.enabled = False", 0),
    ],
)
def test_every_way_to_set_it_is_read(root, lines, line):
    """Edits of a list, sections of other names, what applies to all preprocessors: with the line where it stands."""
    kinds, said = found(root, f"{OURS}\n{lines}\n")
    assert kinds[0] is Kind.KERNEL
    assert said.startswith(f"{CONFIG}:{LAST + line}: ")


@pytest.mark.parametrize(
    "lines",
    [
        f"c.Autograde.autograde_preprocessors.append('{EXECUTE}')\nc.Execute.enabled = False",
        "c.BaseConverter.autograde_preprocessors = []",  # below what the section of its own sets
        "c.Autograde.autograde_preprocessors.append('nbconvert.preprocessors.ExecutePreprocessor')",  # off, by default
        f"c.NbGraderPreprocessor.enabled = False\nfor name in {OWN}:\n    c[name].enabled = True",
        "c.Autograde.autograde_preprocessors.append('somebody.elses.Step')",
        "c.Autograde.autograde_preprocessors.append(lambda nb, resources: (nb, resources))",
        "c.Autograde.autograde_preprocessors = tuple(c.Autograde.autograde_preprocessors)",
    ],
)
def test_what_does_no_harm_is_no_finding(root, lines):
    """A step that is switched off, another one of nobody's, and what stands above."""
    assert found(root, f"{OURS}\n{lines}\n") == ([], "")


def test_a_list_that_is_only_added_to_begins_with_nbgraders_own(root):
    """`append` on a list that was never set adds to the one with Execute in it."""
    kinds, said = found(root, f"c.Autograde.autograde_preprocessors.append('{SANDBOX}')\n")
    assert kinds[0] is Kind.KERNEL
    assert said.startswith(f"{CONFIG}:1: c.Autograde.autograde_preprocessors has {EXECUTE}")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (('    "autograder.release_steps.RefuseLeaks",', "    #"), "RefuseLeaks"),
        (("autograder.release_steps.BlankSolutions", "nbgrader.preprocessors.ClearSolutions"), "BlankSolutions"),
        (("c.GenerateAssignment.preprocessors", "c.Other.preprocessors"), "is not set"),
        (("# What happens to a submission", "c.RefuseLeaks.enabled = False  #"), "switched off"),
    ],
)
def test_a_release_without_a_leak_check_is_told(root, change, word):
    """A step of ours that is missing, is not the last, or is switched off."""
    kinds, said = found(root, OURS.replace(*change))
    assert kinds == [Kind.LEAK]
    assert word in said


# ------------------------------------------------------------------------------------------------ files, and errors


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("c = get_config()\nimport no_such_module\n", 2, "ModuleNotFoundError"),
        ("c = get_config(\n", 1, "SyntaxError"),
        (OURS + "\nraise SystemExit(3)\n", LAST, "SystemExit"),
        (OURS + "\nc.Autograde.exclude_overwriting.remove(1)\n", LAST, "AttributeError"),
        (OURS + "\nc.Autograde.sanitize_preprocessors.nothing\n", LAST, "AttributeError"),
    ],
)
def test_a_file_that_raises_is_as_good_as_none(root, text, line, word):
    """It is logged by nbgrader, which goes on with its defaults: that is said, with the line, and nothing else."""
    kinds, said = found(root, text)
    assert kinds == [Kind.KERNEL]
    assert said.startswith(f"{CONFIG}:{line}: it raises {word}")
    with pytest.raises(UsageError, match="it raises"):
        nbgrader_steps.fix(root)
    assert (root / CONFIG).read_text(encoding="utf-8") == text
    with pytest.raises(UsageError, match=f"cannot be read: {word}"):
        Course(root).configuration()


def test_a_json_file_stands_above_the_python_file(root):
    """Of the same folder; and no line in the Python file can change that."""
    (root / CONFIG).write_text(OURS, encoding="utf-8")
    text = json.dumps({"Autograde": {"autograde_preprocessors": [EXECUTE]}}, indent=1)
    kinds, said = found(root, text, "nbgrader_config.json")
    assert kinds == [Kind.KERNEL]
    assert said.startswith("nbgrader_config.json:3: c.Autograde.autograde_preprocessors has")
    with pytest.raises(UsageError, match=r"nbgrader_config\.json:3"):
        nbgrader_steps.fix(root)
    assert (root / CONFIG).read_text(encoding="utf-8") == OURS


def test_a_part_in_another_file_is_found_there(root):
    """`load_subconfig` reads it, and what the course's folder holds can be imported."""
    (root / "steps.py").write_text(f"c = get_config()\nc.Autograde.autograde_preprocessors = ['{EXECUTE}']\n")
    (root / "names.py").write_text("COURSE = 'gates'\n")
    kinds, said = found(root, f"{OURS}\nfrom names import COURSE\nload_subconfig('steps.py')\n")
    assert kinds == [Kind.KERNEL]
    assert said.startswith("steps.py:2: ")
    assert "names" not in {Path(folder).name for folder in sys.path}
    assert str(root) not in sys.path


@pytest.mark.parametrize("name", ["jupyter_config", "nbgrader_config"])
@pytest.mark.parametrize("kind", [".py", ".json"])
def test_what_is_configured_for_the_user_counts_below_the_courses_own(root, tmp_path, name, kind):
    """Right or wrong: it holds where the course says nothing."""
    lists = {one.section: {} for one in nbgrader_steps.LISTS}
    for one in nbgrader_steps.LISTS:
        lists[one.section][one.name] = list(one.ours)
    text = json.dumps(lists) if kind == ".json" else f"c = get_config()\nc.merge(type(c)({lists!r}))\n"
    (tmp_path / "home" / f"{name}{kind}").write_text(text)
    assert found(root, "") == ([], "")
    assert found(root, f"c.Autograde.autograde_preprocessors = ['{EXECUTE}']")[0] == [Kind.KERNEL]
    (tmp_path / "home" / f"{name}{kind}").write_text(text.replace(SANDBOX, EXECUTE))
    kinds, said = found(root, "")
    assert kinds == [Kind.KERNEL]
    assert said.startswith(str(tmp_path / "home" / f"{name}{kind}"))


def test_another_folder_of_the_course_counts_most(root, tmp_path):
    """Its configuration is read last."""
    other = tmp_path / "other"
    other.mkdir()
    (other / CONFIG).write_text(f"c.Autograde.autograde_preprocessors = ['{EXECUTE}']")
    kinds, said = found(root, f"{OURS}\nc.CourseDirectory.root = {str(other)!r}\n")
    assert kinds == [Kind.KERNEL]
    assert said.startswith(f"{other / CONFIG}:1: ")


def test_neither_nbgrader_nor_nbconvert_is_imported(root):
    """It is asked by every command; nbgrader takes two seconds."""
    code = (
        "import sys; from pathlib import Path; from autograder import nbgrader_steps; "
        "print(nbgrader_steps.examine(Path(sys.argv[1])).findings); nbgrader_steps.fix(Path(sys.argv[1])); "
        "print({name.partition('.')[0] for name in sys.modules} & {'nbgrader', 'nbconvert', 'numpy', 'IPython'})"
    )
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nset()\n")


# ----------------------------------------------------------------------------------------------------------- mending


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c = get_config()\nc.CourseDirectory.course_id = 'x'",
        "c = get_config()\r\nc.CourseDirectory.course_id = 'x'\r\n",
        "# Käse\n\n\n",
        f"c.Autograde.autograde_preprocessors = ['{EXECUTE}', 'own.Step', 'nbgrader.preprocessors.SaveAutoGrades']\n",
        f"c.Autograde.autograde_preprocessors.append('{SANDBOX}')\n",
        OURS + "\nc.GradeInSandbox.enabled = False\n",
        OURS + "\nc.NbGraderPreprocessor.enabled = False\n",
        OURS + "\nc.GenerateAssignment.preprocessors = ['nbgrader.preprocessors.ClearSolutions']\n",
        OURS + f"\nc.AutogradeApp.sanitize_preprocessors = ['{EXECUTE}']\ndel c.AutogradeApp\n",
        OURS + "\nfrom nbgrader.preprocessors import Execute\nc.Autograde.autograde_preprocessors = [Execute]\n",
        OURS + "\nc = None\n",
    ],
)
def test_what_is_written_makes_it_right(root, text):
    """What was there stays; a second time, nothing is left to do; file mode and line ends stay what they are."""
    path = root / CONFIG
    path.write_bytes(text.encode())
    path.chmod(0o640)
    was_right = not nbgrader_steps.examine(root).findings
    fixed = nbgrader_steps.fix(root)
    assert bool(fixed.titles) is not was_right
    assert nbgrader_steps.examine(root).findings == ()
    written = path.read_bytes()
    assert written.startswith(text.rstrip().encode())
    assert (written.count(b"\r\n") == written.count(b"\n")) is ("\r\n" in text)
    assert path.stat().st_mode & 0o777 == 0o640
    assert nbgrader_steps.fix(root).titles == ()
    assert path.read_bytes() == written
    assert sorted(entry.name for entry in root.iterdir()) == [CONFIG, "source"]


def test_steps_of_others_are_kept_in_their_order(root):
    """Only what runs students' code goes."""
    own = ["own.First", EXECUTE, "own.Second", "nbgrader.preprocessors.SaveAutoGrades", "own.Third"]
    found(root, f"c.Autograde.autograde_preprocessors = {own!r}\n")
    nbgrader_steps.fix(root)
    assert list(Course(root).configuration().Autograde.autograde_preprocessors) == [
        SANDBOX, "own.First", "own.Second", "nbgrader.preprocessors.SaveAutoGrades", "autograder.plugin.SaveFeedback",
        "own.Third",
    ]  # fmt: skip


def test_a_block_that_does_not_hold_any_more_is_written_anew(root):
    """What somebody has added below it counts, and stays; there is one block, at the end."""
    found(root, "")
    nbgrader_steps.fix(root)
    added = f"c.CourseDirectory.course_id = 'x'\nc.Autograde.autograde_preprocessors = ['{EXECUTE}', 'own.Step']\n"
    with (root / CONFIG).open("a") as file:
        file.write(added)
    assert nbgrader_steps.fix(root).titles
    text = (root / CONFIG).read_text()
    assert text.count(">>> written by autograder") == 1
    assert text.startswith(added)
    assert "own.Step" in text.partition(">>>")[2]
    assert nbgrader_steps.examine(root).findings == ()


def test_what_cannot_be_written_down_again_is_told(root):
    """A function of the configuration's own has no name by which the list could be written."""
    text = f"def own(nb, resources): return nb, resources\nc.Autograde.autograde_preprocessors = ['{EXECUTE}', own]\n"
    found(root, text)
    with pytest.raises(UsageError, match=rf"{CONFIG}:2: c\.Autograde\.autograde_preprocessors has <function own"):
        nbgrader_steps.fix(root)
    assert (root / CONFIG).read_text() == text


def test_a_folder_that_cannot_be_written_to_is_told(root, monkeypatch):
    """The file stays as it is."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copymode", refuse)
    with pytest.raises(UsageError, match="No space left on device"):
        nbgrader_steps.fix(root)
    assert (root / CONFIG).read_bytes() == b""
    assert [entry.name for entry in root.iterdir() if entry.is_file()] == [CONFIG]
