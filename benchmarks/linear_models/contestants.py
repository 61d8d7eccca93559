"""Who takes part, each as a function that fits a problem and returns how its objective fell."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.linear_models.curves import Curve, EnoughError

Labels = NDArray[np.int64]

#: How many times as long as the last a fit of twice the passes may take: beyond the limit none is begun.
_NEXT = 3.0

#: A fit of features and labels, for so many seconds at most, or until the objective is no more than a goal.
Fit = Callable[[Any, Labels, float, float], Curve]


def crossentropy(X: Any, y: Labels) -> Curve:
    """The library at its defaults: it ends when a gap of a millionth is certified."""
    from crossentropy.linear_model import LogisticRegression, SoftmaxRegression
    from crossentropy.linear_model._estimator import fit_linear

    curve = Curve(math.inf)
    model = LogisticRegression() if y.max() == 1 else SoftmaxRegression()
    fit_linear(model, X, y, on_iteration=lambda record: curve.add(record.objective))
    curve.end = time.perf_counter() - curve.began
    curve.seconds.append(curve.end)
    curve.objective.append(model.objective_)
    return curve


@contextmanager
def _watched(curve: Curve, weight: float) -> Iterator[None]:
    """scikit-learn's objective, which is divided by the weight of the rows, written down wherever it is computed."""
    from sklearn.linear_model._linear_loss import LinearModelLoss

    names = ("loss", "loss_gradient")
    plain = {name: getattr(LinearModelLoss, name) for name in names}

    def watch(name: str) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **options: Any) -> Any:
            found = plain[name](self, *arguments, **options)
            curve.add(weight * float(found[0] if isinstance(found, tuple) else found))
            return found

        return call

    try:
        for name in names:
            setattr(LinearModelLoss, name, watch(name))
        yield
    finally:
        for name in names:
            setattr(LinearModelLoss, name, plain[name])


def scikit_learn(solver: str, C: float = 1.0) -> Fit:
    """Its multinomial logistic regression; the objective is that of the library at this C, divided by C."""

    def fit(X: Any, y: Labels, limit: float, goal: float) -> Curve:
        from sklearn.linear_model import LogisticRegression

        curve = Curve(limit, goal)
        with _watched(curve, float(len(y))):
            _run(curve, LogisticRegression(C=C, solver=solver, tol=1e-12, max_iter=100_000), X, y)
        return curve

    return fit


def _run(curve: Curve, model: Any, X: Any, y: Labels) -> None:
    """Fit what is watched, to its own end or the curve's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(X, y)
        except EnoughError:
            return
    curve.end = time.perf_counter() - curve.began


def _by_passes(solver: str) -> Fit:
    """scikit-learn's solvers that say nothing on their way: fits of 1, 2, 4 … passes, each a point of the curve."""

    def fit(X: Any, y: Labels, limit: float, goal: float) -> Curve:
        from sklearn.linear_model import LogisticRegression

        curve, passes = Curve(limit, goal), 1
        while not curve.seconds or (_NEXT * curve.seconds[-1] < limit and curve.objective[-1] > goal):
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = LogisticRegression(solver=solver, tol=1e-12, max_iter=passes).fit(X, y)
            curve.seconds.append(time.perf_counter() - began)
            curve.objective.append(objective(X, y, model.coef_, model.intercept_))
            if model.n_iter_.max() < passes:  # it ended by itself
                curve.end = curve.seconds[-1]
                break
            passes *= 2
        return curve

    return fit


def _intel(X: Any, y: Labels, limit: float, goal: float) -> Curve:
    """Intel's extension of scikit-learn, whose lbfgs is watched where it computes the objective."""
    from daal4py.sklearn.linear_model import logistic_path
    from sklearnex.linear_model import LogisticRegression

    curve, plain = Curve(limit, goal), logistic_path._daal4py_loss_and_grad

    def call(*arguments: Any) -> Any:
        found = plain(*arguments)
        curve.add(float(found[0]))
        return found

    try:
        logistic_path._daal4py_loss_and_grad = call
        _run(curve, LogisticRegression(tol=1e-12, max_iter=100_000), X, y)
    finally:
        logistic_path._daal4py_loss_and_grad = plain
    return curve


def _torch(X: Any, y: Labels, limit: float, goal: float) -> Curve:
    """PyTorch's LBFGS with its line search, on the mean loss in the features' dtype."""
    import torch

    features, labels = torch.from_numpy(X), torch.from_numpy(y)
    classes = int(y.max()) + 1
    weight = torch.zeros(classes, X.shape[1], dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(classes, dtype=features.dtype, requires_grad=True)
    curve = Curve(limit, goal)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=100_000, tolerance_grad=1e-12, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )

    def closure() -> Any:
        solver.zero_grad()
        loss = torch.nn.functional.cross_entropy(torch.nn.functional.linear(features, weight, bias), labels)
        # two logits share the penalty that scikit-learn's one has
        penalty = (1.0 if classes == 2 else 0.5) * weight.square().sum() / len(y)
        mean = loss + penalty
        mean.backward()
        curve.add(float(len(y)) * mean.item())
        return mean

    try:
        solver.step(closure)
    except EnoughError:
        return curve
    curve.end = time.perf_counter() - curve.began
    return curve


def objective(X: Any, y: Labels, coef: NDArray[Any], intercept: NDArray[Any]) -> float:
    """Σ CE + ½‖W‖² in float64, a block of rows at a time; one row of ``coef`` is that of the second of two classes."""
    from crossentropy import softmax_cross_entropy

    W, b = coef.astype(np.float64), intercept.astype(np.float64)
    if len(W) == 1:
        W, b = np.vstack([np.zeros_like(W), W]), np.append(0.0, b)
    total = 0.0
    for first in range(0, len(y), 4096):
        block = slice(first, first + 4096)
        logits = X[block].astype(np.float64) @ W.T + b
        total += float(softmax_cross_entropy(logits, y[block], reduction="sum"))
    return total + 0.5 * float(np.sum(W**2))


LBFGS, NEWTON_CHOLESKY = "scikit-learn lbfgs", "scikit-learn newton-cholesky"
LIBLINEAR, SAGA = "scikit-learn liblinear", "scikit-learn saga"
INTEL, TORCH = "Intel's scikit-learn lbfgs", "PyTorch LBFGS"

PEERS: dict[str, Fit] = {
    LBFGS: scikit_learn("lbfgs"),
    "scikit-learn newton-cg": scikit_learn("newton-cg"),
    NEWTON_CHOLESKY: scikit_learn("newton-cholesky"),
    LIBLINEAR: _by_passes("liblinear"),
    SAGA: _by_passes("saga"),
    INTEL: _intel,
    TORCH: _torch,
}

#: What a peer of which the last fit alone counts may take at least, beside what that fit shall take.
ALLOWANCES = {LIBLINEAR: _NEXT, SAGA: _NEXT}

#: Coefficients up to which newton-cholesky takes part: its matrix of all pairs of them takes 400 MB then.
MOST_COEFFICIENTS = 10_000


def peers(X: Any, y: Labels) -> dict[str, Fit]:
    """Those who can fit this problem: Intel's only where its package is installed, liblinear only two classes."""
    classes, is_dense = int(y.max()) + 1, isinstance(X, np.ndarray)
    can = {
        NEWTON_CHOLESKY: X.shape[1] * classes <= MOST_COEFFICIENTS,
        LIBLINEAR: classes == 2,
        INTEL: is_dense and find_spec("sklearnex") is not None,
        TORCH: is_dense,
    }
    return {name: fit for name, fit in PEERS.items() if can.get(name, True)}
