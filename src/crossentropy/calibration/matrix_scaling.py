"""Matrix scaling as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._linear import Features
from crossentropy.calibration._as_linear import minimise
from crossentropy.calibration._estimator import RegularisedScaling
from crossentropy.calibration._rows import Centred, Floats, Rows
from crossentropy.calibration._solution import Solution


class MatrixScaling(RegularisedScaling):
    """Calibrate a classifier by a matrix and an offset for each class: q = softmax(W z + b), of its logits z (N, K).

    Minimises, in nats over W (K, K) whose rows all add up to 1 and b (K,),

        ``C·Σ sᵢ·CE(W zᵢ + b, tᵢ) + ½‖W − I‖² + ½‖b‖²``.

    As the rows of W add up to 1, an offset that all logits of a row have in common changes nothing. The penalty is the
    distance from the identity: the less C, the more the logits stay as they are. Offsets are penalised too, or a class
    that no row has would get one of -inf. So there always is a minimum, and only one. There are K² parameters: with few
    rows choose C by validation, or take :class:`VectorScaling` or :class:`TemperatureScaling`. Kull et al. penalise W
    towards 0 outside its diagonal, and its diagonal not at all.

    Parameters: ``C`` > 0, the weight of the data against the penalty; ``classes``, the label of each column in order,
    the classifier's ``classes_`` (None: the sorted labels in ``y``, which then must be as many as the columns);
    ``tol``, how far above its minimum the objective may stay, relative to it; ``max_iter``, the most iterations.

    What logits, labels and weights may be is told by :class:`TemperatureScaling`, but for -inf: a matrix mixes all
    classes, and what an impossible one adds to others is not said, so it is an error. What a fit takes beside the
    logits is a block of rows, of K at least, and some tens of (K, K).

    ``tol`` is certified: the objective curves at least as the penalty does, so at any point its minimum lies at most
    half the gradient's squared norm below it; ``gap_`` is how far below ``objective_`` it can lie by all points on the
    way. The solver is that of ``SoftmaxRegression``, for which the logits are features: L-BFGS, from the best
    temperature. It takes the more iterations the larger C is. The same input gives the same model, with any number of
    threads.

    Fitted: ``coef_`` (K, K), the matrix W; ``intercept_`` (K,), the offsets b, whose sum is 0; ``classes_`` (K,),
    ``n_iter_``, ``objective_`` (the value above), ``gap_``, ``n_features_in_`` (K) and, from a data frame,
    ``feature_names_in_``.

    Raises ``ValueError`` for a parameter out of range, NaN or infinity (row and column named), labels that cannot be
    assigned to the columns, soft labels that are no distributions, and shapes that do not fit. Warns with
    ``ConvergenceWarning`` where it stops short of ``tol``, and says how far the optimum can be.

    >>> logits = [[4.0, 0.0, 0.0], [6.0, 2.0, 0.0], [0.0, 4.0, 0.0], [2.0, 0.0, 6.0]]
    >>> model = MatrixScaling().fit(logits, ["a", "b", "b", "c"])
    >>> print(model.coef_.round(2))
    [[ 0.71 -0.08  0.37]
     [ 0.4   1.15 -0.55]
     [-0.1  -0.07  1.18]]

    Sources: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017; Kull et al., "Beyond
    temperature scaling", 2019; Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.
    """

    _mixes_classes = True

    def __init__(self, *, C: float = 1.0, classes: Any = None, tol: float = 1e-6, max_iter: int = 1000) -> None:
        self.C = C
        self.classes = classes
        self.tol = tol
        self.max_iter = max_iter

    def _minimum(self, rows: Rows, *, C: float, tol: float, max_iter: int) -> Solution:
        return minimise(rows, C=C, tol=tol, max_iter=max_iter)

    def _scaled(self, logits: NDArray[Any]) -> Floats:
        # the same bits for any number of threads
        return Features(Centred.of(logits).logits).logits(self.coef_, self.intercept_, np.empty(logits.shape))
