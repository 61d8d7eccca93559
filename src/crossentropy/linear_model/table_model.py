"""A softmax regression on the columns of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence
from crossentropy.linear_model._encoding import Column, encode, fit_column
from crossentropy.linear_model._estimator import fit_linear
from crossentropy.linear_model._labels import class_codes, column_labels, label_names
from crossentropy.linear_model.softmax_regression import SoftmaxRegression

if TYPE_CHECKING:
    import pyarrow as pa

#: The column of the most probable class among predictions.
PREDICTION = "prediction"


@dataclass(frozen=True)
class TableModel:
    """A :class:`SoftmaxRegression` with the columns it reads: ``target``, the feature ``columns``, the ``regression``.

    Numeric columns are standardised, text and boolean columns one-hot encoded, by what :meth:`fit` saw of them.
    """

    target: str
    columns: tuple[Column, ...]
    regression: SoftmaxRegression

    @classmethod
    def fit(cls, table: pa.Table, target: str, *, C: float = 1.0, tol: float = 1e-6) -> TableModel:
        """Fit the classes in the column ``target`` to all other columns of a PyArrow table.

        ``C`` and ``tol`` are those of :class:`SoftmaxRegression`.

        Raises ``ValueError`` for a missing column, an empty entry, NaN or infinity (column and row named), a column
        that holds neither numbers nor text nor booleans, a target of one class, and a class that is called like a
        column of the predictions.

        >>> import pyarrow as pa
        >>> table = pa.table({"size": [1.0, 2.0, 4.0, 5.0], "ripe": [True, False, True, False], "fruit": list("aabb")})
        >>> model = TableModel.fit(table, "fruit")
        >>> model.predict(table)["prediction"].to_pylist()
        ['a', 'a', 'b', 'b']
        """
        model, features, labels = unfitted(table, target, C=C, tol=tol)
        fit_linear(model.regression, features, labels)
        return model

    def predict(self, table: pa.Table) -> pa.Table:
        """Predictions for the rows of a table: the target, if the table has it, ``"prediction"``, and one column of
        probabilities per class, named by the class.

        Raises ``ValueError`` for a missing feature column, an entry that cannot be encoded, and a class in the target
        that the model does not know (column, row and value named).
        """
        import pyarrow as pa

        features = encode(self.columns, table)
        classes = self.regression.classes_
        names = label_names(classes)
        predictions = {}
        if self.target in table.column_names:
            truth = table.column(self.target)
            class_codes(f"column {self.target!r}", label_names(column_labels(self.target, truth)), names)
            predictions[self.target] = truth
        probabilities = self.regression.predict_proba(features)
        predictions[PREDICTION] = pa.array(classes[probabilities.argmax(axis=1)])
        return pa.table(predictions | dict(zip(names, probabilities.T, strict=True)))


def unfitted(
    table: pa.Table, target: str, *, C: float, tol: float
) -> tuple[TableModel, NDArray[np.float64], NDArray[Any]]:
    """A model that knows its columns, and the features (N, D) and labels (N,) to fit its regression to in place.

    Who does that by :func:`fit_linear` can show how far it is, and has the whole model where it is interrupted.
    """
    from crossentropy.io import require_columns

    require_columns([target], table.column_names)
    labels = column_labels(target, table.column(target))
    _check_classes(target, set(label_names(labels)))
    names = [name for name in table.column_names if name != target]
    if not names:
        raise ValueError(
            sentence(
                "table",
                expected=f"at least one feature column beside the target {target!r}",
                received="none",
                remedy="add the columns to predict from",
            )
        )
    columns = tuple(fit_column(name, table) for name in names)
    return TableModel(target, columns, SoftmaxRegression(C=C, tol=tol)), encode(columns, table), labels


def _check_classes(target: str, classes: set[str]) -> None:
    if len(classes) == 1:
        raise ValueError(
            sentence(
                f"column {target!r}",
                expected="at least two classes",
                received=f"one class, {classes.pop()!r}",
                remedy="add rows of another class",
            )
        )
    for name in (target, PREDICTION):
        if name in classes:
            raise ValueError(
                sentence(
                    f"column {target!r}",
                    expected="classes whose names are free for columns of the predictions",
                    received=f"a class {name!r}",
                    remedy=f"rename that class{' or the column' if name == target else ''}",
                )
            )
