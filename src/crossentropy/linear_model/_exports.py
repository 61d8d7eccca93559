"""A fitted linear model as a model of PyTorch and of ONNX."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from crossentropy import __version__
from crossentropy._validation import as_choice, sentence
from crossentropy.linear_model._labels import plain_labels

if TYPE_CHECKING:
    import onnx
    import torch

    from crossentropy.linear_model._portable import Portable

#: What a graph's operators mean, and how the file is written: those of 2021, which runtimes since then read.
_OPSET, _IR_VERSION = 15, 8

_NAMES = {"softmax": "Softmax regression", "sigmoid": "Logistic regression"}


def to_torch(model: Portable, dtype: torch.dtype | None) -> torch.nn.Linear:
    """A linear layer of the same logits."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise _not_installed("to_torch", "PyTorch", "torch") from error

    check_is_fitted(model)
    kind = torch.get_default_dtype() if dtype is None else dtype
    if not (isinstance(kind, torch.dtype) and kind.is_floating_point):
        raise TypeError(
            sentence(
                "dtype",
                expected="a floating-point dtype of PyTorch",
                received=repr(dtype),
                remedy="pass torch.float32 or torch.float64",
            )
        )
    _check_range(model, str(kind).removeprefix("torch."), torch.finfo(kind).max)
    classes, features = model.coef_.shape
    # "meta": without the random start, which would change what comes next from PyTorch's generator.
    linear = torch.nn.Linear(features, classes, device="meta")
    linear.weight = torch.nn.Parameter(torch.tensor(model.coef_, dtype=kind))
    linear.bias = torch.nn.Parameter(torch.tensor(model.intercept_, dtype=kind))
    return linear.eval()


def to_onnx(model: Portable, path: str | os.PathLike[str] | None, dtype: str) -> onnx.ModelProto:
    """An ONNX model of the same labels and probabilities, also written to ``path`` where one is given."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise _not_installed("to_onnx", "the package onnx", "onnx") from error
    from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
    from onnx.numpy_helper import from_array

    from crossentropy.io import replacing

    check_is_fitted(model)
    kind = np.dtype(as_choice("dtype", dtype, ("float32", "float64")))
    _check_range(model, dtype, float(np.finfo(kind).max))
    kinds = onnx.TensorProto
    floats = kinds.FLOAT if dtype == "float32" else kinds.DOUBLE
    outputs, features = model.coef_.shape
    nodes = [make_node("Gemm", ["X", "coef", "intercept"], ["logits"], transB=1)]
    constants = [
        from_array(np.ascontiguousarray(model.coef_, dtype=kind), "coef"),
        from_array(model.intercept_.astype(kind), "intercept"),
    ]
    several = model._activation == "sigmoid" and outputs > 1
    if several:
        nodes += [
            make_node("Sigmoid", ["logits"], ["probabilities"]),
            make_node("Greater", ["logits", "zero"], ["positive"]),
            make_node("Cast", ["positive"], ["label"], to=kinds.INT64),
        ]
        constants.append(from_array(np.zeros((), kind), "zero"))
        label = make_tensor_value_info("label", kinds.INT64, ["N", outputs])
    else:
        labels, logits = _labels(model), "logits"
        if model._activation == "sigmoid":
            logits = "both"
            nodes += [
                make_node("Neg", ["logits"], ["opposite"]),
                make_node("Concat", ["opposite", "logits"], ["both"], axis=1),
                make_node("Sigmoid", ["both"], ["probabilities"]),
            ]
        else:
            nodes.append(make_node("Softmax", ["logits"], ["probabilities"], axis=1))
        nodes += [
            make_node("ArgMax", [logits], ["position"], axis=1, keepdims=0),
            make_node("Gather", ["classes", "position"], ["label"]),
        ]
        constants.append(from_array(labels, "classes"))
        label = make_tensor_value_info("label", kinds.STRING if labels.dtype == object else kinds.INT64, ["N"])
    classes = len(model.classes_)
    graph = make_graph(
        nodes,
        type(model).__name__,
        [make_tensor_value_info("X", floats, ["N", features])],
        [label, make_tensor_value_info("probabilities", floats, ["N", classes])],
        constants,
    )
    exported = make_model(
        graph,
        opset_imports=[make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="crossentropy",
        producer_version=__version__,
        doc_string=f"{_NAMES[model._activation]}: {classes} {'labels' if several else 'classes'}, {features} features",
    )
    if path is not None:
        with replacing(path) as temporary:
            temporary.write_bytes(exported.SerializeToString())
    return exported


def _labels(model: Portable) -> NDArray[Any]:
    """The classes as ONNX has them: text as objects, all else as int64 that equal them."""
    labels = plain_labels(model.classes_)
    if isinstance(labels[0], str):
        return np.array(labels, dtype=object)
    for label in labels:
        if not (label // 1 == label and -(2**63) <= label < 2**63):
            raise ValueError(
                sentence(
                    "model",
                    expected="classes that are text, booleans or whole numbers of 64 bits",
                    received=f"the class {label!r}",
                    remedy="fit it with such labels",
                )
            )
    return np.array([int(label) for label in labels], dtype=np.int64)


def _check_range(model: Portable, dtype: str, largest: float) -> None:
    size = max(np.abs(model.coef_).max(), np.abs(model.intercept_).max())
    if not size <= largest:
        raise ValueError(
            sentence(
                "dtype",
                expected="one that can hold the coefficients",
                received=f"{dtype} for one of size {size:.2g}",
                remedy="pass a wider one",
            )
        )


def _not_installed(method: str, package: str, extra: str) -> ImportError:
    return ImportError(
        sentence(
            method,
            expected=package,
            received="none",
            remedy=f"install it: pip install 'crossentropy[{extra}]'",
        )
    )
