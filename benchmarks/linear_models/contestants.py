"""Who takes part, each as a function that fits a problem and returns how its objective fell."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


class EnoughError(Exception):
    """A fit has come as far, or taken as long, as anyone wants to know."""


@dataclass
class Curve:
    """Objectives at C = 1 by the seconds since the fit began; ``end`` is when it was over, NaN where it was cut off.

    It is cut off after ``limit`` seconds, or where the objective is no more than ``goal``.
    """

    limit: float
    goal: float = -math.inf
    began: float = field(default_factory=time.perf_counter)
    seconds: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    end: float = float("nan")

    def add(self, objective: float) -> None:
        """The fit has come to a point of this objective."""
        self.seconds.append(time.perf_counter() - self.began)
        self.objective.append(objective)
        if self.seconds[-1] > self.limit or objective <= self.goal:
            raise EnoughError

    def reaches(self, objective: float) -> float:
        """The first time at which the objective is no more than so much; infinite if never."""
        return next((s for s, o in zip(self.seconds, self.objective, strict=True) if o <= objective), float("inf"))


def crossentropy(X: Any, y: Labels) -> Curve:
    """The library at its defaults: it ends when a gap of a millionth is certified."""
    from crossentropy.linear_model import SoftmaxRegression
    from crossentropy.linear_model._estimator import fit_linear

    # two logits share the penalty that scikit-learn's one has
    share = 0.5 if y.max() == 1 else 1.0
    curve = Curve(math.inf)
    model = SoftmaxRegression(C=share)
    fit_linear(model, X, y, on_iteration=lambda record: curve.add(record.objective / share))
    curve.end = time.perf_counter() - curve.began
    curve.seconds.append(curve.end)
    curve.objective.append(model.objective_ / share)
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


def _scikit_learn(solver: str) -> Callable[[Any, Labels, float, float], Curve]:
    def fit(X: Any, y: Labels, limit: float, goal: float) -> Curve:
        from sklearn.linear_model import LogisticRegression

        curve = Curve(limit, goal)
        with _watched(curve, float(len(y))), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                LogisticRegression(solver=solver, tol=1e-12, max_iter=100_000).fit(X, y)
            except EnoughError:
                return curve
        curve.end = time.perf_counter() - curve.began
        return curve

    return fit


def _saga(X: Any, y: Labels, limit: float, goal: float) -> Curve:
    """scikit-learn's saga says nothing on its way: fits of 1, 2, 4 … passes, each a point of the curve."""
    from sklearn.linear_model import LogisticRegression

    curve, passes = Curve(limit, goal), 1
    while not curve.seconds or (3.0 * curve.seconds[-1] < limit and curve.objective[-1] > goal):
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(solver="saga", tol=1e-12, max_iter=passes).fit(X, y)
        curve.seconds.append(time.perf_counter() - began)
        curve.objective.append(objective(X, y, model.coef_, model.intercept_))
        passes *= 2
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


NEWTON_CHOLESKY = "scikit-learn newton-cholesky"

PEERS: dict[str, Callable[[Any, Labels, float, float], Curve]] = {
    "scikit-learn lbfgs": _scikit_learn("lbfgs"),
    "scikit-learn newton-cg": _scikit_learn("newton-cg"),
    NEWTON_CHOLESKY: _scikit_learn("newton-cholesky"),
    "scikit-learn saga": _saga,
    "PyTorch LBFGS": _torch,
}

#: Coefficients up to which newton-cholesky takes part: its matrix of all pairs of them takes 400 MB then.
MOST_COEFFICIENTS = 10_000


def peers(features: int, classes: int) -> dict[str, Callable[[Any, Labels, float, float], Curve]]:
    """Those who can fit a problem of this size."""
    return {
        name: fit for name, fit in PEERS.items() if name != NEWTON_CHOLESKY or features * classes <= MOST_COEFFICIENTS
    }
