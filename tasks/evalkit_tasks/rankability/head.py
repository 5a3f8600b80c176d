"""The non-linear head: what more than one direction could find."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray

UNITS = 128
STEPS = 300
BATCH = 200
RATE = 1e-3
DECAY = 10.0
"""Penalty of the squared weights in a batch's summed loss, as `MLPRegressor` counts it; less overfits in 300 steps."""

PROTOCOL = {"layers": [UNITS], "activation": "relu", "steps": STEPS, "batch": BATCH, "rate": RATE, "alpha": DECAY}
"""What decides its predictions, for the protocol."""


def head(X: FloatArray, y: FloatArray, test: FloatArray, seed: int) -> FloatArray:
    """(len(test),) predictions of Linear-128-ReLU-1, trained by Adam for about 300 batches.

    Columns and values are standardised by the training items. The number of batches, not of epochs, is fixed, so
    that a small task trains as long as a large one; there is no early stopping, which would cost training items.

    Args:
        X: (n, d) training items.
        y: (n,) their values.
        test: (m, d).
        seed: Of weights and batches.
    """
    from sklearn.neural_network import MLPRegressor

    center, scale = X.mean(axis=0), _scale(X)
    level, spread = y.mean(), y.std() or 1.0
    batch = min(BATCH, len(X))
    epochs = math.ceil(STEPS / math.ceil(len(X) / batch))
    model = MLPRegressor(
        hidden_layer_sizes=(UNITS,),
        activation="relu",
        solver="adam",
        alpha=DECAY,
        batch_size=batch,
        learning_rate_init=RATE,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=seed,
    )
    # 32-bit numbers take half the time.
    model.fit(((X - center) / scale).astype(np.float32), ((y - level) / spread).astype(np.float32))
    predicted = model.predict(((test - center) / scale).astype(np.float32))
    out: FloatArray = np.asarray(predicted, dtype=np.float64) * spread + level
    return out


def _scale(X: FloatArray) -> FloatArray:
    """(d,) spread of every column; columns that barely move against the others are left as they are."""
    spread = X.std(axis=0)
    spread[spread <= 1e-6 * spread.max()] = 1.0
    return np.asarray(spread)
