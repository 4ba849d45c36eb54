"""The tests you can see: ``from public_tests import *`` gives one test for each function you write.

Call a test with your function, as in ``rnn_cell_forward_test(rnn_cell_forward)``. It runs the function on a few visible
inputs, says what works and what to change, and never decides your grade: the hidden tests use other inputs.
Demonstrations begin with `builds_on`, which says in a sentence what has to be solved before they can run.
Before you submit, ``python -m public_tests NOTEBOOK.ipynb`` checks the whole notebook.
"""

from public_tests.building import builds_on
from public_tests.catalogue import EXERCISES, MODULES
from public_tests.failure import PublicTestFailure

# one test for each exercise, named after its function: rnn_cell_forward_test and so on
_TESTS = [f"{exercise.function}_test" for exercise in EXERCISES]
globals().update({name: vars(module)[name] for module in MODULES for name in vars(module) if name in _TESTS})

__all__ = ["PublicTestFailure", "builds_on", *_TESTS]  # noqa: PLE0604  they are texts, each
