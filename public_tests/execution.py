"""Restart and run all: a notebook's cells in a fresh kernel, with the public tests asked at the places they stand.

The kernel is given a copy of the code; the file itself is not touched.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from public_tests.notebook_file import CodeCell, NotebookFile
from public_tests.raised import meaning
from public_tests.structure import Place

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_IN_CELL = re.compile(r"Cell In\[\s*(\d+)\s*\],\s*line\s*(\d+)")
_ARROW = re.compile(r"^-+>\s*(\d+)\b", re.MULTILINE)  # how older IPythons point at a line


@dataclass(frozen=True)
class Execution:
    """What came of running a notebook.

    Attributes
    ----------
    finished : int
        How many code cells were run to their end, with or without an error.
    problem : str
        What stopped the run, else the first error, in several lines; empty if nothing went wrong.
    tests : mapping of str to str
        By function: the message of its public test, empty where it passed. What was not reached is not in it.
    unavailable : str
        Why the notebook could not be run at all on this computer, and what to install; empty if it could.
    """

    finished: int = 0
    problem: str = ""
    tests: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    unavailable: str = ""


def run(notebook: NotebookFile, places: Sequence[Place], seconds: int) -> Execution:
    """Run a notebook in a fresh kernel, in its own folder.

    Parameters
    ----------
    seconds : int
        What one cell may take.
    """
    try:
        import ipykernel  # noqa: F401, PLC0415  what the kernel is started from
        import nbclient  # noqa: F401, PLC0415  they may not be installed
        import nbformat  # noqa: F401, PLC0415
    except ImportError as error:
        return Execution(
            unavailable=f"The notebook was not run: {error.name} is not installed in this Python ({sys.executable}). "
            "Install what is needed with: python -m pip install nbclient ipykernel"
        )
    # zmq cannot wait on the event loop that Windows has by default
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_run(notebook, places, seconds))


async def _run(notebook: NotebookFile, places: Sequence[Place], seconds: int) -> Execution:
    from jupyter_client.kernelspec import NoSuchKernel  # noqa: PLC0415
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: PLC0415
    from nbformat.v4 import new_code_cell, new_notebook  # noqa: PLC0415

    book = new_notebook(cells=[new_code_cell(cell.source) for cell in notebook.cells])
    folder = notebook.path.resolve().parent
    leaving: list[str] = []  # the payloads of the last reply: exit() takes effect only when the cell has ended

    def note(execute_reply: Any, **_: Any) -> None:
        leaving[:] = [payload.get("source", "") for payload in execute_reply["content"].get("payload", [])]

    client = NotebookClient(
        book,
        on_cell_executed=note,
        timeout=seconds,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],  # a kernel's warnings about itself are nothing to a student
    )
    began = time.perf_counter()
    finished, problem, stopped = 0, "", ""
    tests: dict[str, str] = {}
    cell = notebook.cells[0]
    try:
        async with client.async_setup_kernel(env=_environment()):
            for index, cell in enumerate(notebook.cells):
                done = await client.async_execute_cell(book.cells[index], index)
                if "ask_exit" in leaving:
                    raise DeadKernelError  # noqa: TRY301  it will be in a moment
                raised = _raised(done.outputs)
                # a public test that does not pass is told as such, and an error that is announced is none
                if raised and not cell.may_raise and raised["ename"] != "PublicTestFailure":
                    problem = problem or _explained(raised, cell, notebook.cells)
                for place in places:
                    if cell is _last(place, notebook.cells):
                        probe = new_code_cell(_probe(place))
                        book.cells.append(probe)
                        answer = await client.async_execute_cell(probe, len(book.cells) - 1, store_history=False)
                        tests[place.exercise.function] = _verdict(place, _raised(answer.outputs))
                finished += 1
    except CellTimeoutError:
        stopped = (
            f"Cell {cell.number} was still running after {seconds} s and was stopped, so no cell after it was run.\n"
            f"It begins: {cell.line(1)}\nIs there a loop in it that never ends? (--timeout allows more time.)"
        )
    except DeadKernelError:
        stopped = (
            f"The kernel ended while cell {cell.number} was running, so no cell after it was run.\n"
            f"It begins: {cell.line(1)}\nDoes it call exit() or quit(), or ask for more memory than there is?"
        )
    except (NoSuchKernel, RuntimeError, OSError) as error:
        return Execution(
            unavailable="The notebook was not run: no Python kernel could be started "
            f"({type(error).__name__}: {error}). Install one with: python -m pip install ipykernel"
        )
    return Execution(finished, stopped or problem, tests, time.perf_counter() - began)


def _environment() -> dict[str, str]:
    """Return the kernel's environment: ours, and this package where the notebook's folder has none of its own."""
    paths = [os.environ.get("PYTHONPATH", ""), str(Path(__file__).resolve().parent.parent)]
    # the notebook's arrays are small: on a busy machine, more threads would only wait for each other
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # nobody looks at this kernel: no figure may open a window
    return {**threads, **os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p), "MPLBACKEND": "agg"}


def _last(place: Place, cells: Sequence[CodeCell]) -> CodeCell:
    """Return the cell after which an exercise's public test is asked: where the student would run it."""
    own = [cell for cell in (place.answer, place.test) if cell is not None]
    return max(own, key=lambda cell: cell.number) if own else cells[-1]


def _probe(place: Place) -> str:
    name = place.exercise.function
    return f'__import__("public_tests").{name}_test({name})'  # an expression: it leaves no name behind


def _raised(outputs: Sequence[Any]) -> Any:
    return next((output for output in outputs if output.get("output_type") == "error"), None)


def _verdict(place: Place, raised: Any) -> str:
    if raised is None:
        return ""
    name = place.exercise.function
    if raised["ename"] == "PublicTestFailure":
        return str(raised["evalue"])
    if raised["ename"] == "NameError" and f"'{name}'" in raised["evalue"]:
        return f"{name} is not defined: its cell is missing, or it failed when it was run."
    return f"{raised['ename']}: {raised['evalue']}"


def _explained(raised: Any, cell: CodeCell, cells: Sequence[CodeCell]) -> str:
    """Return which cell and line an error came from, what Python says, and what it most often means."""
    kind, text = raised["ename"], _ESCAPES.sub("", raised["evalue"]).strip()
    trace = _ESCAPES.sub("", "\n".join(raised["traceback"]))
    spots = [(int(number), int(line)) for number, line in _IN_CELL.findall(trace) if int(number) <= len(cells)]
    arrows = [] if spots else [(cell.number, int(line)) for line in _ARROW.findall(trace)[:1]]
    said = [f"Cell {cell.number} stops with an error: {kind}: {text}" if text else f"Cell {cell.number} stops: {kind}."]
    if spots or arrows:
        number, line = (spots or arrows)[-1]
        quoted = cells[number - 1].line(line)
        inside = "" if number == cell.number else f" (called from cell {cell.number})"
        said.append(f"Cell {number}, line {line}{inside}: {quoted}")
    means = _MEANS_HERE.get(kind) or meaning(kind, text)
    if means:
        said.append(means)
    return "\n".join(said)


_MEANS_HERE = {
    "StdinNotImplementedError": "The cell waits for somebody to type something (input); nobody does when a notebook is "
    "graded. Write the value into the code.",
    "KeyboardInterrupt": "The cell was interrupted.",
}
