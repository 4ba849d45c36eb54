"""The public tests on exercises that are not solved yet, and on what is no exercise at all."""

import inspect
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from student_cells import CELL_CODE, LOOP_CODE, cell, edited, message, notebook

import public_tests
from public_tests import PublicTestFailure, cases, rnn_cell_forward_test, rnn_forward_test
from public_tests.rnn_step_by_step import EXERCISES
from public_tests.unsolved import placeholders

ROOT = Path(__file__).resolve().parents[2]

REGION = ("    ### START CODE HERE ###\n", "    ### END CODE HERE ###\n")
UNSOLVED_CELL = f"""
def rnn_cell_forward(xt, a_prev, parameters):
    Wax = parameters["Wax"]
{REGION[0]}    # Step 1: the new hidden state, shape (n_a, m)
    a_next = None

    # Step 2: the prediction, shape (n_y, m)
    yt_pred = None
{REGION[1]}
    cache = (a_next, a_prev, xt, parameters)

    return a_next, yt_pred, cache
"""
LOOP_BODIES = {
    "everything": """
    # Step 1: room for the results
    a = None
    y_pred = None

    # Step 2: the state before the first step
    a_next = None

    # Step 3: through time
    for t in range(None):
        a_next, yt_pred, cache = None, None, None
        a[None] = None
        cache_list.append(None)
""",
    "all but the loop's range": """
    a = np.zeros((6, 5, 7))
    y_pred = np.zeros((3, 5, 7))
    a_next = a0
    # Step 3: through time
    for t in range(None):
        pass
""",
    "all but one argument": """
    a = np.zeros((a0.shape[0], x.shape[1], x.shape[2]))
    y_pred = np.zeros((parameters["Wya"].shape[0], x.shape[1], x.shape[2]))
    a_next = a0
    for t in range(x.shape[2]):
        # Step 3: one step of the cell
        a_next, yt_pred, cache = rnn_cell_forward(None, a_next, parameters)
        cache_list.append(cache)
""",
    "only the storing": """
    a = np.zeros((a0.shape[0], x.shape[1], x.shape[2]))
    y_pred = np.zeros((parameters["Wya"].shape[0], x.shape[1], x.shape[2]))
    a_next = a0
    for t in range(x.shape[2]):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        # Step 5: keep both
        a[None] = None
        y_pred[None] = None
        cache_list.append(cache)
""",
    "only the caches": """
    a = np.zeros((a0.shape[0], x.shape[1], x.shape[2]))
    y_pred = np.zeros((parameters["Wya"].shape[0], x.shape[1], x.shape[2]))
    a_next = a0
    for t in range(x.shape[2]):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        y_pred[:, :, t] = yt_pred
        # Step 6: put this step's cache into its drawer
        None
""",
    "an exception in place of it": """
    # YOUR CODE HERE
    raise NotImplementedError()
""",
    "three dots": """
    a = y_pred = ...
""",
}


def unsolved_loop(body: str) -> str:
    """Return the cell of the second exercise with this between the markers."""
    return (
        "def rnn_forward(x, a0, parameters):\n    cache_list = []\n"
        f"{REGION[0]}{body}{REGION[1]}    caches = (cache_list, x)\n    return a, y_pred, caches\n"
    )


def test_unsolved_cell_is_met_kindly() -> None:
    """The released exercise says which step waits, in which line, and what to do; it shows no error and no value."""
    text = message(rnn_cell_forward_test, notebook(UNSOLVED_CELL)["rnn_cell_forward"])
    assert text.startswith("rnn_cell_forward is not finished yet")
    assert 'the step "Step 1: the new hidden state, shape (n_a, m)"' in text
    assert "line 6 of the cell: `a_next = None`" in text
    assert "one more placeholder to go" in text
    assert "Write your own code in place of None" in text
    assert "Error" not in text
    assert "expected" not in text


def test_half_solved_cell_hears_what_works_first() -> None:
    """With the first step done, it is praised and the second is named."""
    half = edited(
        UNSOLVED_CELL,
        (
            "    a_next = None",
            '    Waa, ba = parameters["Waa"], parameters["ba"]\n    a_next = np.tanh(Waa @ a_prev + Wax @ xt + ba)',
        ),
    )
    text = message(rnn_cell_forward_test, notebook(half)["rnn_cell_forward"])
    assert "What works: a_next and cache." in text
    assert 'Next: the step "Step 2: the prediction, shape (n_y, m)"' in text
    assert "more placeholder" not in text


@pytest.mark.parametrize("body", LOOP_BODIES.values(), ids=LOOP_BODIES)
def test_unsolved_loop_is_met_kindly(body: str) -> None:
    """Whatever Python makes of the placeholders, the message is about the step that waits."""
    text = message(rnn_forward_test, notebook(CELL_CODE, unsolved_loop(body))["rnn_forward"])
    assert text.startswith("rnn_forward is not finished yet")
    assert "Next: " in text
    assert "Error" not in text.replace("NotImplementedError()", "")


def test_finished_function_may_hold_none() -> None:
    """None as an axis, in a subscript or as a first value is ordinary code: the function passes."""
    ordinary = edited(
        CELL_CODE,
        ("    a_next = np.tanh", "    a_next = None\n    a_next = np.tanh"),
        (" + ba)", " + ba[:, 0][:, None])"),
    )
    rnn_cell_forward_test(notebook(ordinary)["rnn_cell_forward"])


