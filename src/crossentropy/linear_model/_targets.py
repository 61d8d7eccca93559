"""What each row of a fit should be predicted as, and what it weighs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from crossentropy._problems import ElementProblem, IndexTargets, Reducing, RowProblem, SoftTargets
from crossentropy._validation import as_floats, as_number, check_shape, sentence
from crossentropy.linear_model._labels import class_codes
from crossentropy.linear_model._survey import Found, are_probabilities, is_soft, probabilities, soft_labels

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

    ``values`` (N, M) are the targets, which ``problem`` has with their weights. ``row_weight`` (N,) is the rows' own,
    ``masses`` (M,) is Σᵢ sᵢ p_m tᵢm of what is positive with its weight p.
    """

    problem: ElementProblem
    values: Array
    row_weight: Floats
    masses: Floats


class LabelsToTargets(NamedTuple):
    """How labels (N,) among classes (K,), or soft labels (N, K), become targets; ``masses`` are those of all rows."""

    classes: NDArray[Any]
    is_soft: bool
    class_weight: Floats
    label_smoothing: float
    masses: Floats

    def of(self, y: NDArray[Any], weight: Floats) -> Targets:
        """The targets of some rows that weigh so much."""
        given = known_targets(y, self.classes) if self.is_soft else IndexTargets(_positions(y, self.classes))
        of_class, uniform = self.class_weight, self.label_smoothing / len(self.classes)
        problem = row_problem(given, len(y), len(self.classes))._replace(
            sample_weight=weight,
            class_weight=None if (of_class == 1.0).all() else of_class,
            label_smoothing=self.label_smoothing,
        )
        of_row = of_class[given.labels] if isinstance(given, IndexTargets) else given.values @ of_class
        row_weight = weight * ((1.0 - self.label_smoothing) * of_row + uniform * of_class.sum())
        return Targets(problem, row_weight, self.masses)


class LabelsToElements(NamedTuple):
    """How labels (N,) of two classes, or probabilities (N,) or (N, M), become targets (N, M)."""

    classes: NDArray[Any]
    is_soft: bool
    pos_weight: Floats
    masses: Floats

    def of(self, y: NDArray[Any], weight: Floats) -> ElementTargets:
        """The targets of some rows that weigh so much."""
        targets: Array
        if self.is_soft:
            targets, outputs = probabilities(y), len(self.pos_weight)
            check_shape("y", targets.shape, (len(y), outputs), "probabilities: one column per output")
        else:
            targets = _positions(y, self.classes).astype(np.uint8)[:, None]
        return ElementTargets(self._weighted(targets, weight), targets, weight, self.masses)

    def _weighted(self, targets: Array, weight: Floats) -> ElementProblem:
        """Weights of rows and columns in as few places as they need: the fewer, the faster the loss."""
        problem = element_problem(targets)
        if (weight == 1.0).all() and (self.pos_weight == 1.0).all():
            return problem
        if len(self.pos_weight) > 1:
            return problem._replace(sample_weight=weight, pos_weight=self.pos_weight)
        # one weight for each element: what is positive shifts the target where it weighs otherwise
        positive = self.pos_weight * targets
        of_element = positive + (1.0 - targets)
        if self.is_soft:
            problem = element_problem(positive / of_element)
        of_element *= weight[:, None]
        return problem._replace(sample_weight=of_element)


def labels_to_targets(found: Found, *, class_weight: Any, label_smoothing: float) -> LabelsToTargets:
    """For classes or distributions. Each class must be left with weight: without any, no finite intercept is best."""
    classes, mass = found.classes, found.masses
    # smoothing gives every class some of each row
    if not ((mass > 0.0).all() or (label_smoothing > 0.0 and mass.any())):
        label = classes.tolist()[int(np.argmin(mass > 0.0))]
        raise _without_weight("y" if found.is_soft and mass.any() else "sample_weight", label)
    of_class = class_weights(class_weight, classes, mass)
    uniform = label_smoothing / len(classes)
    masses = of_class * ((1.0 - label_smoothing) * mass + uniform * found.total)
    return LabelsToTargets(classes, found.is_soft, of_class, label_smoothing, masses)


