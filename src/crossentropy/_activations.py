"""The public activations: functions that know their vector-Jacobian product."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Signature, signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crossentropy._dispatch import implementation
from crossentropy._memory import empty
from crossentropy._native import coded, coded_output, core
from crossentropy._results import result_like
from crossentropy._validation import Array, as_axis, as_floats, axis_last, check_shape

#: Greatest error of an activation, in ULP of the result's dtype; products with a cotangent: of the row's largest term.
ACTIVATION_ULP = 4.0

# The order is that of Activation in cpp/core/problem.hpp.
_KINDS = ("softmax", "log_softmax", "logsumexp", "sigmoid", "log_sigmoid", "softplus", "sigmoid_derivative")


def _run(kind: str, z: Array, cotangent: Array | None, out: Array) -> None:
    """``z`` and ``out`` with the class axis last, where the kind has one."""
    if implementation() == "reference":
        from crossentropy.reference import activations as reference

        function = getattr(reference, kind if cotangent is None else f"{kind}_vjp")
        with np.errstate(all="ignore"):
            out[...] = function(*(a.astype(np.float64) for a in (z, cotangent) if a is not None))
        return
    arrays: list[Array | None] = [z, cotangent, out]
    if kind == "logsumexp":
        arrays[1 if cotangent is not None else 2] = (cotangent if cotangent is not None else out)[..., np.newaxis]
    elif kind not in _KINDS[:2] and all(a is None or a.flags.c_contiguous for a in arrays):
        arrays = [None if a is None else a.reshape(1, -1) for a in arrays]
    core.activate(_KINDS.index(kind), coded(arrays[0]), coded(arrays[1]), coded_output(arrays[2]))


class _Declared:
    """What all activations share: name and documentation from a declaration without a body."""

    def __init__(self, declared: Callable[..., Any]) -> None:
        self._kind = self.__name__ = self.__qualname__ = declared.__name__
        self.__module__ = declared.__module__
        self.__wrapped__ = declared
        self.__doc__ = (declared.__doc__ or "").format(ulp=f"{ACTIVATION_ULP:g}")

    @property
    def __signature__(self) -> Signature:
        return signature(self.__call__)  # type: ignore[operator]

    def __repr__(self) -> str:
        return f"<crossentropy activation {self._kind}>"

    def __reduce__(self) -> str:
        return self._kind  # pickled by name, as functions are


class Activation(_Declared):
    """An activation of single elements: call it for the value, ``vjp`` for the derivative times a cotangent."""

    def __call__(self, z: ArrayLike, *, out: Array | None = None, inplace: bool = False) -> Any:
        """The activation of each element; with ``inplace=True`` it overwrites z."""
        return self._apply(self._kind, z, None, out, inplace)

    def vjp(self, z: ArrayLike, cotangent: ArrayLike, *, out: Array | None = None, inplace: bool = False) -> Any:
        """The derivative at each element times the cotangent, which has the shape of z; may overwrite z, too."""
        return self._apply(self._kind, z, cotangent, out, inplace)

    def _apply(self, kind: str, z: ArrayLike, cotangent: ArrayLike | None, out: Array | None, inplace: bool) -> Any:
        array, given = as_floats("z", z), None
        if cotangent is not None:
            given = as_floats("cotangent", cotangent)
            check_shape("cotangent", given.shape, array.shape, "the shape of z")
        result = result_like(array, "z", z, (given,), out=out, inplace=inplace)
        _run(kind, array, given, result)
        return result if out is not None or inplace else result[()]


class Sigmoid(Activation):
    """The sigmoid also offers its plain derivative."""

    def derivative(self, z: ArrayLike, *, out: Array | None = None, inplace: bool = False) -> Any:
        """``σ(z) σ(-z)`` of each element: exact limits 0 at ±inf, never ``σ (1 - σ)`` with its cancellation."""
        return self._apply("sigmoid_derivative", z, None, out, inplace)


class RowActivation(_Declared):
    """An activation of rows of classes along ``axis``."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Array | None = None, inplace: bool = False) -> Any:
        """The activation of each row; with ``inplace=True`` it overwrites z."""
        array = as_floats("z", z)
        at = as_axis(axis, array.ndim, "z")
        result = result_like(array, "z", z, (), out=out, inplace=inplace)
        _run(self._kind, axis_last(array, at), None, axis_last(result, at))
        return result

    def vjp(
        self,
        z: ArrayLike,
        cotangent: ArrayLike,
        *,
        axis: int = -1,
        out: Array | None = None,
        inplace: bool = False,
    ) -> Any:
        """The cotangent, of the shape of the value, times the Jacobian of each row; may overwrite z, too."""
        array, given = as_floats("z", z), as_floats("cotangent", cotangent)
        at = as_axis(axis, array.ndim, "z")
        reduced = self._kind == "logsumexp"
        expected = array.shape[:at] + array.shape[at + 1 :] if reduced else array.shape
        check_shape("cotangent", given.shape, expected, "the shape of the value")
        result = result_like(array, "z", z, (given,), out=out, inplace=inplace)
        inside = given if reduced else axis_last(given, at)
        _run(self._kind, axis_last(array, at), inside, axis_last(result, at))
        return result


