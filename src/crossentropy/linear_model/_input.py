"""What rows and their targets may be, before anything is known of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from crossentropy._validation import sentence

#: What X may be: a NaN in it is named by us.
ACCEPTED: Any = {"accept_sparse": "csr", "dtype": [np.float64, np.float32], "ensure_all_finite": False}

#: What C times all rows' weight may be.
_LARGEST = 1e30


def checked_rows(estimator: BaseEstimator, X: Any, y: Any, *, reset: bool = True) -> tuple[Any, NDArray[Any]]:
    """X (N, D), dense or CSR, and targets (N,) or (N, K); ``reset``: what is known of the features is that of X."""
    check_dense(y)
    found: tuple[Any, NDArray[Any]] = validate_data(estimator, X, y, multi_output=True, reset=reset, **ACCEPTED)
    return found


def check_dense(y: Any) -> None:
    """``ValueError`` for targets in a sparse matrix."""
    if issparse(y):
        raise ValueError(
            sentence("y", expected="a dense array", received=type(y).__name__, remedy="pass y.toarray() instead")
        )


def check_labels(y: NDArray[Any]) -> None:
    """``ValueError`` for what are no labels (N,); of objects, which have to be text, the first other one is named."""
    if y.dtype == object:
        for row, label in enumerate(y.tolist()):
            if not isinstance(label, str):
                raise ValueError(
                    sentence(
                        f"y, row {row} (counted from 0)",
                        expected="text, as the labels of an object array are",
                        received=repr(label),
                        # scikit-learn's checks ask for the words in brackets
                        remedy="fill in that row, or convert y, as with y.astype(int) (Unknown label type.)",
                    )
                )
    check_classification_targets(y)


def check_size(C: float, weight: float) -> None:
    """``ValueError`` for a finite C that makes the data's part of the objective too large for products of float32."""
    if math.isfinite(C) and C * weight > _LARGEST:
        raise ValueError(
            sentence(
                "C",
                expected=f"a number that makes at most {_LARGEST:g} of the rows' weight, or inf",
                received=f"{C:g}, of rows that weigh {weight:g}",
                remedy="pass inf for no penalty, or divide the weights",
            )
        )
