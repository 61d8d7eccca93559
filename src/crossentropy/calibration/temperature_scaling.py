"""Temperature scaling as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence
from crossentropy.calibration._estimator import NO_LONGER_DECREASES, Scaling
from crossentropy.calibration._rows import Centred, Floats, Rows
from crossentropy.calibration._temperature import look, minimise


class TemperatureScaling(Scaling):
    """Calibrate a classifier by one number: q = softmax(z / T), of its logits z (N, K).

    Minimises ``Σ sᵢ·CE(zᵢ / T, tᵢ)`` in nats over T > 0. T > 1 takes back overconfidence, T < 1 the opposite; the order
    of the classes stays. Fit it with rows that the classifier was not fitted to.

    Parameters: ``classes``, the label of each column in order, the classifier's ``classes_`` (None: the sorted labels
    in ``y``, which then must be as many as the columns); ``tol``, how far above its minimum the objective may stay,
    relative to it.

    The logits are float16, float32 or float64, read-only or memory-mapped if need be, and are not copied: what a fit
    takes beside them is a block of rows. The targets are labels (N,) of any kind, or soft labels: a distribution (N, K)
    per row. A logit of -inf is a class of probability exactly 0, at every temperature. An offset that all logits of a
    row have in common changes nothing; logits s times as large have s times the temperature.

    ``tol`` is certified: the objective is convex in 1/T, hence above its tangents on both sides of the minimum, which
    lies at most ``gap_`` below ``objective_``. The solver is Newton's method in 1/T, from 0; a fit reads the rows some
    five to ten times. The same input gives the same T, with any number of threads.

    Fitted: ``temperature_``, ``classes_`` (K,), ``n_iter_``, ``objective_`` (the value above), ``gap_``,
    ``n_features_in_`` (K) and, from a data frame, ``feature_names_in_``.

    Raises ``ValueError`` where there is no best temperature: every target is at its row's largest logit (the lower T,
    the better), or the logits at the targets are no larger than others on average (the higher, the better). Also for
    NaN or +inf (row and column named), a row of only -inf, a target at -inf, labels that cannot be assigned to the
    columns, soft labels that are no distributions, and shapes that do not fit. Warns with ``ConvergenceWarning`` where
    float64 does not reach ``tol``.

    >>> logits = [[4.0, 0.0, 0.0], [6.0, 2.0, 0.0], [0.0, 4.0, 0.0], [2.0, 0.0, 6.0]]
    >>> model = TemperatureScaling().fit(logits, ["a", "b", "b", "c"])
    >>> print(f"{model.temperature_:.4f}", model.predict_proba([[4.0, 0.0, 0.0]]).round(4))
    2.3354 [[0.7349 0.1325 0.1325]]

    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
    """

    def __init__(self, *, classes: Any = None, tol: float = 1e-6) -> None:
        self.classes = classes
        self.tol = tol

    temperature_: float

    def _fit(self, rows: Rows, tol: float) -> str:
        at_ends = look(rows)
        if at_ends.last_slope == 0.0 and at_ends.slope < 0.0:
            raise ValueError(
                sentence(
                    "logits",
                    expected="a row whose target is not at its largest logit",
                    received="none: the lower the temperature, the lower the loss",
                    remedy="calibrate with rows that the classifier was not fitted to, or with more of them",
                )
            )
        if at_ends.slope >= 0.0:
            raise ValueError(
                sentence(
                    "logits",
                    expected="larger ones at the targets than elsewhere on average",
                    received="none that tell: the higher the temperature, the lower the loss",
                    remedy="check that columns are in the order of classes",
                )
            )
        found = minimise(rows, at_ends, tol=tol)
        self.temperature_ = 1.0 / found.beta
        self.objective_, self.gap_, self.n_iter_ = found.loss, found.gap, found.steps
        return NO_LONGER_DECREASES

    def transform(self, logits: Any) -> NDArray[Any]:
        """z / T (N, K), in the dtype of the logits."""
        return self._mapped(logits, lambda rows: rows.astype(np.float64) / self.temperature_)

    def _scaled(self, logits: NDArray[Any]) -> Floats:
        centred = Centred.of(logits)
        return centred.marked(centred.logits / self.temperature_)
