"""Source notebooks: clean, complete, their figures fresh; run top to bottom, they do and print what they promise."""

import ast
import builtins
import importlib
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "source").glob("*/*.ipynb"))
FIGURES = sorted((ROOT / "source").glob("*/figures/*"))
START, END = "    ### START CODE HERE ###", "    ### END CODE HERE ###"
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")
SVG = "{http://www.w3.org/2000/svg}"


def together(name):
    """Keep what looks at one executed notebook on one worker: two would each run it, for half a minute."""
    return pytest.mark.xdist_group(f"executed {name}")


every_notebook = pytest.mark.parametrize(
    "path", [pytest.param(path, marks=together(path.stem)) for path in NOTEBOOKS], ids=lambda path: path.stem
)
every_figure = pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)


def read(path):
    """Return a notebook as it stands in the file."""
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path):
    """Return the code cells of a notebook in order."""
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def exercises(path):
    """Return the exercise cells of a notebook in order."""
    return [cell for cell in code_cells(path) if cell.id.startswith("UNQ_")]


def prose(path):
    """Return all markdown of a notebook."""
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def test_there_are_notebooks_and_figures():
    """The globs above find something: without this, every test below could pass by testing nothing."""
    assert ROOT / "source/rnn_step_by_step/rnn_step_by_step.ipynb" in NOTEBOOKS
    assert len(FIGURES) >= 5


@every_notebook
def test_file_is_clean(path):
    """Valid nbformat 4.5 in normal form, no outputs, no counts, no metadata that changes from machine to machine."""
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader"}, cell.id
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id
    text = path.read_text(encoding="utf-8")
    assert text == nbformat.writes(notebook) + "\n"  # indent 1, sorted keys, plain letters, one newline at the end


@every_notebook
def test_cell_ids_are_readable_and_unique(path):
    """Ids are words, not random digits, and each stands once."""
    ids = [cell.id for cell in read(path).cells]
    assert len(set(ids)) == len(ids)
    for name in ids:
        assert re.fullmatch(r"(test_)?UNQ_C\d+|[a-z]+[a-z0-9]*(-[a-z0-9]+)*", name), name


@every_notebook
def test_nbgrader_metadata_makes_exercises_editable_and_the_rest_read_only(path):
    """Imports come first; an exercise is a solution cell; its test, right below, is locked; 100 points in all."""
    cells = code_cells(path)
    assert cells[0].id == "imports"
    points = 0
    for cell in cells:
        nbgrader = dict(cell.metadata.nbgrader)
        assert nbgrader.pop("grade_id") == cell.id
        assert nbgrader.pop("schema_version") == 3
        points += nbgrader.pop("points", 0)
        is_exercise, is_test = cell.id.startswith("UNQ_"), cell.id.startswith("test_")
        assert nbgrader == {"grade": is_test, "solution": is_exercise, "locked": not is_exercise, "task": False}
        assert is_exercise or is_test or cell.id == "imports" or cell.id.startswith("demo-")
    assert points == 100
    ids = [cell.id for cell in read(path).cells]
    for exercise in exercises(path):
        here = ids.index(exercise.id)
        assert ids[here + 1] == f"test_{exercise.id}"
        assert ids[here + 2] == f"hints-{exercise.id.removeprefix('UNQ_C')}"


@every_notebook
def test_exercise_cells_have_their_parts(path):
    """Marker, function, docstring with shapes, one region that holds the solution, and a comment before each step."""
    for number, cell in enumerate(exercises(path), start=1):
        lines = cell.source.split("\n")
        assert lines[0] == f"# UNQ_C{number} (unique cell identifier, do not edit)"
        name = lines[1].removeprefix("# GRADED FUNCTION: ")
        (function,) = ast.parse(cell.source).body
        assert isinstance(function, ast.FunctionDef)
        assert function.name == name
        documentation = ast.get_docstring(function) or ""
        for argument in function.args.args:
            assert re.search(rf"^{argument.arg} -- .+", documentation, re.MULTILINE), argument.arg
        assert documentation.count("shape (") >= 4
        assert (lines.count(START), lines.count(END)) == (1, 1)
        region = lines[lines.index(START) + 1 : lines.index(END)]
        assert region[0].strip().startswith("# Step 1: ")
        steps = [int(step) for step in re.findall(r"# Step (\d+):", "\n".join(region))]
        assert steps == list(range(1, len(steps) + 1))


