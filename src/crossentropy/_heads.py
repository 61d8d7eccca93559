"""The head: a linear layer under softmax cross-entropy, whose logits are made, used and forgotten a block at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, NamedTuple, ParamSpec

from numpy.typing import ArrayLike

from crossentropy._checked import is_checked, warn_undefined
from crossentropy._contracts import VALUE_ULP
from crossentropy._conventions import Reduction, result_dtype
from crossentropy._evaluate import value_of
from crossentropy._head_blocks import Cotangents, Evaluation, Head, Parameters, derivative, evaluate_head
from crossentropy._head_inputs import BLOCK_BYTES, as_head, as_outputs
from crossentropy._loss import OPTION_DOCS
from crossentropy._losses import Targets
from crossentropy._problems import Array
from crossentropy._products import Products
from crossentropy._validation import as_floats, check_shape, sentence

P = ParamSpec("P")
_PRODUCTS = Products()
_ALL = Parameters(True, True, True)


class HeadResult(NamedTuple):
    """The loss and what was asked for beside it; the rest is None. Rows (...) are those of the features."""

    loss: Any
    weight: Any = None  # the sum of row weights, with return_weight=True
    negative_log_likelihood: Any = None
    logsumexp: Any = None
    entropy: Any = None
    predicted: Any = None
    correct: Any = None


class HeadGradients(NamedTuple):
    """The gradients of a head's loss, each of its argument's shape and dtype; None where not wanted."""

    features: Array | None
    weight: Array | None
    bias: Array | None


class LinearLoss(Generic[P]):
    """A head: call it for the value; ``value_and_grad`` and ``hvp`` take the same arguments."""

    def __init__(self, declared: Callable[P, Any]) -> None:
        update_wrapper(self, declared)
        self._declared = declared
        self.options: dict[str, Any] = declared.__kwdefaults__ or {}
        shown = "\n        ".join(f"{name}: {OPTION_DOCS[name]}" for name in self.options if name in OPTION_DOCS)
        self.__doc__ = (declared.__doc__ or "").replace("{options}", shown).replace("{ulp:g}", f"{VALUE_ULP:g}")

    def __repr__(self) -> str:
        return f"<crossentropy head {self._declared.__name__}>"

    def __reduce__(self) -> str:
        return self._declared.__name__  # pickled by name, as functions are

    def head(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Head, tuple[str, ...]]:
        """A call, validated, and the outputs it asks for."""
        if len(args) != 3 or not kwargs.keys() <= self.options.keys():
            self._declared(*args, **kwargs)  # a TypeError that names what is missing or unknown
            given = dict(zip(("features", "weight", "targets"), args, strict=False)) | kwargs
            args, kwargs = tuple(given.pop(name) for name in ("features", "weight", "targets")), given
        options = {**self.options, **kwargs}
        outputs = as_outputs(options.pop("outputs"))
        return as_head(*args, **options), outputs

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The value; with ``return_weight=True`` the pair (value, sum of row weights); with outputs a HeadResult."""
        head, outputs = self.head(args, dict(kwargs))
        return result_of(head, evaluate_head(head, _PRODUCTS, Parameters(), outputs))

    def value_and_grad(
        self, *args: Any, with_respect_to: tuple[str, ...] = Parameters._fields, **kwargs: Any
    ) -> tuple[Any, HeadGradients]:
        """What the call returns, and the gradients of its value, in one pass: three matrix products.

        ``with_respect_to`` names those wanted, of "features", "weight" and "bias"; a gradient that is not wanted costs
        nothing. With ``reduction="none"`` they are the gradients of the losses' sum.
        """
        head, outputs = self.head(args, kwargs)
        wanted = _wanted(with_respect_to)
        found = evaluate_head(head, _PRODUCTS, wanted, outputs)
        return result_of(head, found), HeadGradients(*found.gradients)

    def hvp(self, *args: Any, **kwargs: Any) -> HeadGradients:
        """The Hessian times ``v``, the fourth argument: (v_features, v_weight, v_bias), None for zeros.

        Seven matrix products, and two buffers of half the rows. The Hessian of all arguments together: products of a
        direction in one with the others are part of it.
        """
        if "v" in kwargs:
            v = kwargs.pop("v")
        elif len(args) > 3:
            v, args = args[3], (*args[:3], *args[4:])
        else:
            raise TypeError(
                sentence("v", expected="a direction", received="nothing", remedy="pass it as fourth argument")
            )
        head, _ = self.head(args, kwargs)
        return HeadGradients(*derivative(head, _PRODUCTS, _ALL, Cotangents(), _direction(head, v)))


