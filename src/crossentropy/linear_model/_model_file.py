"""Models in safetensors files: coefficients as tensors, everything else as JSON in the header, nothing executable."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence
from crossentropy.linear_model._encoding import CategoricalColumn, Column, NumericColumn
from crossentropy.linear_model._labels import plain_labels
from crossentropy.linear_model.logistic_regression import LogisticRegression
from crossentropy.linear_model.softmax_regression import SoftmaxRegression
from crossentropy.linear_model.table_model import TableModel

FORMAT = "crossentropy-model"
VERSION = 3

#: One key for all of the description: safetensors writes several in no fixed order.
_KEY = "crossentropy"

Tensors = dict[str, NDArray[Any]]


Regression = SoftmaxRegression | LogisticRegression

_ESTIMATORS: dict[str, type[Regression]] = {kind.__name__: kind for kind in (SoftmaxRegression, LogisticRegression)}


def save_model(path: str | os.PathLike[str], model: Regression | TableModel) -> None:
    """Write a fitted model as one safetensors file; the file appears only when it is complete.

    Tensors: ``coef`` (K, D) and ``intercept`` (K,), and for a :class:`TableModel` ``mean`` and ``scale`` of its numeric
    columns, all float64. The header's metadata holds a JSON text under ``"crossentropy"``: format, version, SHA-256 and
    a description (the estimator and its parameters, iterations, objective and gap where they are known, classes with
    their type, columns with their categories). The training history (``history_``) is not part of the file: the same
    model gives the same bytes.

    Raises ``TypeError`` for classes other than text, numbers and booleans, ``FileNotFoundError`` for a directory that
    does not exist, scikit-learn's ``NotFittedError`` for a model that is not fitted.
    """
    from safetensors.numpy import save
    from sklearn.utils.validation import check_is_fitted

    from crossentropy.io import replacing

    table = model if isinstance(model, TableModel) else None
    regression: Regression = model.regression if isinstance(model, TableModel) else model
    check_is_fitted(regression)
    description = _describe(regression) | {"table": None if table is None else _describe_table(table)}
    tensors = {"coef": np.ascontiguousarray(regression.coef_), "intercept": regression.intercept_}
    if table is not None:
        numeric = [column for column in table.columns if isinstance(column, NumericColumn)]
        tensors["mean"] = np.array([column.mean for column in numeric], dtype=np.float64)
        tensors["scale"] = np.array([column.scale for column in numeric], dtype=np.float64)
    header = {"format": FORMAT, "version": VERSION, "sha256": _digest(description, tensors), "model": description}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {_KEY: _text(header)}))


def load_model(path: str | os.PathLike[str]) -> Regression | TableModel:
    """Read the model that :func:`save_model` wrote: the same type, the same predictions bit for bit.

    Raises ``FileNotFoundError`` where there is no file, ``ValueError`` for one that is damaged, cut short, of another
    program, or of another version of this format.
    """
    path = Path(path)
    text, header, tensors = _read(path)
    description: Any = header.get("model")
    # The text too: another last digit can be the same number.
    if text != _text(header) or header.get("sha256") != _digest(description, tensors):
        raise _refused(path, "a complete model file", "one whose contents do not match their checksum")
    with _reading(path):
        return _model(description, tensors)


def _model(description: Any, tensors: Tensors) -> Regression | TableModel:
    kind = _ESTIMATORS[description["estimator"]]
    parameters = description["parameters"]
    if "class_weight" in description:
        weights = description["class_weight"]
        parameters["class_weight"] = dict(weights) if isinstance(weights, list) else weights
    regression = kind(**parameters | {"C": float(parameters["C"])})
    regression.coef_, regression.intercept_ = tensors["coef"], tensors["intercept"]
    regression.classes_ = np.array(description["classes"], dtype=description["classes_dtype"])
    outputs, regression.n_features_in_ = regression.coef_.shape
    classes = 2 if kind is LogisticRegression and outputs == 1 else outputs
    if not (outputs == len(regression.intercept_) and classes == len(regression.classes_)):
        raise ValueError("coef, intercept and classes differ in length")
    regression.n_iter_ = description["iterations"]
    for name in ("objective", "gap"):
        if description[name] is not None:
            setattr(regression, f"{name}_", description[name])
    if description["feature_names"] is not None:
        regression.feature_names_in_ = np.array(description["feature_names"], dtype=object)
    if description["table"] is None:
        return regression
    return TableModel(description["table"]["target"], _columns(description["table"]["columns"], tensors), regression)


def _describe(regression: Regression) -> dict[str, Any]:
    classes = regression.classes_
    # of one that chose its C, those of the regression that it has become
    kind = next(kind for kind in _ESTIMATORS.values() if isinstance(regression, kind))
    parameters = {name: _plain(getattr(regression, name)) for name in kind().get_params()}
    if parameters["C"] == math.inf:
        parameters["C"] = "inf"  # no number of JSON's
    names = getattr(regression, "feature_names_in_", None)
    description = {
        "estimator": kind.__name__,
        "parameters": parameters,
        "classes": plain_labels(classes),
        "classes_dtype": "str" if classes.dtype.kind == "U" else classes.dtype.name,
        "iterations": regression.n_iter_,
        # None for coefficients that were not fitted here.
        "objective": getattr(regression, "objective_", None),
        "gap": getattr(regression, "gap_", None),
        "feature_names": None if names is None else list(names),
    }
    if "class_weight" in parameters:
        weights = parameters.pop("class_weight")
        # JSON's keys are text, classes need not be.
        pairs = [[_plain(k), _plain(v)] for k, v in weights.items()] if isinstance(weights, dict) else weights
        description["class_weight"] = pairs
    return description


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _describe_table(model: TableModel) -> dict[str, Any]:
    columns: list[dict[str, Any]] = [
        {"name": column.name, "kind": "numeric"}
        if isinstance(column, NumericColumn)
        else {"name": column.name, "kind": "categorical", "categories": list(column.categories)}
        for column in model.columns
    ]
    return {"target": model.target, "columns": columns}


def _columns(described: list[dict[str, Any]], tensors: Tensors) -> tuple[Column, ...]:
    statistics = zip(tensors["mean"].tolist(), tensors["scale"].tolist(), strict=True)
    return tuple(
        NumericColumn(column["name"], *next(statistics))
        if column["kind"] == "numeric"
        else CategoricalColumn(column["name"], tuple(column["categories"]))
        for column in described
    )


def _text(contents: Any) -> str:
    return json.dumps(contents, sort_keys=True, allow_nan=False)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _digest(description: Any, tensors: Tensors) -> str:
    digest = hashlib.sha256(_text(description).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tensor.shape}".encode() + tensor.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[str, dict[str, Any], Tensors]:
    from safetensors import safe_open

    from crossentropy.io import existing_file

    if path.is_file() and path.stat().st_size == 0:
        raise _refused(path, "a complete model file", "an empty file")
    existing_file(path)
    with _reading(path), safe_open(path, framework="numpy") as file:
        text = (file.metadata() or {}).get(_KEY, "{}")
        header = json.loads(text, parse_constant=_no_number)
    # Before the tensors: another program's may be large, or of dtypes that NumPy does not have.
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _refused(path, "a model file of crossentropy", "a safetensors file of another program")
    if header.get("version") != VERSION:
        raise ValueError(
            sentence(
                str(path),
                expected=f"a model file of version {VERSION}",
                received=f"version {header.get('version')}",
                remedy="fit and save the model again, or read it with the crossentropy that wrote it",
            )
        )
    with _reading(path), safe_open(path, framework="numpy") as file:
        return text, header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not iterable itself)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever a file's contents do to those who read them becomes one refusal."""
    from safetensors import SafetensorError

    try:
        yield
    except (
        SafetensorError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
    ) as error:
        raise _refused(path, "a complete model file", f"one that cannot be read ({error})") from error


def _refused(path: Path, expected: str, received: str) -> ValueError:
    return ValueError(sentence(str(path), expected=expected, received=received, remedy="fit and save the model again"))
