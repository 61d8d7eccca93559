"""The loss object: a function that knows its own derivatives (promise 26)."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec

import numpy as np

from crossentropy._checked import is_checked
from crossentropy._contracts import Contract, Domain, TargetKind
from crossentropy._dispatch import implementation
from crossentropy._evaluate import evaluate
from crossentropy._memory import empty
from crossentropy._native_engine import plain_calls
from crossentropy._problems import Array, Order, Problem
from crossentropy._results import result_like
from crossentropy._validation import as_floats, check_shape, sentence

P = ParamSpec("P")

#: The options of a plain call.
PLAIN = frozenset({"reduction", "ignore_index", "normalizer"})
Build = Callable[..., Problem]

# One line for each option, put into the docstring of every loss that has it.
OPTION_DOCS = {
    "axis": "where the classes lie; any axis, for images and sequences.",
    "class_weight": "weights of the classes (K,), at least 0.",
    "pos_weight": "weight of the positive class relative to the negative: a number, or one for each column.",
    "sample_weight": "weights of the rows, at least 0; a row of weight 0 is dropped.",
    "label_smoothing": "ε in [0, 1]: the target is mixed with the uniform distribution, t ← (1-ε)·t + ε·u.",
    "ignore_index": "rows with this label are dropped (index targets only).",
    "class_mask": "bools (K,) or of the predictions' shape; a class with False counts as a logit of -inf.",
    "temperature": "T > 0: logits are divided by it.",
    "softcap": "c > 0: logits become c·tanh(z/c), before the temperature.",
    "z_loss": "λ >= 0: adds λ·lse² for each unit of row weight (Chowdhery et al., 2022).",
    "focal_gamma": "γ >= 0: each class's term is multiplied by (1-p)^γ (Lin et al., 2017).",
    "reduction": '"mean" (divided by the sum of row weights), "sum" or "none".',
    "normalizer": "replaces the divisor of the mean, for parts of a batch that must add up to the whole.",
    "return_weight": "return (value, sum of row weights).",
    "empty": "the mean of no rows; by default NaN with a RuntimeWarning.",
}


class Loss(Generic[P]):
    """A loss: call it for the value; ``value_and_grad``, ``hvp`` and ``hessian_diagonal`` take the same arguments."""

    contract: Contract

    def __init__(self, declared: Callable[P, Any], contract: Contract, build: Build) -> None:
        self.contract = contract
        self._declared = declared
        self._build = build
        self._plain = plain_calls(contract.name)
        update_wrapper(self, declared)

    def _problem(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Problem:
        contract = self.contract
        if len(args) != 2 or not kwargs.keys() <= contract.options.keys():
            self._declared(*args, **kwargs)  # a TypeError that names what is missing or unknown
            named = dict(zip(contract.arguments, args, strict=False)) | kwargs
            args = tuple(named.pop(name) for name in contract.arguments)
            kwargs = named
        return self._build(contract.name, contract.arguments, *args, **{**contract.options, **kwargs})

    def _is_plain(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a call may be one for ``self._plain``, which still finds what it cannot take."""
        return (
            len(args) == 2
            and type(args[0]) is np.ndarray
            and kwargs.keys() <= PLAIN
            and implementation() == "native"
            and not is_checked()
        )

    def _at_once(self, predictions: Any, targets: Any, out: Array | None, options: dict[str, Any]) -> Any:
        """The value of a plain call, and its gradient into ``out``; None for what is not as plain as it looked."""
        get = options.get
        return self._plain(predictions, targets, get("reduction", "mean"), out, get("ignore_index"), get("normalizer"))

    def __repr__(self) -> str:
        return f"<crossentropy loss {self.contract.name}>"

    def __reduce__(self) -> str:
        return self.contract.name  # pickled by name, as functions are

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The value; with ``return_weight=True`` the pair (value, sum of row weights)."""
        if self._is_plain(args, kwargs):
            value = self._at_once(args[0], args[1], None, kwargs)
            if value is not None:
                return value
        return evaluate(self._problem(args, kwargs), Order.VALUE, None, None)

    def value_and_grad(
        self, *args: Any, out: Array | None = None, inplace: bool = False, **kwargs: Any
    ) -> tuple[Any, Array]:
        """The value and its gradient with respect to the first argument, in one pass.

        The gradient has the first argument's shape and dtype (float64 for integers). ``out=`` takes it instead of a new
        array: same shape, any float dtype. ``inplace=True`` overwrites the first argument with it, as
        ``out=predictions`` does. A call that raises leaves its inputs as they were, even then; an ``out=`` apart from
        them may hold part of a gradient.
        """
        if self._is_plain(args, kwargs) and (out is None or not inplace):
            predictions = args[0]
            taker = predictions if inplace else empty(predictions.shape, predictions.dtype) if out is None else out
            value = self._at_once(args[0], args[1], taker, kwargs)
            if value is not None:
                return value, taker
            del taker
        problem = self._problem(args, kwargs)
        name = problem.names[0]
        predictions, given = problem.outside(problem.predictions), args[0] if args else kwargs[name]
        gradient = result_like(predictions, name, given, problem.read, out=out, inplace=inplace)
        return evaluate(problem, Order.GRADIENT, gradient, None), gradient

    def hvp(self, *args: Any, **kwargs: Any) -> Array:
        """The Hessian times ``v``, the third argument, of the first argument's shape."""
        if "v" in kwargs:
            v = kwargs.pop("v")
        elif len(args) > 2:
            v, args = args[2], (*args[:2], *args[3:])
        else:
            raise TypeError(
                sentence("v", expected="a direction", received="nothing", remedy="pass it as third argument")
            )
        problem = self._problem(args, kwargs)
        direction = as_floats("v", v)
        predictions = problem.outside(problem.predictions)
        check_shape("v", direction.shape, predictions.shape, "the shape of the predictions")
        product = empty(predictions.shape, predictions.dtype)
        evaluate(problem, Order.HVP, product, direction)
        return product

    def hessian_diagonal(self, *args: P.args, **kwargs: P.kwargs) -> Array:
        """The diagonal of the Hessian, in the first argument's shape."""
        problem = self._problem(args, kwargs)
        predictions = problem.outside(problem.predictions)
        diagonal = empty(predictions.shape, predictions.dtype)
        evaluate(problem, Order.HESSIAN_DIAGONAL, diagonal, None)
        return diagonal