class Softmax(RowActivation):
    """Softmax also offers its Jacobian."""

    def jacobian(self, z: ArrayLike, *, axis: int = -1) -> Any:
        """``diag(p) - p pᵀ`` of each row: shape (..., K, K), the row's axes first; p (1 - p) without cancellation."""
        array = as_floats("z", z)
        at = as_axis(axis, array.ndim, "z")
        rows = axis_last(array, at)
        classes = rows.shape[-1]
        jacobian = empty((*rows.shape, classes), array.dtype)
        for j in range(classes):
            unit = np.zeros(rows.shape, dtype=np.float64)
            unit[..., j] = 1.0
            _run("softmax", rows, unit, jacobian[..., j, :])
        return jacobian


class LogSumExp(RowActivation):
    """Log-sum-exp reduces the class axis."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, keepdims: bool = False) -> Any:  # type: ignore[override]
        """The log-sum-exp of each row."""
        array = as_floats("z", z)
        at = as_axis(axis, array.ndim, "z")
        rows = axis_last(array, at)
        result = empty(rows.shape[:-1], array.dtype)
        _run("logsumexp", rows, None, result)
        return np.expand_dims(result, at) if keepdims else result[()]


@Sigmoid
def sigmoid(z: ArrayLike) -> Any:
    """The logistic sigmoid ``σ(z) = 1/(1 + e^(-z))`` of each element.

    ``sigmoid.vjp(z, c)`` is ``c σ(z) σ(-z)``; ``sigmoid.derivative(z)`` is ``σ(z) σ(-z)``.

    Shape and dtype of z (integers give float64). Exact limits 0 and 1 at ±inf, no overflow, NaN stays NaN.
    Accuracy: {ulp} ULP for normal results. Raises TypeError for what is no real number.

    Example:
        >>> import crossentropy as ce
        >>> ce.sigmoid([0.0, -800.0, 2.0]).round(6).tolist()
        [0.5, 0.0, 0.880797]

    Source: Verhulst, 1845; Cox, 1958.
    """


@Activation
def log_sigmoid(z: ArrayLike) -> Any:
    """The logarithm of the sigmoid, ``-softplus(-z)``, of each element; ``vjp`` multiplies by ``σ(-z)``.

    Shape and dtype of z (integers give float64). ``log_sigmoid(-1e4)`` is -1e4; limits -inf and 0 at ±inf.
    Accuracy: {ulp} ULP for normal results. Raises TypeError for what is no real number.

    Example:
        >>> import crossentropy as ce
        >>> ce.log_sigmoid([0.0, -1e4]).round(6).tolist()
        [-0.693147, -10000.0]

    Source: as sigmoid.
    """


@Activation
def softplus(z: ArrayLike) -> Any:
    """The softplus ``log(1 + e^z) = max(z, 0) + log1p(e^(-|z|))`` of each element; ``vjp`` multiplies by ``σ(z)``.

    Shape and dtype of z (integers give float64). No overflow; limits 0 and inf at ±inf.
    Accuracy: {ulp} ULP for normal results. Raises TypeError for what is no real number.

    Example:
        >>> import crossentropy as ce
        >>> ce.softplus([0.0, 1e4, -40.0]).tolist()
        [0.6931471805599453, 10000.0, 4.248354255291589e-18]

    Source: Dugas et al., "Incorporating second-order functional knowledge", 2001.
    """


@Softmax
def softmax(z: ArrayLike) -> Any:
    """The softmax ``p_j = e^(z_j) / Σ_i e^(z_i)`` of each row along ``axis``.

    ``softmax.vjp(z, c)`` is ``p_j (c_j - Σ_i p_i c_i)``; ``softmax.jacobian(z)`` is ``diag(p) - p pᵀ``.

    Shape and dtype of z (integers give float64). A logit of -inf has probability exactly 0, one of +inf exactly 1;
    a row with NaN, with only -inf or with two +inf is NaN; no other row is touched. A common offset changes nothing.
    Accuracy: {ulp} ULP for normal results. Raises TypeError for what is no real number, ValueError for a wrong axis.

    Example:
        >>> import crossentropy as ce
        >>> ce.softmax([1e6 + 1.0, 1e6]).round(6).tolist()
        [0.731059, 0.268941]

    Source: Boltzmann, 1868; Bridle, 1990.
    """


@RowActivation
def log_softmax(z: ArrayLike) -> Any:
    """The logarithm of the softmax, ``z_j - logsumexp(z)``, of each row along ``axis``.

    ``log_softmax.vjp(z, c)`` is ``c_j - p_j Σ_i c_i``.

    Shape and dtype of z (integers give float64). Edge cases as softmax; for the largest logit the result is
    ``-log1p(Σ of the others' exponentials)``, which keeps its digits when it is tiny.
    Accuracy: {ulp} ULP for normal results. Raises TypeError for what is no real number, ValueError for a wrong axis.

    Example:
        >>> import crossentropy as ce
        >>> ce.log_softmax([40.0, 0.0]).tolist()
        [-4.248354255291589e-18, -40.0]

    Source: as softmax.
    """


@LogSumExp
def logsumexp(z: ArrayLike) -> Any:
    """The log-sum-exp ``log Σ_j e^(z_j)`` of each row along ``axis``: the softmax's normaliser, a soft maximum.

    ``logsumexp.vjp(z, c)`` is ``c softmax(z)``. ``keepdims=True`` keeps the axis with length 1.

    Dtype of z (integers give float64). A row of only -inf, or of no classes, is -inf; a row with +inf is +inf;
    a row with NaN is NaN. Accuracy: {ulp} ULP of the larger of the largest logit and the result.
    Raises TypeError for what is no real number, ValueError for a wrong axis.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.logsumexp([1000.0, 1000.0]).round(6))
        1000.693147

    Source: Robertson, 1986 (log-domain addition).
    """
