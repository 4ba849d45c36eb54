"""Small steps downhill: the Adam optimiser, and the loss of predictions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cross_entropy(y_pred: Array, y: Array) -> float:
    """Return how surprised predictions are by what came, on average.

    Parameters
    ----------
    y_pred : numpy.ndarray
        Probabilities, shape (n_y, m) or (n_y, m, T_y); along the first axis they add up to 1.
    y : numpy.ndarray
        One-hot targets of the same shape.

    Returns
    -------
    float
        Mean over examples and time steps of -log(probability of what came), in nats.
    """
    came = np.sum(y_pred * y, axis=0)  # (m,) or (m, T_y)
    return float(-np.mean(np.log(np.maximum(came, 1e-300))))  # log 0 would be minus infinity


class Adam:
    """The Adam optimiser (Kingma and Ba, 2015): steps along a running mean of the gradient.

    Each step is divided by the running root mean square of the gradient, so that all weights move at a similar pace.

    Parameters
    ----------
    parameters : dict
        Names and arrays; `step` changes the arrays in place.
    rate : float
        About how far a weight moves in one step.
    """

    def __init__(self, parameters: dict[str, Array], rate: float = 0.01) -> None:
        self.parameters = parameters
        self.rate = rate
        self._steps = 0
        self._mean = {name: np.zeros_like(p) for name, p in parameters.items()}
        self._square = {name: np.zeros_like(p) for name, p in parameters.items()}

    def step(self, gradients: Mapping[str, Array]) -> None:
        """Move every parameter that has a gradient: the gradient of ``Wax`` stands under ``dWax``.

        Parameters
        ----------
        gradients : mapping of str to numpy.ndarray
            Others that have no parameter, such as ``dx`` and ``da0``, are passed over.
        """
        self._steps += 1
        for name in self.parameters:
            gradient = gradients.get(f"d{name}")
            if gradient is None:
                continue
            self._mean[name] = 0.9 * self._mean[name] + 0.1 * gradient
            self._square[name] = 0.999 * self._square[name] + 0.001 * gradient**2
            mean = self._mean[name] / (1 - 0.9**self._steps)  # both start at zero: this takes their start out
            square = self._square[name] / (1 - 0.999**self._steps)
            self.parameters[name] -= self.rate * mean / (np.sqrt(square) + 1e-8)