def labels_to_elements(found: Found, *, pos_weight: Any, fit_intercept: bool) -> LabelsToElements:
    """For outcomes that do not exclude each other.

    With an intercept both outcomes of every output must be left with some weight: else no finite one is best.
    """
    if len(found.classes) > 2 and not found.is_soft:
        raise ValueError(
            sentence(
                "y",
                expected="two classes, or one column of 0 and 1 for each of several labels",
                received=f"{len(found.classes)} classes",
                # scikit-learn's checks ask for the words in brackets
                remedy="use SoftmaxRegression for these (Only binary classification is supported.)",
            )
        )
    mass = found.masses if found.is_soft else found.masses[1:]
    outputs = len(mass)
    positive = positive_weights(pos_weight, outputs)
    missing = (mass <= 0.0) | (mass >= found.total)
    if missing.any() and (fit_intercept or not mass.any()):
        output = int(np.argmax(missing))
        if outputs == 1:
            raise _without_weight("sample_weight", found.classes.tolist()[int(mass[0] <= 0.0)])
        raise ValueError(
            sentence(
                f"y, column {output} (counted from 0)",
                expected="a positive total weight of positive and of negative rows",
                received=f"zero of {'positive' if mass[output] <= 0.0 else 'negative'} ones",
                remedy="remove that column, or pass fit_intercept=False",
            )
        )
    return LabelsToElements(found.classes, found.is_soft, positive, positive * mass)


def _without_weight(argument: str, label: Any) -> ValueError:
    return ValueError(
        sentence(
            argument,
            expected="a positive total weight in each class",
            received=f"zero for class {label!r}",
            remedy="remove its column" if argument == "y" else "weigh its rows above 0, or remove them",
        )
    )


def known_targets(y: NDArray[Any], classes: NDArray[Any]) -> IndexTargets | SoftTargets:
    """Labels (N,) among the classes, or soft labels (N, K); ``ValueError`` names the first row of an unknown label."""
    if not is_soft(y):
        return IndexTargets(class_codes("y", column_or_1d(y).tolist(), classes.tolist()))
    soft = soft_labels(y)
    check_shape("y", soft.shape, (len(soft), len(classes)), "soft labels: one column per class")
    return SoftTargets(soft)


def known_elements(y: NDArray[Any], classes: NDArray[Any], outputs: int) -> Array:
    """Targets (N, M): labels (N,) among two classes, or probabilities; ``ValueError`` names an unknown label's row."""
    if is_soft(y) or are_probabilities(y):
        soft = probabilities(y)
        check_shape("y", soft.shape, (len(soft), outputs), "probabilities: one column per output")
        return soft
    if outputs > 1:
        check_shape("y", np.shape(y), (len(y), outputs), "probabilities: one column per output")
    return class_codes("y", column_or_1d(y).tolist(), classes.tolist())[:, None]


def _positions(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """The position of each label (N,) among sorted classes; ``ValueError`` names the first row of another label."""
    y = column_or_1d(y)
    places = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    if (classes[places] != y).any():
        class_codes("y", y.tolist(), classes.tolist())
    return places.astype(np.int64, copy=False)


def element_problem(targets: Array) -> ElementProblem:
    """The sum of the cross-entropies of logits (N, M), which need no memory."""
    logits = np.broadcast_to(np.zeros(1, np.float32), targets.shape)
    return ElementProblem("sigmoid_cross_entropy", ("logits", "y"), logits, targets, Reducing("sum"))


def row_problem(targets: IndexTargets | SoftTargets, rows: int, classes: int) -> RowProblem:
    """The sum of the cross-entropies of so many rows of logits, which need no memory."""
    logits = np.broadcast_to(np.zeros(1, np.float32), (rows, classes))
    return RowProblem("softmax_cross_entropy", ("logits", "y"), logits, 1, targets, Reducing("sum"))


def positive_weights(pos_weight: Any, outputs: int) -> Floats:
    """Float64 weights (M,) of what is positive, finite and above 0; 1 where none are given."""
    if pos_weight is None:
        return np.ones(outputs)
    weights = as_floats("pos_weight", pos_weight).astype(np.float64)
    if weights.ndim:
        check_shape("pos_weight", weights.shape, (outputs,), "one weight per output, or a single number")
    for weight in weights.flat:
        as_number("pos_weight", float(weight), above=0.0)
    return np.array(np.broadcast_to(weights, outputs))


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


def some_sample_weights(sample_weight: Any, rows: int) -> Floats:
    """The same, not all of them 0: of nothing there is no mean."""
    weights = sample_weights(sample_weight, rows)
    if not weights.any():
        raise ValueError(
            sentence(
                "sample_weight",
                expected="a positive weight of at least one row",
                received="zero for all of them",
                remedy="weigh the rows that count above 0",
            )
        )
    return weights


def class_weights(class_weight: Any, classes: NDArray[Any], masses: Floats) -> Floats:
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
