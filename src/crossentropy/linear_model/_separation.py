"""Whether a linear function of the features separates classes, so that without a penalty no model is the best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from crossentropy._validation import sentence

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Margins(NamedTuple):
    """What of rows (N, D + 1), whose last feature is 1 or 0, must not decrease where the logits of a model grow.

    In row ``rows[i]`` the logit of class ``above[i]`` minus that of ``below[i]``, which is −1 for a logit that is
    always 0; where ``tied[i]`` it must not increase either.
    """

    rows: NDArray[np.intp]
    above: NDArray[np.intp]
    below: NDArray[np.intp]
    tied: Mask


def of_classes(possible: Mask) -> Margins:
    """Of rows whose targets give each class (N, K) some probability, or none."""
    first = possible.argmax(axis=1)
    rows, below = np.nonzero(np.arange(possible.shape[1]) != first[:, None])
    return Margins(rows, first[rows], below, possible[rows, below])


def of_output(positive: Mask, negative: Mask) -> Margins:
    """Of rows one of whose outputs can be positive, negative, or both."""
    zero, none = np.zeros(len(positive), np.intp), np.full(len(positive), -1)
    return Margins(
        np.arange(len(positive)), np.where(positive, zero, none), np.where(positive, none, zero), positive & negative
    )


def separates(features: Floats, margins: Margins, classes: int) -> bool:
    """Whether coefficients (K, D + 1) exist for which no margin is below 0, and some are above.

    Such a direction lowers the loss for ever. It is a linear program: the sum of all margins, each in [0, 1], has the
    maximum 0 where there is none, and else at least 1.
    """
    width = features.shape[1]
    columns, chosen = np.arange(width), features[margins.rows]
    count = len(margins.rows)
    matrix = sparse.csr_matrix((count, classes * width))
    for sign, of_class in ((1.0, margins.above), (-1.0, margins.below)):
        there = np.flatnonzero(of_class >= 0)
        at = of_class[there, None] * width + columns
        place = np.repeat(there, width)
        matrix += sparse.csr_matrix((sign * chosen[there].ravel(), (place, at.ravel())), matrix.shape)
    highest = np.where(margins.tied, 0.0, 1.0)
    found = linprog(
        -np.asarray(matrix.sum(axis=0)).ravel(),
        A_ub=sparse.vstack([matrix, -matrix], format="csr"),
        b_ub=np.concatenate([highest, np.zeros(count)]),
        bounds=(None, None),
        method="highs",
    )
    return found.status == 0 and bool(-found.fun > 0.5)


def refusal() -> ValueError:
    """What a fit says that has no optimum."""
    return ValueError(
        sentence(
            "C",
            expected="a finite number where a linear function of X separates classes of y",
            received="inf, and coefficients that lower the loss the larger they are, without end",
            remedy="pass a finite C",
        )
    )
