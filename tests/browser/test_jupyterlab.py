"""The release as a student meets it: unzipped, opened in JupyterLab, run and solved in a browser."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_served import TOKEN, serving

from autograder.model import Outcome

ROOT = Path(__file__).resolve().parents[2]
FIRST = "rnn_step_by_step"
FUNCTIONS = {  # of each assignment's first exercise
    FIRST: "rnn_cell_forward",
    "lstm_step_by_step": "lstm_cell_forward",
    "backpropagation_through_time": "rnn_cell_backward",
    "types_of_rnn": "many_to_one_forward",
}
# JupyterLab has arranged itself, the notebook is shown, and its kernel answers
READY = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const panel = app.shell.currentWidget;
    await panel.revealed;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
}"""
RUN_CELL = """async number => {
    const app = window.jupyterapp;
    app.shell.currentWidget.content.activeCellIndex = number;
    await app.commands.execute('notebook:run-cell');
}"""
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"
PATIENCE = 90.0  # seconds for anything on a page: other tests run beside this one
SOLUTION = {
    "a_next = None": 'a_next = np.tanh(Waa @ a_prev + Wax @ xt + parameters["ba"])',
    "yt_pred = None": "yt_pred = softmax(Wya @ a_next + by)",
}
# no request to the outside, no box over the page, and every cell drawn at once instead of when it comes near
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}

every_release = pytest.mark.parametrize("page", FUNCTIONS, indirect=True)
the_first = pytest.mark.parametrize("page", [FIRST], indirect=True)
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("jupyterlab")]


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:  # browser: skip first
    """Return the address and the folder of a JupyterLab that has nothing of this machine's settings."""
    home = tmp_path_factory.mktemp("home")
    desk = tmp_path_factory.mktemp("desk")
    for name, value in SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    options = ("--LabApp.news_url=", "--LabApp.expose_app_in_browser=True")
    with serving("jupyterlab", desk, home, *options, JUPYTERLAB_SETTINGS_DIR=str(home / "settings")) as address:
        yield address, desk


@pytest.fixture(scope="module")
def page(browser: Any, lab: tuple[str, Path], request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a page with a fresh copy of a release's notebook open and its kernel idle; one for all tests of it."""
    address, desk = lab
    assignment = request.param
    folder = desk / assignment
    shutil.copytree(ROOT / "release" / assignment, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE * 1000)
    # a workspace of its own: the default one would open the other notebooks again
    page.goto(f"{address}lab/workspaces/{assignment}/tree/{assignment}/{assignment}.ipynb?token={TOKEN}")
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
    page.evaluate(READY)
    yield page
    page.close()


def opened(page: Any) -> str:
    """Return the assignment that is open."""
    return str(re.search(r"/(\w+)\.ipynb", page.url)[1])


def ids(page: Any) -> list[str]:
    """Return the ids of the open notebook's cells."""
    name = opened(page)
    path = ROOT / "release" / name / f"{name}.ipynb"
    return [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def place(page: Any, cell_id: str) -> int:
    """Return where a cell stands in the notebook, by its id."""
    return ids(page).index(cell_id)


def cell(page: Any, cell_id: str) -> Any:
    """Return a cell of the open notebook."""
    return page.locator(".jp-Notebook .jp-Cell").nth(place(page, cell_id))


def run(page: Any, first: str, last: str) -> str:
    """Run cells one by one and wait for each; return what all of them printed.

    By JupyterLab's own command, the one that Control+Enter is bound to: a key reaches whatever has the focus just then,
    and on a busy machine that need not be the notebook.
    """
    said = []
    for number in range(place(page, first), place(page, last) + 1):
        one = page.locator(".jp-Notebook .jp-Cell").nth(number)
        if "jp-CodeCell" not in one.get_attribute("class"):
            continue
        page.evaluate(RUN_CELL, number)
        prompt = one.locator(".jp-InputPrompt").inner_text()
        assert re.fullmatch(r"\[\d+\]:", prompt), f"cell {number} did not run; its prompt is {prompt!r}"
        said.append(one.locator(".jp-OutputArea").inner_text())
    return "\n".join(said)


def write(page: Any, cell_id: str, line: str, text: str) -> None:
    """Replace one line of a cell by typing."""
    cell(page, cell_id).locator(".cm-line", has_text=line).click()
    page.keyboard.press("End")
    page.keyboard.press("Shift+Home")  # to the indentation: Home goes to the first letter
    page.keyboard.insert_text(text)
    cell(page, cell_id).locator(".cm-line", has_text=text).wait_for()


@every_release
def test_an_unsolved_exercise_is_answered_kindly(page):
    """Up to the first exercise all runs; the test of the unsolved exercise says what to do and shows no frames."""
    above = run(page, "imports", ids(page)[place(page, "UNQ_C1") - 1])
    assert len(above) > 100, above
    assert "Error" not in above, above

    said = run(page, "UNQ_C1", "test_UNQ_C1")
    assert said.strip().startswith(f"{FUNCTIONS[opened(page)]} is not finished yet, which is no mistake."), said
    assert "None`" in said, said
    assert "Traceback" not in said, said
    assert "NoneType" not in said, said


@the_first
def test_a_solution_typed_in_passes_its_test(page, lab, grader):
    """Typed between the markers and run, the solution passes its public test; saved by JupyterLab, it is graded."""
    run(page, "imports", "imports")
    for line, text in SOLUTION.items():
        write(page, "UNQ_C1", line, text)
    said = run(page, "UNQ_C1", "test_UNQ_C1")
    assert said.strip().startswith("All public tests passed. Hidden tests use other inputs."), said

    announced = cell(page, "hints-1").locator("pre").first.inner_text()
    assert announced.strip() in said, (announced, said)

    page.evaluate(SAVE)
    saved = (lab[1] / FIRST / f"{FIRST}.ipynb").read_bytes()
    assert b"All public tests passed." in saved
    report = grader.grade(saved, "ada")
    assert [result.outcome for result in report.exercises] == [Outcome.PASSED, Outcome.RAISED]
    assert (report.score, report.notes) == (50.0, ())


@every_release
def test_what_is_to_be_read_is_shown(page):
    """Every figure has loaded and has a text of its own, every formula is set, and every hint is folded."""
    images = page.locator(".jp-Notebook .jp-MarkdownOutput img")
    page.locator(".jp-Notebook mjx-container").first.wait_for()
    assert images.count() == len(list((ROOT / "release" / opened(page) / "figures").glob("*.svg")))
    for image in images.all():
        image.scroll_into_view_if_needed()
        assert image.evaluate("one => one.decode().then(() => one.naturalWidth > 0)"), image.get_attribute("src")
        assert len(image.get_attribute("alt") or "") > 40, image.get_attribute("src")
    left = page.locator(".jp-Notebook .jp-MarkdownOutput").all_inner_texts()
    assert not [text for text in left if "$" in text or "\\langle" in text]
    assert page.locator(".jp-Notebook details").count() > 6
    assert page.locator(".jp-Notebook details[open]").count() == 0


@the_first
def test_locked_cells_cannot_be_typed_into(page):
    """JupyterLab honours the lock of a test cell: typing leaves it as it was."""
    editor = cell(page, "test_UNQ_C1").locator(".cm-content")
    before = editor.inner_text()
    editor.click()
    page.keyboard.insert_text("changed = True")
    assert editor.inner_text() == before
