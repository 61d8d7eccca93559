"""What each row of a fit should be predicted as, and what it weighs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from crossentropy._conventions import sum_tolerance
from crossentropy._problems import ElementProblem, IndexTargets, Reducing, RowProblem, SoftTargets
from crossentropy._validation import as_floats, as_number, check_shape, sentence
from crossentropy.linear_model._labels import class_codes

Array = NDArray[Any]
Floats = NDArray[np.float64]


class Targets(NamedTuple):
    """Classes or distributions of N rows over K classes, with weights as in the loss: sᵢ·Σ_c w_c t_c (−log p_c).

    ``row_weight`` (N,) is sᵢ·Σ_c w_c tᵢc and ``masses`` (K,) is Σᵢ sᵢ w_c tᵢc, both of targets after smoothing.
    """

    problem: RowProblem
    row_weight: Floats
    masses: Floats


class ElementTargets(NamedTuple):
    """Targets in [0, 1] of N rows and M outputs, with weights as in the loss.

    ``row_weight`` (N,) is the rows' own, ``masses`` (M,) is Σᵢ sᵢ p_m tᵢm of what is positive with its weight p.
    """

    problem: ElementProblem
    row_weight: Floats
    masses: Floats


def training_targets(
    y: NDArray[Any], *, sample_weight: Any, class_weight: Any, label_smoothing: float
) -> tuple[NDArray[Any], Targets]:
    """The classes (K,), and the targets of labels (N,) or soft labels (N, K).

    Every class must be left with some weight: without any, no finite intercept is best for it.
    """
    classes, given = _classes(y)
    weight = sample_weights(sample_weight, len(y))
    mass: Floats
    if isinstance(given, IndexTargets):
        mass = np.bincount(given.labels, weight, minlength=len(classes)).astype(np.float64)
    else:
        mass = weight @ given.values
    # smoothing gives every class some of each row
    if not ((mass > 0.0).all() or (label_smoothing > 0.0 and mass.any())):
        argument = "sample_weight" if isinstance(given, IndexTargets) else "y"
        raise _weightless(argument, classes.tolist()[int(np.argmin(mass > 0.0))])
    of_class = _class_weights(class_weight, classes, mass)
    problem = row_problem(given, len(y), len(classes))._replace(
        sample_weight=weight,
        class_weight=None if (of_class == 1.0).all() else of_class,
        label_smoothing=label_smoothing,
    )
    kept, uniform = 1.0 - label_smoothing, label_smoothing / len(classes)
    of_row = of_class[given.labels] if isinstance(given, IndexTargets) else given.values @ of_class
    return classes, Targets(
        problem,
        weight * (kept * of_row + uniform * of_class.sum()),
        of_class * (kept * mass + uniform * weight.sum()),
    )


def training_elements(
    y: NDArray[Any], *, sample_weight: Any, pos_weight: Any, fit_intercept: bool
) -> tuple[NDArray[Any], ElementTargets]:
    """The classes, and the targets (N, M) of labels (N,) of two classes or of probabilities (N,) or (N, M).

    With an intercept both outcomes of every output must be left with some weight: else no finite one is best.
    """
    classes, targets = _elements(y)
    rows, outputs = targets.shape
    positive = positive_weights(pos_weight, outputs)
    weight = sample_weights(sample_weight, rows)
    mass = weight @ targets
    missing = (mass <= 0.0) | (mass >= weight.sum())
    if outputs == 1 and missing.any() and (fit_intercept or not weight.any()):
        raise _weightless("sample_weight", classes.tolist()[int(mass[0] <= 0.0)])
    if missing.any() and (fit_intercept or not weight.any()):
        output = int(np.argmax(missing))
        raise ValueError(
            sentence(
                f"y, column {output} (counted from 0)",
                expected="a positive total weight of positive and of negative rows",
                received=f"none of {'positive' if mass[output] <= 0.0 else 'negative'} ones",
                remedy="remove that column, or pass fit_intercept=False",
            )
        )
    problem = element_problem(targets)._replace(sample_weight=weight, pos_weight=positive)
    return classes, ElementTargets(problem, weight, positive * mass)


def _weightless(argument: str, label: Any) -> ValueError:
    return ValueError(
        sentence(
            argument,
            expected="a positive total weight in each class",
            received=f"zero for class {label!r}",
            remedy="weigh its rows above 0, or remove them",
        )
    )


def known_targets(y: NDArray[Any], classes: NDArray[Any]) -> IndexTargets | SoftTargets:
    """Labels (N,) among the classes, or soft labels (N, K); ``ValueError`` names the first row of an unknown label."""
    if not is_soft(y):
        return IndexTargets(class_codes("y", column_or_1d(y).tolist(), classes.tolist()))
    soft = _soft(y)
    check_shape("y", soft.shape, (len(soft), len(classes)), "soft labels: one column per class")
    return SoftTargets(soft)


def known_elements(y: NDArray[Any], classes: NDArray[Any], outputs: int) -> Array:
    """Targets (N, M): labels (N,) among two classes, or probabilities; ``ValueError`` names an unknown label's row."""
    if is_soft(y) or _are_probabilities(y):
        soft = _probabilities(y)
        check_shape("y", soft.shape, (len(soft), outputs), "probabilities: one column per output")
        return soft
    if outputs > 1:
        check_shape("y", np.shape(y), (len(y), outputs), "probabilities: one column per output")
    return class_codes("y", column_or_1d(y).tolist(), classes.tolist())[:, None]


def element_problem(targets: Array) -> ElementProblem:
    """The sum of the cross-entropies of logits (N, M), which need no memory."""
    logits = np.broadcast_to(np.zeros(1, np.float32), targets.shape)
    return ElementProblem("sigmoid_cross_entropy", ("logits", "y"), logits, targets, Reducing("sum"))