def test_error_of_a_finished_step_is_not_called_unfinished() -> None:
    """A real error above a placeholder is explained as the error it is."""
    wrong = edited(UNSOLVED_CELL, ("    a_next = None", "    a_next = np.dot(xt, Wax)"))
    text = message(rnn_cell_forward_test, notebook(wrong)["rnn_cell_forward"])
    assert text.startswith("rnn_cell_forward: not right yet.")
    assert "inner sizes must be equal" in text
    assert "Line 9 still waits for an answer: `yt_pred = None`." in text


def test_unfinished_helper_is_named_in_the_loop_test() -> None:
    """A finished loop over an unfinished step sends the student to the step."""
    text = message(rnn_forward_test, notebook(UNSOLVED_CELL, LOOP_CODE)["rnn_forward"])
    assert "It calls your rnn_cell_forward, which does not pass its own test: mend that first." in text


def test_placeholders_are_found_where_they_stand() -> None:
    """Every placeholder of a region is listed with the line it has in the cell; code outside the region is not."""
    code = edited(unsolved_loop(LOOP_BODIES["everything"]), ("    cache_list = []", "    cache_list, best = [], 0"))
    target = notebook("first = None\n" + edited(code, ("    return a,", "    best = None\n    return a,")))[
        "rnn_forward"
    ]
    found = [(p.line, p.text) for p in placeholders(target)]
    lines = inspect.getsource(target).splitlines()
    wanted = [(n + 1, line.strip()) for n, line in enumerate(lines, 1) if "None" in line and "best" not in line]
    assert found == wanted


def test_placeholders_of_a_function_without_source_are_none() -> None:
    """A function whose source cannot be had is tested all the same."""
    namespace: dict[str, Any] = {"np": np}
    exec(CELL_CODE, namespace)  # noqa: S102  the test's own code, compiled without a file
    assert placeholders(namespace["rnn_cell_forward"]) == ()
    rnn_cell_forward_test(namespace["rnn_cell_forward"])


# --- the machinery ----------------------------------------------------------------------------------------------------


def test_not_a_function_is_explained() -> None:
    """A call by mistake, as in test(f(x)), is told how to call."""
    text = message(rnn_cell_forward_test, np.zeros((2, 3)))
    assert "rnn_cell_forward_test was given an array of shape (2, 3), not a function." in text
    assert "rnn_cell_forward_test(rnn_cell_forward)" in text


def test_wrong_signature_is_explained() -> None:
    """A function whose first line was changed is told so, and nothing crashes."""
    text = message(rnn_cell_forward_test, lambda xt: xt)
    assert "Keep that line as it was given" in text


def test_every_call_has_inputs_of_its_own() -> None:
    """No array handed to one call is seen by another, so a function that changes them harms only itself."""
    seen: list[np.ndarray] = []

    def spy(xt: np.ndarray, a_prev: np.ndarray, parameters: dict[str, np.ndarray]) -> Any:
        for array in (xt, a_prev, *parameters.values()):
            assert not any(np.shares_memory(array, other) for other in seen)
            seen.append(array)
        return right(xt, a_prev, parameters)

    right = cell()
    rnn_cell_forward_test(spy)
    calls = len(cases.cases("rnn_step_by_step", "rnn_cell_forward")) + 1  # the first is asked again at the end
    assert len(seen) == 7 * calls
    for array in seen:
        array.fill(np.nan)
    rnn_cell_forward_test(right)


def test_failure_in_ipython_shows_the_message_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """IPython prints the friendly lines alone, and the cell still counts as failed."""
    shell = InteractiveShell()
    shell.run_cell("import numpy as np\nfrom public_tests import *")
    shell.run_cell(CELL_CODE.replace(" + ba)", ")"))
    capsys.readouterr()
    result = shell.run_cell("rnn_cell_forward_test(rnn_cell_forward)")
    shown = capsys.readouterr()
    shell.history_manager.end_session()
    # by name: tests that load another course have given the package's modules to that one in between
    assert type(result.error_in_exec).__name__ == PublicTestFailure.__name__
    assert (shown.out + shown.err).strip() == str(result.error_in_exec).strip()
    assert "a_next stays exactly the same when ba changes" in shown.out
    assert "Traceback" not in shown.out


def test_star_import_gives_the_tests() -> None:
    """`from public_tests import *` gives one test for each exercise, by the function's name."""
    assert {f"{exercise.function}_test" for exercise in EXERCISES} <= set(public_tests.__all__)
    assert all(callable(getattr(public_tests, name)) for name in public_tests.__all__)


def test_import_needs_numpy_alone() -> None:
    """The package is imported without anything but the standard library, numpy and the course's own rnn_utils."""
    code = (
        "import sys, public_tests; print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'IPython', 'nbformat', 'nbclient', 'nbgrader', 'autograder', 'matplotlib', 'jupyter_client'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("damage", ["missing", "cut", "not a zip"])
def test_damaged_data_is_said_to_be_ours(tmp_path: Path, damage: str) -> None:
    """A data file that is missing or damaged is named, with what to do, and the notebook is not blamed."""
    shutil.copytree(ROOT / "public_tests", tmp_path / "public_tests")
    file = tmp_path / "public_tests" / "data" / "rnn_step_by_step.npz"
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else b"no data")
    code = "import public_tests; public_tests.rnn_cell_forward_test(print)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "data/rnn_step_by_step.npz is missing or damaged" in done.stderr
    assert "your notebook need not change" in done.stderr
