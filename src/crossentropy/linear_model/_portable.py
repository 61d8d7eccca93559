"""What a fitted linear model becomes outside of this process: a file, a layer of PyTorch, a graph of ONNX."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence
from crossentropy.linear_model import _exports

if TYPE_CHECKING:
    import onnx
    import torch


class Portable:
    """A fitted model that can be saved, and leave for PyTorch or ONNX."""

    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]
    classes_: NDArray[Any]
    #: What makes probabilities of the logits.
    _activation: ClassVar[Literal["softmax", "sigmoid"]]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a file: :func:`save_model`, whose words on contents and errors hold here."""
        from crossentropy.linear_model._model_file import save_model

        save_model(path, self)  # type: ignore[arg-type]  # every estimator that this is a part of

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the model that :meth:`save` wrote: the same predictions bit for bit.

        Raises what :func:`load_model` raises, and ``ValueError`` for a model of another class.

        >>> import pathlib, tempfile
        >>> from crossentropy.linear_model import SoftmaxRegression
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> SoftmaxRegression(C=10.0).fit([[0.0], [1.0]], ["left", "right"]).save(path)
        >>> SoftmaxRegression.load(path).predict([[0.2], [0.9]]).tolist()
        ['left', 'right']
        """
        from crossentropy.linear_model._model_file import load_model

        model = load_model(path)
        if isinstance(model, cls):
            return model
        raise ValueError(
            sentence(
                str(path),
                expected=f"a {cls.__name__}",
                received=f"a {type(model).__name__}",
                remedy="read it with crossentropy.linear_model.load_model",
            )
        )

    def to_torch(self, dtype: torch.dtype | None = None) -> torch.nn.Linear:
        """The fitted model as a ``torch.nn.Linear(D, K)`` on the CPU that gives the K logits.

        For two classes K is 2 where probabilities are a softmax, and 1 where they are a sigmoid.
        ``dtype``: of weight and bias, PyTorch's default (float32) where None; float64 keeps every digit. The layer is
        like any other: its parameters require gradients, so that it can be trained further (``requires_grad_(False)``
        freezes it), and it has a bias, of zeros where no intercept was fitted. It is in evaluation mode, and shares no
        memory with the model.

        Raises ``TypeError`` for a dtype that is not of floating point, ``ValueError`` for one that cannot hold the
        coefficients, ``ImportError`` without PyTorch, ``NotFittedError`` for a model that is not fitted.

        >>> import torch
        >>> from crossentropy.linear_model import SoftmaxRegression
        >>> linear = SoftmaxRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).to_torch()
        >>> linear
        Linear(in_features=1, out_features=2, bias=True)
        >>> print(linear(torch.tensor([[2.0]])).softmax(dim=1).detach().numpy().round(4))
        [[0.3825 0.6175]]
        """
        return _exports.to_torch(self, dtype)

    def to_onnx(
        self, path: str | os.PathLike[str] | None = None, *, dtype: Literal["float32", "float64"] = "float32"
    ) -> onnx.ModelProto:
        """The fitted model as an ONNX model (opset 15), also written to ``path`` where one is given.

        Input: ``X`` (N, D) of ``dtype``, which also is that of coefficients and computation. Outputs: ``label`` (N,),
        text, or int64 for all other classes (a boolean is 0 or 1, a float the integer that equals it), the first of
        equally probable ones; ``probabilities`` (N, K) of ``dtype``, columns in the order of ``classes_``. For M labels
        that a row may share both are (N, M), ``label`` of 0 and 1. The file appears only when it is complete.

        Raises ``ValueError`` for another dtype, for float32 where it cannot hold the coefficients and for classes that
        are numbers but not whole ones of 64 bits, ``TypeError`` for classes other than text, numbers and booleans,
        ``FileNotFoundError`` for a directory that does not exist, ``ImportError`` without the package onnx,
        ``NotFittedError`` for a model that is not fitted.

        >>> from crossentropy.linear_model import SoftmaxRegression
        >>> exported = SoftmaxRegression().fit([[0.0], [1.0]], ["left", "right"]).to_onnx()
        >>> [value.name for value in (*exported.graph.input, *exported.graph.output)]
        ['X', 'label', 'probabilities']
        """
        return _exports.to_onnx(self, path, dtype)
