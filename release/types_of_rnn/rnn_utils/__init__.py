"""What the notebooks import: activations, starting weights, encodings, gradient checks, small data sets and plots.

Everything here is numpy; matplotlib is imported only when something is drawn. Read the code: it is short, and it is
written to be read beside the formulas of the notebooks.
"""

from rnn_utils.activations import sigmoid, softmax
from rnn_utils.data import binary_addition, bits_to_numbers, numbers_to_bits
from rnn_utils.encoding import from_one_hot, one_hot
from rnn_utils.gradients import clip_gradients, numerical_gradient, relative_error
from rnn_utils.initialisers import initialise_lstm_parameters, initialise_rnn_parameters, orthogonal
from rnn_utils.plotting import plot_curves, plot_gates, plot_states
from rnn_utils.spelling import indices_to_words, spell_number, words_to_indices
from rnn_utils.training import Adam, cross_entropy

# what `from rnn_utils import *` brings into a notebook, and nothing else
# (the networks of earlier assignments are given to later ones only, as rnn_utils.rnn, .lstm and .backward)
__all__ = [
    "Adam",
    "binary_addition",
    "bits_to_numbers",
    "clip_gradients",
    "cross_entropy",
    "from_one_hot",
    "indices_to_words",
    "initialise_lstm_parameters",
    "initialise_rnn_parameters",
    "numbers_to_bits",
    "numerical_gradient",
    "one_hot",
    "orthogonal",
    "plot_curves",
    "plot_gates",
    "plot_states",
    "relative_error",
    "sigmoid",
    "softmax",
    "spell_number",
    "words_to_indices",
]
