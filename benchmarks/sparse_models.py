"""How long fits with an L1 penalty take to come within a millionth of the best objective, beside scikit-learn's.

The command line: ``python -m benchmarks.sparse_models``; it prints the table of docs/softmax-regression.md.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.preprocessing import StandardScaler

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression

Array = NDArray[Any]

#: How far above the minimum a fit may stay, relative to it.
TARGET = 1e-6


class Case(NamedTuple):
    """Rows and their classes, the weight of the data, and the features' share that a class's logit depends on."""

    name: str
    X: Any
    y: Array
    C: float
    fit_intercept: bool = True


def drawn(X: Any, classes: int, share: float, seed: int) -> Array:
    """Classes of rows, by a sparse linear model."""
    random = np.random.default_rng(seed)
    coef = random.normal(size=(X.shape[1], classes)) * (random.random((X.shape[1], classes)) < share)
    logits = X @ coef
    labels: Array = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    return labels


def cases() -> Iterator[Case]:
    """One after another."""
    random = np.random.default_rng(0)
    X, y = load_digits(return_X_y=True)
    yield Case("digits, 1797 × 64, 10 classes, C = 0.1", X, y, 0.1)
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    yield Case("breast cancer, 569 × 30, 2 classes, standardised, no intercept, C = 1", X, y, 1.0, fit_intercept=False)
    X = (random.normal(size=(20000, 256)) @ (np.eye(256) + random.normal(size=(256, 256)) / 50)).astype(np.float32)
    yield Case("synthetic, 20000 × 256, 20 classes, C = 0.01", X, drawn(X, 20, 0.1, 1), 0.01)
    X = random.normal(size=(500, 5000))
    yield Case("wide, 500 × 5000, 3 classes, C = 0.1", X, drawn(X, 3, 0.004, 2), 0.1)
    frequency = 1.0 / np.arange(1, 20001) ** 0.9
    words = np.concatenate([random.choice(20000, 60, p=frequency / frequency.sum()) for _ in range(4000)])
    counts = sparse.csr_matrix((np.ones(words.size), (np.repeat(np.arange(4000), 60), words)), (4000, 20000))
    counts.data = 1.0 + np.log(counts.data)
    yield Case("CSR as of texts, 4000 × 20000, 5 classes, C = 1", counts, drawn(counts, 5, 0.05, 3), 1.0)


def objective(case: Case, coef: Array, intercept: Array) -> float:
    """C·Σ CE + ‖W‖₁; one row of coefficients is the log-odds of the second of two classes."""
    logits = case.X @ coef.T + intercept
    if len(coef) == 1:
        logits = np.column_stack([np.zeros(len(case.y)), logits])
    losses = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(case.y)), case.y]
    return case.C * float(losses.sum()) + float(np.abs(coef).sum())


def ours(case: Case) -> tuple[float, float, Any]:
    """Seconds of a fit until its gap is proven, those until it was within the target of the end, and the model."""
    estimator = SoftmaxRegression if case.y.max() > 1 else LogisticRegression
    began = time.perf_counter()
    model = estimator(C=case.C, l1_ratio=1.0, tol=TARGET, fit_intercept=case.fit_intercept).fit(case.X, case.y)
    seconds = time.perf_counter() - began
    lowest = model.objective_ - model.gap_
    before = seconds - model.history_[-1].seconds
    near = next(record for record in model.history_ if record.objective <= (1.0 + TARGET) * lowest + model.gap_)
    return seconds, before + near.seconds, model


def peer(case: Case, make: Callable[[int], Peer], goal: float, limit: float) -> tuple[float, float]:
    """Seconds of the first fit of ever longer ones that comes to the goal, or of the last; and how far it came."""
    step, seconds, best = 0, 0.0, np.inf
    while seconds < limit and best > goal:
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = make(step).fit(case.X, case.y)
        seconds = time.perf_counter() - began
        best = objective(case, model.coef_, model.intercept_)
        step += 1
    return seconds, best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sparse_models", description=__doc__)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of a fit after which none longer is tried")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    options = parser.parse_args()
    print("| | passes | not 0 | s to 1e-6 | s, proven | peer | s to 1e-6 | × crossentropy's |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |")
    for case in cases():
        if options.case not in case.name:
            continue
        ours(case)  # once, for what is loaded and allotted then
        common = {"C": case.C, "l1_ratio": 1.0, "fit_intercept": case.fit_intercept}
        peers: dict[str, Callable[[int], Peer]] = {
            "saga": lambda step, common=common: Peer(  # type: ignore[misc]
                solver="saga", tol=1e-15, max_iter=4 * 2**step, random_state=0, **common
            )
        }
        if not case.fit_intercept:
            peers["liblinear"] = lambda step, common=common: Peer(  # type: ignore[misc]
                solver="liblinear", tol=10.0**-step, max_iter=10**6, random_state=0, **common
            )
        for name, make in peers.items():
            first, near, model = ours(case)
            goal = (1.0 + TARGET) * model.objective_
            seconds, best = peer(case, make, goal, options.limit)
            again, near_again, _ = ours(case)
            near = (near + near_again) / 2.0
            more = "" if best <= goal else "more than "
            came = "" if best <= goal else f", within {best / model.objective_ - 1.0:.0e}"
            print(
                f"| {case.name} | {model.history_[-1].passes:.0f} | {np.count_nonzero(model.coef_)} of"
                f" {model.coef_.size} | {near:.3g} | {(first + again) / 2.0:.3g} | {name}"
                f" | {more}{seconds:.3g}{came} | {more}{seconds / near:.3g} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
