"""The tests you can see: ``from public_tests import *`` gives one test for each function you write.

Call a test with your function, as in ``rnn_cell_forward_test(rnn_cell_forward)``. It runs the function on a few visible
inputs, says what works and what to change, and never decides your grade: the hidden tests use other inputs.
Before you submit, ``python -m public_tests NOTEBOOK.ipynb`` checks the whole notebook.
"""

from public_tests.failure import PublicTestFailure
from public_tests.rnn_step_by_step import rnn_cell_forward_test, rnn_forward_test

__all__ = ["PublicTestFailure", "rnn_cell_forward_test", "rnn_forward_test"]