def row_problem(targets: IndexTargets | SoftTargets, rows: int, classes: int) -> RowProblem:
    """The sum of the cross-entropies of so many rows of logits, which need no memory."""
    logits = np.broadcast_to(np.zeros(1, np.float32), (rows, classes))
    return RowProblem("softmax_cross_entropy", ("logits", "y"), logits, 1, targets, Reducing("sum"))


def is_soft(y: Any) -> bool:
    """Whether targets are distributions: two dimensions, with more than one column."""
    return np.ndim(y) == 2 and np.shape(y)[1] > 1


def _classes(y: NDArray[Any]) -> tuple[NDArray[Any], IndexTargets | SoftTargets]:
    if is_soft(y):
        return np.arange(y.shape[1]), SoftTargets(_soft(y))
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) == 1:
        raise ValueError(
            sentence(
                "y",
                expected="at least two classes",
                received=f"one class, {classes.tolist()[0]!r}",
                remedy="add rows of another class",
            )
        )
    return classes, IndexTargets(codes.astype(np.int64))


def _elements(y: NDArray[Any]) -> tuple[NDArray[Any], Array]:
    if is_soft(y):
        return np.arange(y.shape[1]), _probabilities(y)
    y = column_or_1d(y, warn=True)
    if _are_probabilities(y):
        return np.arange(2), _probabilities(y)
    classes, given = _classes(y)
    if len(classes) > 2:
        raise ValueError(
            sentence(
                "y",
                expected="two classes, or one column of 0 and 1 for each of several labels",
                received=f"{len(classes)} classes",
                remedy="use SoftmaxRegression where each row has exactly one of them",
            )
        )
    return classes, given.labels.astype(np.uint8)[:, None]  # type: ignore[union-attr]


def _are_probabilities(y: NDArray[Any]) -> bool:
    """Whether floats (N,) lie in [0, 1] and not all at its ends: no labels do."""
    return y.dtype.kind == "f" and bool(((y >= 0.0) & (y <= 1.0)).all() and (y != np.trunc(y)).any())


def _probabilities(y: Any) -> Floats:
    soft = np.ascontiguousarray(as_floats("y", np.asarray(y) * 1.0), np.float64)
    soft = soft.reshape(len(soft), -1)
    wrong = ~((soft >= 0.0) & (soft <= 1.0))
    if wrong.any():
        row, column = divmod(int(np.argmax(wrong)), soft.shape[1])
        raise ValueError(
            sentence(
                f"y, row {row}, column {column} (counted from 0)",
                expected="0, 1 or a probability between them",
                received=f"{soft[row, column]:g}",
                remedy="correct it, or use SoftmaxRegression for classes that exclude each other",
            )
        )
    return soft


def positive_weights(pos_weight: Any, outputs: int) -> Floats:
    """Float64 weights (M,) of what is positive, finite and above 0; 1 where none are given."""
    if pos_weight is None:
        return np.ones(outputs)
    weights = as_floats("pos_weight", np.asarray(pos_weight) * 1.0).astype(np.float64)
    if weights.ndim:
        check_shape("pos_weight", weights.shape, (outputs,), "one weight per output, or a single number")
    for weight in weights.flat:
        as_number("pos_weight", float(weight), above=0.0)
    return np.array(np.broadcast_to(weights, outputs))


def _soft(y: NDArray[Any]) -> Floats:
    given = as_floats("y", np.asarray(y) * 1.0)
    soft: Floats = np.ascontiguousarray(given, np.float64)
    wrong = ~((soft >= 0.0).all(axis=1) & (np.abs(soft.sum(axis=1) - 1.0) <= sum_tolerance(given.dtype)))
    if wrong.any():
        row = int(np.argmax(wrong))
        negative = not (soft[row] >= 0.0).all()
        raise ValueError(
            sentence(
                f"y, row {row} (counted from 0)",
                expected="probabilities of at least 0 that sum to 1",
                received=f"one of {np.nanmin(soft[row]):g}" if negative else f"a sum of {soft[row].sum():g}",
                remedy="correct it" if negative else "divide it by its sum",
            )
        )
    return soft


def sample_weights(sample_weight: Any, rows: int) -> Floats:
    """Float64 weights (N,), finite and at least 0; 1 where none are given."""
    if sample_weight is None:
        return np.ones(rows)
    weights = as_floats("sample_weight", sample_weight).astype(np.float64)
    check_shape("sample_weight", weights.shape, (rows,), "one weight per row of X")
    wrong = ~(np.isfinite(weights) & (weights >= 0.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            sentence(
                f"sample_weight, row {row} (counted from 0)",
                expected="a finite weight of at least 0",
                received=f"{weights[row]:g}",
                remedy="correct it, or pass 0 to leave the row out",
            )
        )
    return weights


def _class_weights(class_weight: Any, classes: NDArray[Any], masses: Floats) -> Floats:
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        balanced: Floats = masses.sum() / (len(classes) * masses)
        return balanced
    labels = classes.tolist()
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            sentence(
                "class_weight",
                expected="None, 'balanced' or a dict of weights by class",
                received=repr(class_weight),
                remedy="pass one of these",
            )
        )
    for label in class_weight:
        if label not in labels:
            raise ValueError(
                sentence(
                    "class_weight",
                    expected="classes that occur in y",
                    received=repr(label),
                    remedy="remove it, or correct its spelling and type",
                )
            )
    return np.array([as_number(f"class_weight[{k!r}]", class_weight.get(k, 1.0), above=0.0) for k in labels])