def result_of(head: Head, found: Evaluation) -> Any:
    """What the caller of a head gets."""
    reducing = head.problem.reducing
    if is_checked():
        warn_undefined("features", found.losses)
    losses = found.losses if reducing.kind == "none" else None
    value = value_of(reducing, found.total, found.total_weight, losses, result_dtype(head.problem.predictions.dtype))
    if not found.outputs:
        return value
    loss, weight = value if reducing.return_weight else (value, None)
    return HeadResult(loss, weight, **{name: array[()] for name, array in found.outputs.items()})


def _wanted(names: tuple[str, ...]) -> Parameters:
    unknown = set(names) - set(Parameters._fields)
    if unknown:
        raise ValueError(
            sentence(
                "with_respect_to",
                expected="names among 'features', 'weight', 'bias'",
                received=repr(sorted(unknown)[0]),
                remedy="pass a tuple of such names",
            )
        )
    return Parameters(*(name in names for name in Parameters._fields))


def _direction(head: Head, v: Any) -> Parameters:
    given = Parameters(*v)
    arrays = [None if part is None else as_floats(f"v.{name}", part) for name, part in given._asdict().items()]
    shapes = (head.features.shape, head.weight.shape, head.weight.shape[:1])
    for name, array, shape in zip(Parameters._fields, arrays, shapes, strict=True):
        if array is not None:
            check_shape(f"v.{name}", array.shape, shape, f"the shape of the {name}")
    return Parameters(*arrays)


@LinearLoss
def linear_softmax_cross_entropy(
    features: ArrayLike,
    weight: ArrayLike,
    targets: Targets,
    *,
    bias: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    class_mask: ArrayLike | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
    shift: int = 0,
    outputs: tuple[str, ...] = (),
    block_bytes: int = BLOCK_BYTES,
    filter_eps: float = 0.0,
) -> Any:
    """softmax_cross_entropy of the logits X Wᵀ + b, which never exist all at once.

    Value and derivatives are those of ``softmax_cross_entropy`` at these logits; with G the gradient with respect to
    them, the gradients are G W (features), Gᵀ X (weight) and Σ G (bias). The rows go by in blocks: the value alone is
    one matrix product, ``value_and_grad`` three. Rows that are ignored or weigh 0 cost nothing.

    Args:
        features: real numbers (..., D).
        weight: (K, D), a row for each class.
        targets: class indices (...), soft targets (..., K), or SparseTargets.
        bias: (K,). A bias of -inf drops a class.
        {options}
        shift: pairs the features at position l of each sequence (..., L, D) with the target at l + shift, without a
            copy: 1 for next-token targets. sample_weight goes with the targets, a mask of rows with the features.
        outputs: names of what to return beside the loss, each of one number a row: "negative_log_likelihood" (of the
            targets, without weights and further terms), "logsumexp", "entropy" (of the softmax), "predicted" (the
            likeliest class), "correct". Rows that are dropped have 0, NaN, NaN, -1 and False.
        block_bytes: memory for the logits of a block of rows (100 MiB); one row at least.
        filter_eps: leaves a class out of a block's products where |G_nc| <= filter_eps · r_n in all of its rows, r the
            sample weight over the divisor: for a label unlike c, where p_nc <= filter_eps. The gradient of the features
            then errs by at most filter_eps · r_n Σ_c |W_cd|, that of the weight by filter_eps · Σ_n r_n |X_nd|.
            0, the default: nothing is left out.

    Returns:
        Nats, in float32 (float64 if features or weight are float64 or integers): a scalar, or the row losses for
        ``reduction="none"``; with ``outputs`` a HeadResult.

    Accuracy: logits are NumPy's matrix products, in float32 for halves and float32; on these logits, values and the
    gradient G are within {ulp:g} ULP, as those of softmax_cross_entropy. Weight gradients of halves are summed in
    float32 and rounded once.

    Edge cases and errors are those of softmax_cross_entropy. NaN in the features of a row that counts is NaN in the
    row's loss, and in the weight's gradient.

    Example:
        >>> import crossentropy as ce
        >>> x, w = [[1.0, 2.0], [0.5, -1.0]], [[0.5, 0.0], [-1.0, 1.0], [0.2, 0.3]]
        >>> value, gradients = ce.linear_softmax_cross_entropy.value_and_grad(x, w, [0, 2])
        >>> print(value.round(6), gradients.weight.round(3).tolist())
        1.21502 [[-0.237, -1.026], [0.23, 0.364], [0.007, 0.662]]
        >>> ce.linear_softmax_cross_entropy(x, w, [0, 2], outputs=("predicted", "correct")).correct.tolist()
        [False, False]

    Source: Wijmans et al., "Cut your losses in large-vocabulary language models", 2024; Hsu et al., "Liger kernel",
    2024.
    """
