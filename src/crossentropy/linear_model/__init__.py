"""Linear models trained by cross-entropy: as scikit-learn estimators, on tables, and in files."""

from __future__ import annotations

from crossentropy.linear_model._history import Iteration
from crossentropy.linear_model._loss_curve import LossCurve
from crossentropy.linear_model._model_file import load_model, save_model
from crossentropy.linear_model.cross_validation import LogisticRegressionCV, SoftmaxRegressionCV
from crossentropy.linear_model.logistic_regression import LogisticRegression
from crossentropy.linear_model.paths import LogisticRegressionPath, SoftmaxRegressionPath
from crossentropy.linear_model.softmax_regression import SoftmaxRegression
from crossentropy.linear_model.table_model import TableModel

__all__ = [
    "Iteration",
    "LogisticRegression",
    "LogisticRegressionCV",
    "LogisticRegressionPath",
    "LossCurve",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "SoftmaxRegressionPath",
    "TableModel",
    "load_model",
    "save_model",
]