@every_notebook
def test_each_test_cell_asks_the_public_test_first(path):
    """The first statement calls the public test of the exercise's function, and something visible follows."""
    cells = {cell.id: cell for cell in code_cells(path)}
    for exercise in exercises(path):
        name = ast.parse(exercise.source).body[0].name
        source = cells[f"test_{exercise.id}"].source
        assert source.startswith(f"{name}_test({name})\n")
        assert "print(" in source


@every_notebook
def test_no_given_cell_lends_a_name_to_an_exercise(path):
    """A name that a function reads is its own: none is also set by a given cell, where a slip would go unnoticed."""
    given = set()
    for cell in code_cells(path):
        if not cell.id.startswith("UNQ_"):
            tree = ast.parse(cell.source)
            inner = {n for top in tree.body if isinstance(top, ast.FunctionDef) for n in ast.walk(top)}
            given |= {
                n.id
                for n in ast.walk(tree)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n not in inner
            }
    for exercise in exercises(path):
        function = ast.parse(exercise.source).body[0]
        names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)} | {n.arg for n in function.args.args}
        assert not names & given, exercise.id


@every_notebook
def test_everything_before_the_first_exercise_runs_unsolved(path, monkeypatch, capsys):
    """A student who has written nothing yet reaches the first exercise without an error."""
    monkeypatch.syspath_prepend(str(ROOT))
    namespace: dict[str, object] = {"__builtins__": builtins}
    for cell in code_cells(path):
        if cell.id.startswith("UNQ_"):
            break
        exec(compile(cell.source, cell.id, "exec"), namespace)  # noqa: S102 (our own notebook)
    assert capsys.readouterr().out


@every_notebook
def test_hints_are_folded_and_come_in_three_layers(path):
    """After each exercise: a question, shapes, nearly code; closed until clicked, and none of them is code."""
    for cell in read(path).cells:
        assert cell.source.count("<details>") == cell.source.count("</details>"), cell.id
        assert "<details open" not in cell.source
        if cell.id.startswith("hints-"):
            summaries = re.findall(r"<summary>(.*?)</summary>", cell.source)
            assert summaries == ["Hint 1: a question", "Hint 2: shapes", "Hint 3: nearly code"]
            assert not re.search(r"```(?!text\n|\n|$)", cell.source)


@every_notebook
def test_opens_with_goals_and_time_and_ends_with_what_to_remember(path):
    """The first cell says what one will be able to do and how long it takes; near the end stands what stays."""
    cells = read(path).cells
    assert "When you are done you can" in cells[0].source
    assert re.search(r"\*\*Time:\*\* about \d+ minutes", cells[0].source)
    assert any(cell.source.startswith("## What you should remember") for cell in cells[-2:])


@every_notebook
def test_prediction_comes_before_each_experiment(path):
    """Above every demonstration stands a question to answer first, and below it a folded explanation."""
    cells = read(path).cells
    for above, cell, below in zip(cells, cells[1:], cells[2:], strict=False):
        if cell.id.startswith("demo-"):
            assert "**Predict" in above.source, cell.id
            assert "<summary>Explain</summary>" in below.source, cell.id


@every_notebook
def test_every_image_has_words_and_a_caption(path):
    """Alternative text tells the content, a caption the conclusion; each figure is shown, and each shown exists."""
    text = prose(path)
    images = IMAGE.findall(text)
    for alternative, target in images:
        assert len(alternative) > 80, target
        assert re.search(re.escape(f"]({target})") + r"\n\n\*[A-Z][^\n]+\*\n", text), f"{target} has no caption"
    shown = {path.parent / target for _, target in images}
    assert shown == set((path.parent / "figures").iterdir())
    assert "<img" not in text


