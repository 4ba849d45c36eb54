"""What stands beside a student's notebook: modules, requirements, a README, and the archive of it all."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder.course import PUBLIC_TESTS, Course
from autograder.errors import UsageError
from autograder.regions import graded_functions, is_solution, source_of

# What students need to open and check the notebook; lower bounds only, since their machines differ.
REQUIREMENTS = """\
numpy>=2.0
matplotlib>=3.9
jupyterlab>=4.2
nbclient>=0.10
"""

README = """\
# {title}

This folder is one assignment of the course. It holds everything it needs; nothing is downloaded while you work.

| what | for |
|---|---|
| `{notebook}` | the assignment: read it, run it, fill it in |
{modules}| `requirements.txt` | what has to be installed |

## Open it

You need Python 3.11 or newer. Once, in a terminal in this folder:

    python -m venv .venv
    . .venv/bin/activate          # on Windows: .venv\\Scripts\\activate
    python -m pip install -r requirements.txt

Then, each time:

    jupyter lab {notebook}

{keep}## Solve it

You write {functions}. In each of these cells, write only between the two lines

    ### START CODE HERE ###
    ### END CODE HERE ###

Every `None` between them stands for something that is yours to write; the comments say what. You may use as many
lines as you like, and add cells of your own anywhere. The cells with the tests are locked: leave them as they are.

## Check it before you submit

{check}
## Submit it

Submit `{notebook}` under that very name, the way your course collects work. The other files need not be sent.
"""

MODULES = {"rnn_utils": "helpers that the notebook imports", "public_tests": "the tests that you can see"}

CHECK_FROM_A_TERMINAL = """\
    python -m public_tests {notebook}

This runs the notebook from the top in a fresh kernel, runs the public tests, and prints a short receipt. Your
notebook is not changed. The grade comes from hidden tests that use other inputs and other sizes, so do not write
for the visible numbers.
"""

CHECK_IN_THE_NOTEBOOK = """\
Restart the kernel and run all cells: your functions must work without anything left over from earlier tries. The
grade comes from hidden tests that use other inputs and other sizes, so do not write for the visible numbers.
"""


def read_functions(notebook: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the functions that a source notebook grades, in its order."""
    cells = [c for c in notebook["cells"] if c.get("cell_type") == "code" and is_solution(c)]
    return tuple(dict.fromkeys(name for cell in cells for name in graded_functions(source_of(cell))))


def title_of(notebook: Mapping[str, Any], default: str) -> str:
    """Return the notebook's first heading."""
    for cell in notebook["cells"]:
        found = re.search(r"^# +(.+?) *$", source_of(cell), re.MULTILINE)
        if cell.get("cell_type") == "markdown" and found:
            return found[1]
    return default


def companions(course: Course, assignment: str, notebook: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files that the release puts beside the notebook.

    Parameters
    ----------
    course : Course
        Where the modules stand.
    assignment : str
        The assignment's name.
    notebook : mapping
        Its source notebook.

    Returns
    -------
    dict of str to bytes
        By path relative to the assignment's folder, with forward slashes.
    """
    functions = read_functions(notebook)
    code = "\n".join(source_of(c) for c in notebook["cells"] if c.get("cell_type") == "code")
    modules = dict(course.shipped_modules(assignment, frozenset(functions), code))
    return {
        **modules,
        "requirements.txt": REQUIREMENTS.encode(),
        "README.md": _readme(assignment, notebook, functions, modules).encode(),
    }


def _readme(
    assignment: str, notebook: Mapping[str, Any], functions: Sequence[str], modules: Mapping[str, bytes]
) -> str:
    """Return what is to be read first; it speaks of nothing that is not there."""
    file = f"{assignment}.ipynb"
    there = [package for package in MODULES if any(path.startswith(f"{package}/") for path in modules)]
    named = " and ".join(f"`{package}`" for package in there)
    keep = (
        f"Keep the notebook in this folder: it finds {named} because {'they stand' if len(there) > 1 else 'it stands'}"
    )
    check = CHECK_FROM_A_TERMINAL if PUBLIC_TESTS in modules else CHECK_IN_THE_NOTEBOOK
    last = [f"`{f}`" for f in functions[-1:]] or ["what the marked cells ask for"]
    return README.format(
        title=title_of(notebook, assignment.replace("_", " ")),
        notebook=file,
        modules="".join(f"| `{package}/` | {MODULES[package]} |\n" for package in there),
        keep=f"{keep} beside it.\n\n" if there else "",
        functions=" and ".join(filter(None, [", ".join(f"`{f}`" for f in functions[:-1]), *last])),
        check=check.format(notebook=file),
    )


def place(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files below a folder, beside what the instructor put there.

    A README or requirements of the instructor's own are kept; a module of the course is never mixed with another
    of the same name.

    Raises
    ------
    UsageError
        If the instructor's folder has a different file where one of the course's modules goes.
    """
    for name, content in files.items():
        path = folder / name
        if path.exists():
            if "/" in name and path.read_bytes() != content:
                raise UsageError(
                    f"{name} stands in the assignment's source folder and differs from the course's own. "
                    "Remove it there: the release adds the course's modules by itself."
                )
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by relative path with forward slashes, in sorted order.

    What working in the folder leaves behind (``__pycache__``, ``.ipynb_checkpoints``) is left out.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(relative.parts):
            found[relative.as_posix()] = path.read_bytes()
    return dict(sorted(found.items()))


def archive(folder: Path, target: Path) -> None:
    """Write a zip of a folder, the same bytes for the same content: sorted, with one fixed time and mode."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in files_of(folder).items():
            info = zipfile.ZipInfo(f"{folder.name}/{name}", date_time=(2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, on whatever system it is made: the mode below is read as such
            info.external_attr = 0o100644 << 16
            packed.writestr(info, content)
