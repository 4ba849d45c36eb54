"""What the notebooks import: activations, starting weights, encodings, small data sets and plots.

Everything here is numpy; matplotlib is imported only when something is drawn. Read the code: it is short, and it is
written to be read beside the formulas of the notebooks.
"""

from rnn_utils.activations import sigmoid, softmax
from rnn_utils.data import binary_addition, bits_to_numbers, numbers_to_bits
from rnn_utils.encoding import from_one_hot, one_hot
from rnn_utils.initialisers import initialise_rnn_parameters, orthogonal
from rnn_utils.plotting import plot_curves, plot_states

# what `from rnn_utils import *` brings into a notebook, and nothing else
__all__ = [
    "binary_addition",
    "bits_to_numbers",
    "from_one_hot",
    "initialise_rnn_parameters",
    "numbers_to_bits",
    "one_hot",
    "orthogonal",
    "plot_curves",
    "plot_states",
    "sigmoid",
    "softmax",
]