#: Every registered loss, by name.
LOSSES: dict[str, Loss[...]] = {}


def loss(
    formula: str, domain: Domain, target_kinds: tuple[TargetKind, ...], build: Build
) -> Callable[[Callable[P, Any]], Loss[P]]:
    """Turn a declaration (signature and docstring, no body) into a registered loss; ``build`` validates its calls."""

    def register(declared: Callable[P, Any]) -> Loss[P]:
        code = declared.__code__
        predictions, targets = code.co_varnames[: code.co_argcount]
        options = declared.__kwdefaults__ or {}
        contract = Contract(declared.__name__, (predictions, targets), formula, domain, target_kinds, options)
        declared.__doc__ = _with_options(declared.__doc__ or "", contract)
        made = Loss(declared, contract, build)
        LOSSES[contract.name] = made
        return made

    return register


def _with_options(doc: str, contract: Contract) -> str:
    """The docstring with its placeholders filled: the options of the loss, and its stated accuracy."""
    options = "\n        ".join(f"{name}: {OPTION_DOCS[name]}" for name in contract.options)
    accuracy = (
        f"Accuracy: values and gradients within {contract.value_ulp:g} ULP of the exact result in float32 and\n"
        f"    float64; Hessian products and diagonals within {contract.hessian_ulp:g} ULP of the row's largest term\n"
        "    (docs/conventions.md, line 20)."
    )
    return doc.replace("{options}", options).replace("{accuracy}", accuracy)
