"""Write every figure of the course: ``python scripts/make_figures.py``.

A new assignment adds a module to `figures` with a dictionary ``FIGURES``, file name to function, and its name below.
The same code always writes the same bytes; a test holds the files in ``source/`` to that.
"""

import importlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENTS = ("rnn_step_by_step", "lstm_step_by_step", "backpropagation_through_time", "types_of_rnn")


def figures() -> dict[Path, str]:
    """Return the path of every figure, relative to the course, and its SVG text."""
    return {
        Path("source") / assignment / "figures" / name: draw().svg()
        for assignment in ASSIGNMENTS
        for name, draw in importlib.import_module(f"figures.{assignment}").FIGURES.items()
    }


def main() -> None:
    """Write the figures and say so."""
    for path, text in figures().items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
        print(path.as_posix())


if __name__ == "__main__":
    main()
