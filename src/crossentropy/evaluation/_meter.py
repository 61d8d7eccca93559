"""A streaming meter of what predictions cost: fed block by block, merged with others, read as a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import crossentropy as ce
from crossentropy._validation import as_floats, check_shape, sentence
from crossentropy.evaluation._exact_sums import ExactSums, square_root
from crossentropy.evaluation._predictions import (
    Floats,
    Indices,
    class_indices,
    given_one,
    probabilities_and_losses,
    row_weights,
)
from crossentropy.evaluation._report import ClassLoss, LossReport, ReliabilityBin

RELIABILITY_BINS = 15

_UPPER_EDGES = np.arange(1, RELIABILITY_BINS + 1) / RELIABILITY_BINS


class LossMeter:
    """Collect what the predictions of a K-class classifier cost, block by block, in memory of order K².

    Sums are exact, so that the same rows give the same report bit for bit, whatever the blocks and however meters were
    merged; only the place of the first row of probability 0 follows their order.

    ``classes`` are the labels of the K classes, in the order of the predictions' columns.

    >>> meter = LossMeter(["cat", "dog"])
    >>> meter.update(targets=[0, 1], probabilities=[[0.5, 0.5], [0.75, 0.25]])
    >>> meter.update(targets=[1], probabilities=[[0.0, 1.0]])
    >>> report = meter.report()
    >>> report.rows, round(report.cross_entropy, 6), report.confusion
    (3, 0.693147, ((1, 0), (1, 1)))
    """

    def __init__(self, classes: Sequence[Any]) -> None:
        labels = tuple(str(label) for label in classes)
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(
                sentence(
                    "classes",
                    expected="one label or more, all different as text",
                    received=", ".join(repr(label) for label in labels) or "none",
                    remedy="name each class once",
                )
            )
        self.classes = labels
        k, bins = len(labels), RELIABILITY_BINS
        self._confusion = np.zeros((k, k), dtype=np.int64)
        self._zeros = np.zeros(k, dtype=np.int64)  # rows whose truth had probability 0, by class
        self._bin_rows = np.zeros(bins, dtype=np.int64)
        self._rows_seen = 0  # with those of weight 0, for the place of the first row of probability 0
        self._first_zero: int | None = None
        # Of every row: by class, and by bin.
        self._weight, self._brier = ExactSums(k), ExactSums(1)
        self._bin_weight, self._bin_confidence, self._bin_hits = ExactSums(bins), ExactSums(bins), ExactSums(bins)
        # Of the rows of finite loss only: s and s·ℓ by class, and the sums of (s·ℓ)², s·(s·ℓ), s².
        self._finite_weight, self._loss, self._squares = ExactSums(k), ExactSums(k), ExactSums(3)

    def update(
        self,
        *,
        targets: Any,
        probabilities: Any = None,
        log_probabilities: Any = None,
        logits: Any = None,
        sample_weight: Any = None,
    ) -> None:
        """Count in one block of rows: predictions (N, K) in one of three forms, and class indices (N,).

        ``sample_weight`` (N,) weighs the rows; one of weight 0 is left out. Should the block be refused, the meter is
        as it was.

        Raises ``TypeError`` unless exactly one form is given, ``ValueError`` for wrong shapes, rows that are no
        distribution (promise 3) or whose softmax does not exist, ``IndexError`` for a class index outside [0, K). The
        rows in messages are those of the block.
        """
        form, values = given_one(probabilities=probabilities, log_probabilities=log_probabilities, logits=logits)
        array = as_floats(form, values)
        rows = len(array) if array.ndim else 0
        check_shape(form, array.shape, (rows, len(self.classes)), "one row per target, one column per class")
        truth = class_indices(targets, rows, len(self.classes))
        weights = row_weights(sample_weight, rows)
        p, losses = probabilities_and_losses(form, array, truth)

        infinite = np.isposinf(losses)
        with np.errstate(over="ignore"):
            weighted = np.where(infinite, 0.0, losses) * weights
        if not np.isfinite(weighted).all():
            raise ValueError(
                sentence(
                    "sample_weight",
                    expected="weights whose products with the losses are finite numbers",
                    received=f"an overflow at row {int(np.argmin(np.isfinite(weighted)))}",
                    remedy="scale the weights down",
                )
            )
        kept = np.flatnonzero(weights > 0.0)
        first_row, self._rows_seen = self._rows_seen, self._rows_seen + rows
        truth, weights, p, weighted, infinite = truth[kept], weights[kept], p[kept], weighted[kept], infinite[kept]
        if infinite.any() and self._first_zero is None:
            self._first_zero = first_row + int(kept[np.argmax(infinite)])
        np.add.at(self._zeros, truth[infinite], 1)
        self._add_costs(truth[~infinite], weights[~infinite], weighted[~infinite])
        self._add_decisions(truth, weights, p)

    def _add_costs(self, truth: Indices, weights: Floats, weighted: Floats) -> None:
        self._finite_weight.add(truth, weights)
        self._loss.add(truth, weighted)
        for place, (left, right) in enumerate(((weighted, weighted), (weights, weighted), (weights, weights))):
            self._squares.add(np.full(len(truth), place), left, right)

    def _add_decisions(self, truth: Indices, weights: Floats, p: Floats) -> None:
        decision = p.argmax(axis=1)
        confidence = p.max(axis=1)
        bins = np.searchsorted(_UPPER_EDGES[:-1], confidence)
        np.add.at(self._confusion, (truth, decision), 1)
        np.add.at(self._bin_rows, bins, 1)
        self._weight.add(truth, weights)
        self._bin_weight.add(bins, weights)
        self._bin_confidence.add(bins, confidence, weights)
        self._bin_hits.add(bins, weights * (decision == truth))
        errors = p.copy()
        errors[np.arange(len(p)), truth] -= 1.0
        self._brier.add(np.zeros(len(p), dtype=np.intp), np.einsum("nk,nk->n", errors, errors), weights)

    def merge(self, other: LossMeter) -> LossMeter:
        """A new meter of the rows of both, those of ``self`` first; neither is changed."""
        if self.classes != other.classes:
            raise ValueError(
                sentence(
                    "other",
                    expected=f"a meter of the classes {', '.join(self.classes)}",
                    received=f"one of {', '.join(other.classes)}",
                    remedy="merge meters of the same classes in the same order",
                )
            )
        both = LossMeter(self.classes)
        for name, mine in vars(self).items():
            if name not in ("classes", "_first_zero"):
                setattr(both, name, mine + getattr(other, name))
        both._first_zero = self._first_zero
        if self._first_zero is None and other._first_zero is not None:
            both._first_zero = self._rows_seen + other._first_zero
        return both

    def report(self) -> LossReport:
        """What the rows so far cost. Raises ``ValueError`` where there are none."""
        rows = int(self._confusion.sum())
        if rows == 0:
            raise ValueError(
                sentence("report", expected="at least one row", received="none", remedy="update the meter first")
            )
        zeros = int(self._zeros.sum())
        weight = sum(self._weight.totals)
        finite_weight = sum(self._finite_weight.totals)
        finite = sum(self._loss.totals) / finite_weight if finite_weight else None
        cross_entropy = np.inf if zeros or finite is None else finite
        labels_entropy = float(ce.entropy([part / weight for part in self._weight.totals]))
        with np.errstate(over="ignore"):
            perplexity = float(np.exp(cross_entropy))
        return LossReport(
            rows=rows,
            classes=self.classes,
            labels_entropy=labels_entropy,
            cross_entropy=cross_entropy,
            finite_cross_entropy=finite,
            cross_entropy_standard_error=self._standard_error(rows - zeros),
            perplexity=perplexity,
            explained_share=1.0 - cross_entropy / labels_entropy if labels_entropy else None,
            accuracy=sum(self._bin_hits.totals) / weight,
            brier_score=self._brier.totals[0] / weight,
            per_class=tuple(self._class_loss(k) for k in range(len(self.classes))),
            confusion=tuple(tuple(row) for row in self._confusion.tolist()),
            reliability=tuple(self._reliability_bin(b) for b in range(RELIABILITY_BINS)),
            zero_probability_rows=zeros,
            first_zero_probability_row=self._first_zero,
        )

    def _standard_error(self, rows: int) -> float | None:
        """sqrt(n/(n−1)·Σs²(ℓ−m)²)/Σs of the rows of finite loss, through whole numbers: nothing cancels."""
        if rows < 2:
            return None
        loss, weight = sum(self._loss.totals), sum(self._finite_weight.totals)
        squares, products, weights = self._squares.totals
        spread = squares * weight**2 - 2 * loss * weight * products + loss**2 * weights
        return square_root(rows * spread * ExactSums.ONE, (rows - 1) * weight**4)

    def _class_loss(self, k: int) -> ClassLoss:
        rows = int(self._confusion[k].sum())
        if rows == 0:
            return ClassLoss(self.classes[k], 0, None)
        infinite = self._zeros[k] > 0
        return ClassLoss(
            self.classes[k], rows, np.inf if infinite else self._loss.totals[k] / self._finite_weight.totals[k]
        )

    def _reliability_bin(self, b: int) -> ReliabilityBin:
        rows, weight = int(self._bin_rows[b]), self._bin_weight.totals[b]
        return ReliabilityBin(
            lower=b / RELIABILITY_BINS,
            upper=(b + 1) / RELIABILITY_BINS,
            rows=rows,
            mean_confidence=self._bin_confidence.totals[b] / weight if rows else None,
            accuracy=self._bin_hits.totals[b] / weight if rows else None,
        )
