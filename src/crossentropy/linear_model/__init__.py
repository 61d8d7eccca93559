"""Linear models trained by cross-entropy: as scikit-learn estimators, on tables, and in files."""

from __future__ import annotations

from crossentropy.linear_model._history import Iteration
from crossentropy.linear_model._model_file import load_model, save_model
from crossentropy.linear_model.logistic_regression import LogisticRegression
from crossentropy.linear_model.softmax_regression import SoftmaxRegression
from crossentropy.linear_model.table_model import TableModel

__all__ = ["Iteration", "LogisticRegression", "SoftmaxRegression", "TableModel", "load_model", "save_model"]
