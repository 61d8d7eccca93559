"""Matrix scaling as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crossentropy._linear import Features, gram
from crossentropy.calibration._estimator import RegularisedScaling
from crossentropy.calibration._rows import Floats


def _product(a: Floats, b: Floats, intercept: Floats | None = None, *, single: bool = False) -> Floats:
    """a·bᵀ + intercept, with the same bits for any number of threads."""
    return Features(a).logits(b, intercept, np.empty((len(a), len(b))), single=single)


class _Matrix:
    """W z + b; a point is (K, K + 1): W, b."""

    def identity(self, classes: int, scale: float) -> Floats:
        # of W less the identity each row adds up to 0, since z does
        matrix = np.eye(classes) + (scale - 1.0) * (np.eye(classes) - 1.0 / classes)
        return np.column_stack([matrix, np.zeros(classes)])

    def logits(self, parameters: Floats, z: Floats, *, single: bool = False) -> Floats:
        return _product(z, parameters[:, :-1], parameters[:, -1], single=single)

    def transposed(self, slopes: Floats, z: Floats, *, single: bool = False) -> Floats:
        return np.column_stack([_product(np.ascontiguousarray(slopes.T), z.T, single=single), slopes.sum(axis=0)])

    def curvature(self, spread: Floats, z: Floats) -> tuple[Floats, ...]:
        """That of each class, and the logits' products that all share."""
        return spread.sum(axis=0), gram(Features(z), spread.sum(axis=1), intercept=True)

    def inverse(self, curvature: tuple[Floats, ...], C: float) -> Callable[[Floats], Floats]:
        """Of C·(a class's share of the curvature)·(the shared products) + 1, in the products' eigenvectors."""
        of_class, products = curvature
        values, vectors = np.linalg.eigh(products)
        share = of_class / max(of_class.sum(), np.finfo(np.float64).tiny)
        scale = 1.0 / (C * np.outer(share, np.maximum(values, 0.0)) + 1.0)

        def solve(gradient: Floats) -> Floats:
            solved = _product(_product(gradient, vectors.T) * scale, vectors)
            # what all classes have in common changes no probability, nor what all centred logits are multiplied by
            solved -= solved.mean(axis=0)
            solved[:, :-1] -= solved[:, :-1].mean(axis=1, keepdims=True)
            return solved

        return solve


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
    logits is a block of rows and some (K, K).

    ``tol`` is certified: the objective curves at least as the penalty does, so its minimum lies at most ``gap_`` = half
    the gradient's squared norm below ``objective_``. The solver is Newton's method from the best temperature; the
    Hessian is not made, conjugate gradients read the rows once for each of its products. The same input gives the same
    model, with any number of threads.

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
    temperature scaling", 2019.
    """

    _linear = _Matrix()
    _mixes_classes = True

    def __init__(self, *, C: float = 1.0, classes: Any = None, tol: float = 1e-6, max_iter: int = 1000) -> None:
        self.C = C
        self.classes = classes
        self.tol = tol
        self.max_iter = max_iter
