"""Vector scaling as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from crossentropy.calibration._estimator import RegularisedScaling
from crossentropy.calibration._newton import minimise
from crossentropy.calibration._rows import Centred, Floats, Rows
from crossentropy.calibration._solution import Solution


class VectorScaling(RegularisedScaling):
    """Calibrate a classifier by a factor and an offset for each class: q = softmax(w∘(z − z̄) + b).

    z is a row of its logits (N, K), and z̄ their mean over the classes: an offset that all logits of a row have in
    common changes nothing. Minimises, in nats over w (K,) and b (K,),

        ``C·Σ sᵢ·CE(w∘(zᵢ − z̄ᵢ) + b, tᵢ) + ½‖w − 1‖² + ½‖b‖²``.

    The penalty is the distance from the identity: the less C, the more the logits stay as they are. Offsets are
    penalised too, or a class that no row has would get one of -inf. So there always is a minimum, and only one. Fit it
    with rows that the classifier was not fitted to; :class:`TemperatureScaling` is enough for few of them.

    Parameters: ``C`` > 0, the weight of the data against the penalty; ``classes``, the label of each column in order,
    the classifier's ``classes_`` (None: the sorted labels in ``y``, which then must be as many as the columns);
    ``tol``, how far above its minimum the objective may stay, relative to it; ``max_iter``, the most iterations.

    What logits, labels and weights may be is told by :class:`TemperatureScaling`. A logit of -inf is a class of
    probability exactly 0 before and after, whatever w; z̄ is the mean of the others.

    ``tol`` is certified: the objective curves at least as the penalty does, so its minimum lies at most ``gap_`` = half
    the gradient's squared norm below ``objective_``. The solver is Newton's method from the best temperature; the
    Hessian is not made, conjugate gradients read the rows once for each of its products. The same input gives the same
    model, with any number of threads.

    Fitted: ``coef_`` (K,), the factors w, of any sign; ``intercept_`` (K,), the offsets b, whose sum is 0; ``classes_``
    (K,), ``n_iter_``, ``objective_`` (the value above), ``gap_``, ``n_features_in_`` (K) and, from a data frame,
    ``feature_names_in_``.

    Raises ``ValueError`` for a parameter out of range, NaN or +inf (row and column named), a row of only -inf, a target
    at -inf, labels that cannot be assigned to the columns, soft labels that are no distributions, and shapes that do
    not fit. Warns with ``ConvergenceWarning`` where it stops short of ``tol``, and says how far the optimum can be.

    >>> logits = [[4.0, 0.0, 0.0], [6.0, 2.0, 0.0], [0.0, 4.0, 0.0], [2.0, 0.0, 6.0]]
    >>> model = VectorScaling().fit(logits, ["a", "b", "b", "c"])
    >>> print(model.coef_.round(3), model.intercept_.round(3))
    [0.086 1.033 1.251] [-0.259  0.38  -0.121]

    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
    """

    def __init__(self, *, C: float = 1.0, classes: Any = None, tol: float = 1e-6, max_iter: int = 1000) -> None:
        self.C = C
        self.classes = classes
        self.tol = tol
        self.max_iter = max_iter

    def _minimum(self, rows: Rows, *, C: float, tol: float, max_iter: int) -> Solution:
        return minimise(rows, C=C, tol=tol, max_iter=max_iter)

    def _scaled(self, logits: NDArray[Any]) -> Floats:
        centred = Centred.of(logits)
        return centred.marked(centred.logits * self.coef_ + self.intercept_)
