"""The guide to an assignment of one's own, followed to the letter in an empty folder; and the assignment it makes."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from follower import GUIDES, Follower, blocks, unnamed

from autograder import assignments, new, reference, release
from autograder.course import CONFIG, Course

GUIDE = GUIDES / "assignment-guide.md"
NAME = "gru_step_by_step"


def sigmoid(number):
    """Return the logistic function of one number, from its definition."""
    return 1 / (1 + math.exp(-number))


def gru_by_the_entry(xt, a_prev, parameters):
    """Return one step of a GRU, number by number from the formulas: no stacking, no array arithmetic."""
    n_a, m = a_prev.shape
    n_x = xt.shape[0]
    a_next, ut, rt, cct = (np.full((n_a, m), np.nan) for _ in range(4))

    def weighed(gate, unit, example, state):
        row = parameters[f"W{gate}"][unit]
        from_state = sum(row[j] * state[j] for j in range(n_a))
        from_input = sum(row[n_a + j] * xt[j, example] for j in range(n_x))
        return from_state + from_input + parameters[f"b{gate}"][unit, 0]

    for example in range(m):
        old = [float(number) for number in a_prev[:, example]]
        for unit in range(n_a):
            ut[unit, example] = sigmoid(weighed("u", unit, example, old))
            rt[unit, example] = sigmoid(weighed("r", unit, example, old))
        let_through = [rt[unit, example] * old[unit] for unit in range(n_a)]
        for unit in range(n_a):
            new = math.tanh(weighed("c", unit, example, let_through))
            cct[unit, example] = new
            a_next[unit, example] = old[unit] + ut[unit, example] * (new - old[unit])
    return a_next, ut, rt, cct


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return the course that the guide ends with; its files only, since commands take their time."""
    follower = Follower(tmp_path_factory.mktemp("course"))
    (follower.folder / "source").mkdir()
    (follower.folder / CONFIG).touch()
    new.make(Course.at(follower.folder), NAME)
    for block in blocks(GUIDE.read_text(encoding="utf-8")):
        if block.language in {"markdown", "python"}:
            follower.follow(block)
    return Course.at(follower.folder)


@pytest.fixture(scope="module")
def gru(course):
    """Return the guide's own solution."""
    return reference.load(course, NAME).functions["gru_cell_forward"]


@pytest.mark.slow
def test_the_guide_can_be_followed_word_for_word(tmp_path):
    """Every file is written, every command run, and what is printed is what the guide says."""
    follower = Follower(tmp_path)
    follower.follow_all(GUIDE.read_text(encoding="utf-8"))
    assert follower.status == 0
    assert len(follower.printed) >= 10
    assert Course.at(follower.folder).assignments() == [NAME]
    assert (follower.folder / "gradebook.db").is_file()


def test_the_solution_is_a_gru(gru):
    """The guide's function agrees with the formulas, computed number by number, for many sizes."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        n_x, n_a, m = rng.integers(1, 6, 3)
        xt, a_prev = rng.standard_normal((n_x, m)), rng.uniform(-1, 1, (n_a, m))
        parameters = {f"W{gate}": 2 * rng.standard_normal((n_a, n_a + n_x)) for gate in "urc"}
        parameters |= {f"b{gate}": rng.standard_normal((n_a, 1)) for gate in "urc"}
        for ours, theirs in zip(gru(xt, a_prev, parameters), gru_by_the_entry(xt, a_prev, parameters), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_the_hidden_cases_are_what_the_guide_says_of_them(course, gru):
    """Sizes differ where they should, no bias and no state is near zero, and the solution is right on all of them."""
    (exercise,) = assignments.load(course, NAME).exercises
    cases = {case.name: case for case in exercise.cases}
    for seed in range(20):
        drawn = {name: case.draw(np.random.default_rng(seed)) for name, case in cases.items()}
        for xt, a_prev, parameters in drawn.values():
            assert np.abs(a_prev).min() > 0.2
            assert min(np.abs(parameters[f"b{gate}"]).min() for gate in "urc") > 0.2
            for ours, theirs in zip(gru(xt, a_prev, parameters), gru_by_the_entry(xt, a_prev, parameters), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        (n_x, m), (n_a, _) = drawn["all sizes different"][0].shape, drawn["all sizes different"][1].shape
        assert len({n_x, n_a, m}) == 3
        assert drawn["batch of one"][0].shape[1] == 1
        assert drawn["n_x = n_a = m"][0].shape == drawn["n_x = n_a = m"][1].shape
        assert len(set(drawn["n_x = n_a = m"][0].shape)) == 1


@pytest.mark.parametrize("folder", ["source", "release"])
def test_the_visible_example_says_which_value_is_right(course, capsys, folder):
    """Solved, all four are right, as the text below promises; unsolved, all four are named, not only the first."""
    if folder == "release":
        release.release(course, [NAME], gradebook=False)
    path = course.root / folder / NAME / f"{NAME}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    if folder == "source":
        exec(compile(code, str(path), "exec"), {})  # noqa: S102  the guide's own notebook
        assert f"```text\n{capsys.readouterr().out}```" in text
    else:
        with pytest.raises(AssertionError, match="a_next and ut and rt and cct"):
            exec(compile(code, str(path), "exec"), {})  # noqa: S102
        assert capsys.readouterr().out == "".join(f"{name}: still None\n" for name in ("a_next", "ut", "rt", "cct"))


def test_what_the_guide_writes_is_in_our_own_style(course):
    """The hidden tests of the guide pass the linter and the formatter that ours pass."""
    path = course.root / "autograder" / "assignments" / f"{NAME}.py"
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    # outside this repository the folder is no package, and need not be
    for command in (["check", "--ignore", "INP001"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, "--no-cache", "--config", GUIDE.parents[1] / "pyproject.toml", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_prose_names_what_each_block_is():
    """Titles are not shown everywhere: the text before a block names the cell, the file or the function too."""
    assert unnamed(GUIDE.read_text(encoding="utf-8")) == []