@every_notebook
def test_nothing_is_fetched(path):
    """No address and no absolute path stands in the notebook: it works offline and anywhere."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|/home/|/work/|/tmp/|[A-Z]:\\\\", text)


def test_figures_are_what_the_script_draws(tmp_path):
    """A fresh run of the script, twice, in another folder gives the very bytes that are in the tree, and no more."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for _ in range(2):
        subprocess.run([sys.executable, "scripts/make_figures.py"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
        drawn = {p.relative_to(tmp_path): p.read_bytes() for p in (tmp_path / "source").rglob("*.svg")}
        assert drawn == {p.relative_to(ROOT): p.read_bytes() for p in FIGURES}


@every_figure
def test_figure_is_named_self_contained_and_on_its_own_card(path):
    """Title and description first, then an opaque light card of the figure's size; nothing from outside."""
    root = ET.parse(path).getroot()  # noqa: S314 (our own file)
    width, height = (float(root.get(side)) for side in ("width", "height"))
    assert root.get("role") == "img"
    title, desc, card = root[:3]
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    assert len(title.text) > 10
    assert len(desc.text) > 60
    assert card.tag == f"{SVG}rect"
    assert float(card.get("width")) >= width - 4
    assert float(card.get("height")) >= height - 4
    red, green, blue = (int(card.get("fill")[k : k + 2], 16) for k in (1, 3, 5))
    assert min(red, green, blue) > 230
    assert not re.search(r"href|url\(|<style|<script", path.read_text(encoding="utf-8"))


@every_figure
def test_figure_keeps_its_words_inside_and_legible(path):
    """No text runs over the card's edge (widths estimated generously), none is tiny or pale."""
    root = ET.parse(path).getroot()  # noqa: S314 (our own file)
    width, height = float(root.get("width")), float(root.get("height"))
    for text in root.iter(f"{SVG}text"):
        size, x, y = (float(text.get(name)) for name in ("font-size", "x", "y"))
        length = 0.62 * size * len("".join(text.itertext()).replace("\u200b", ""))
        left = x - {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")] * length
        assert left >= 4, "".join(text.itertext())
        assert left + length <= width - 4, "".join(text.itertext())
        assert size <= y <= height - 4
        assert size >= 12
        assert int(text.get("fill")[1:3], 16) < 0x66  # dark enough on a light card


def test_the_drawing_module_writes_scripts_and_brackets(monkeypatch):
    """Raised, lowered and bracketed parts of a label come out as such, and markup characters as characters."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    canvas = importlib.import_module("figures.canvas")
    picture = canvas.Canvas(100, 50, "a < b", "less & more")
    picture.text((50, 25), "a_{2}^{<t-1>} & b")
    root = ET.fromstring(picture.svg())  # noqa: S314 (made one line above)
    assert root[0].text == "a < b"
    label = next(root.iter(f"{SVG}text"))
    assert "".join(label.itertext()).replace("\u200b", "") == "a2\u27e8t\u22121\u27e9 & b"
    shifts = [float(part.get("dy")) for part in label]
    assert shifts[0] > 0 > shifts[2]
    assert sum(shifts) == pytest.approx(0)  # back on the line


# What the prose promises, and which cell prints it: number in the prose, then number in the output.
PROMISES = {
    "rnn_step_by_step": (
        ("cell-by-hand-explain", r"the sums are (3) and 1", "demo-cell-by-hand", r"carry \+1:  sums \+(\d)"),
        ("unroll-explain", r"none is left: (\S+\d)\.", "demo-swap", r"1, 1 then 0, 0:.*then (\S+)"),
        ("unroll-explain", r"still waiting: (\S+\d)\.", "demo-swap", r"0, 0 then 1, 1:.*then (\S+)"),
        ("recall-explain", r"R\^2 = ([\d.]+)\$", "demo-recall", r"delay 10:  R2 +(\S+)"),
        ("adder-long-explain", r"All (\d+) of them", "demo-adder-long", r"(\d+) of 200 sums are exact"),
        (
            "adder-strength-explain",
            r"holds the carry at ([\d.]+)",
            "demo-adder-strength",
            r"strength +10: .*steps +(\S+)",
        ),
        ("adder-strength-explain", r"strength 3 at ([\d.]+\d)", "demo-adder-strength", r"strength +3: .*steps +(\S+)"),
        ("adder-strength-explain", r"faded to ([\d.]+)", "demo-adder-strength", r"strength +2: .*steps +(\S+)"),
        ("adder-strength-explain", r": ([\d.]+) a step", "demo-adder-strength", r"strength +10: .*leaves (\S+)"),
    ),
    # what training gives depends on the processor's last digits; these do not
    "types_of_rnn": (
        ("contains-explain", r"(\d+) strings have one", "demo-contains", r"with a run: +(\d+) of 4096"),
        ("bridge-explain", r"error of ([\d.]+\d)\.", "demo-bridge", r"only c +(\S+)"),
    ),
}


class Executed:
    """A notebook after all its cells ran in a clean kernel."""

    def __init__(self, path):
        notebook = read(path)
        client = NotebookClient(
            notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
        )
        began = time.monotonic()
        # one thread for linear algebra, as on the one core that the course promises to be enough
        client.execute(env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
        self.seconds = time.monotonic() - began
        self.cells = {cell.id: cell for cell in notebook.cells}

    def printed(self, name):
        """Return what one cell printed."""
        return "".join(o.text for o in self.cells[name].outputs if o.output_type == "stream" and o.name == "stdout")


@pytest.fixture(scope="module")
def executed():
    """Return a function that runs a source notebook once for all tests of this file."""
    done: dict[Path, Executed] = {}

    def run(path):
        if path not in done:
            done[path] = Executed(path)
        return done[path]

    return run


@every_notebook
def test_runs_top_to_bottom_in_a_clean_kernel(path, executed):
    """With the solutions in, no cell fails or warns, the public tests pass, and all of it takes under 60 s."""
    result = executed(path)
    assert result.seconds < 60
    for cell in result.cells.values():
        for output in cell.get("outputs", []):
            assert output.output_type != "error", cell.id
            assert not (output.output_type == "stream" and output.name == "stderr"), f"{cell.id}: {output.get('text')}"
    for exercise in exercises(path):
        assert "All public tests passed." in result.printed(f"test_{exercise.id}")


@every_notebook
def test_expected_outputs_in_the_text_are_what_is_printed(path, executed):
    """The block below a test cell shows exactly the lines that the cell prints after the public test's own."""
    for exercise in exercises(path):
        hints = executed(path).cells[f"hints-{exercise.id.removeprefix('UNQ_C')}"].source
        (block,) = re.findall(r"```text\n(.*?)\n```", hints, re.DOTALL)
        assert executed(path).printed(f"test_{exercise.id}").rstrip("\n").endswith("\n" + block)


@pytest.mark.parametrize(
    ("name", "promise"),
    [pytest.param(n, p, marks=together(n)) for n, promises in PROMISES.items() for p in promises],
)
def test_numbers_in_the_explanations_were_measured(name, promise, executed):
    """A number that an explanation names is the number that its cell prints, to the digits that are written."""
    result = executed(ROOT / "source" / name / f"{name}.ipynb")
    told_in, told, printed_by, printed = promise
    claim = re.search(told, result.cells[told_in].source)[1].replace("\u2212", "-")
    value = float(re.search(printed, result.printed(printed_by))[1])
    digits = len(claim.partition(".")[2])
    assert round(value, digits) == float(claim)


def test_the_fading_curves_agree_with_the_chain_rule(monkeypatch, capsys):
    """The nudges of the demonstration measure the product of Jacobians that the explanation writes down."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    monkeypatch.syspath_prepend(str(ROOT))
    path = ROOT / "source/rnn_step_by_step/rnn_step_by_step.ipynb"
    namespace: dict[str, object] = {}
    wanted = {"imports", "UNQ_C1", "UNQ_C2"}
    for cell in code_cells(path):
        if cell.id in wanted:
            exec(cell.source, namespace)  # noqa: S102 (our own notebook)
        if cell.id in {"demo-recall", "demo-vanishing"}:  # their functions only
            tree = ast.parse(cell.source)
            tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
            exec(compile(tree, cell.id, "exec"), namespace)  # noqa: S102
    for radius in (0.6, 0.9, 1.5):
        weights, rng = namespace["fading_network"](radius, 0)
        signal = rng.uniform(-1, 1, size=(1, 1, 40))
        state, product, norms = np.zeros((50, 1)), np.eye(50), [1.0]
        for t in range(40):
            state = np.tanh(weights["Waa"] @ state + weights["Wax"] @ signal[:, :, t] + weights["ba"])
            if t:
                product = np.diag(1 - state[:, 0] ** 2) @ weights["Waa"] @ product
                norms.append(np.linalg.norm(product, ord=2))
        np.testing.assert_allclose(namespace["sensitivity"](radius, 0), norms, rtol=0.02)
        if radius < 1:
            assert norms[-1] < 2e-3  # it vanishes
        else:
            assert norms[-1] > 10  # it explodes
