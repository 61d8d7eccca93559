"""Where peers give a wrong or surprising answer: calls to run beside the library's own, and the exact value."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Peer = Literal["PyTorch", "scikit-learn", "SciPy"]


@dataclass(frozen=True)
class Difference:
    """One question, as Python expressions that a run answers.

    ``exact`` is an expression in mpmath, or empty where the answers differ in meaning rather than in digits.
    """

    title: str
    reason: str
    promise: str  # its numbers in docs/conventions.md
    peer: Peer
    theirs: str
    ours: str
    exact: str = ""


DIFFERENCES = (
    Difference(
        "The loss of a row that is right by a gap of 17",
        "`logsumexp(z) - z_y` is a difference of two numbers near 17: what float32 has no digits for is lost.",
        "8",
        "PyTorch",
        "F.cross_entropy(tensor([[17.0, 0.0]]), tensor([0]))",
        "ce.softmax_cross_entropy(float32([[17.0, 0.0]]), [0])",
        "log1p(exp(-17))",
    ),
    Difference(
        "The loss of a row that is right by a gap of 15",
        "The cancellation sets in well before the loss reaches 0.",
        "8",
        "PyTorch",
        "F.cross_entropy(tensor([[15.0, 0.0]]), tensor([0]))",
        "ce.softmax_cross_entropy(float32([[15.0, 0.0]]), [0])",
        "log1p(exp(-15))",
    ),
    Difference(
        "The gradient at the label, by a gap of 17",
        "`p_y - 1` rounds to 0, and the row stops learning on one side: a gradient's entries should add up to 0.",
        "8",
        "PyTorch",
        "gradient(F.cross_entropy, [[17.0, 0.0]], tensor([0]))[0, 0]",
        "ce.softmax_cross_entropy.value_and_grad(float32([[17.0, 0.0]]), [0])[1][0, 0]",
        "-1 / (1 + exp(17))",
    ),
    Difference(
        "A one-hot target beside a masked class",
        "A logit of -inf is a class of probability 0. Its target is 0 too, and `0 · (-inf)` is 0 there, not NaN.",
        "6, 11",
        "PyTorch",
        "F.cross_entropy(tensor([[1.0, 2.0, -inf]]), tensor([[1.0, 0.0, 0.0]]))",
        "ce.softmax_cross_entropy(float32([[1.0, 2.0, -inf]]), float32([[1.0, 0.0, 0.0]]))",
        "log1p(exp(1))",
    ),
    Difference(
        "Label smoothing beside a masked class",
        "Smoothing spreads over the classes that are allowed: mass on an impossible one would cost inf in every row.",
        "6, 16",
        "PyTorch",
        "F.cross_entropy(tensor([[1.0, 2.0, -inf]]), tensor([0]), label_smoothing=0.1)",
        "ce.softmax_cross_entropy(float32([[1.0, 2.0, -inf]]), [0], label_smoothing=0.1)",
        "mpf('0.95') * log1p(exp(1)) + mpf('0.05') * log1p(exp(-1))",
    ),
    Difference(
        "Binary cross-entropy at an infinite logit",
        "The limit is exact: certain, and right.",
        "9",
        "PyTorch",
        "F.binary_cross_entropy_with_logits(tensor([inf]), tensor([1.0]))",
        "ce.sigmoid_cross_entropy(float32([inf]), [1])",
        "mpf(0)",
    ),
    Difference(
        "Soft margin at a margin of -89",
        "`log(1 + e^89)` overflows in float32; as a softplus it is 89.",
        "9",
        "PyTorch",
        "F.soft_margin_loss(tensor([-89.0]), tensor([1.0]))",
        "ce.soft_margin(float32([-89.0]), [1])",
        "log1p(exp(89))",
    ),
    Difference(
        "The gradient of soft margin at a margin of -89",
        "inf / inf is NaN, and one such element spoils every parameter that it reaches.",
        "9",
        "PyTorch",
        "gradient(F.soft_margin_loss, [-89.0], tensor([1.0]))[0]",
        "ce.soft_margin.value_and_grad(float32([-89.0]), [1])[1][0]",
        "-1 / (1 + exp(-89))",
    ),
    Difference(
        "A class-weighted mean, by index and by one-hot target",
        "The same targets written two ways: one mean divides by the sum of weights, the other by the number of rows.",
        "11, 15",
        "PyTorch",
        "[F.cross_entropy(tensor([[2.0, 0.0], [0.0, 1.0]]), y, weight=tensor([1.0, 4.0])) "
        "for y in (tensor([0, 1]), torch.eye(2))]",
        "[ce.softmax_cross_entropy(float32([[2.0, 0.0], [0.0, 1.0]]), y, class_weight=[1.0, 4.0]) "
        "for y in ([0, 1], np.eye(2))]",
        "(log1p(exp(-2)) + 4 * log1p(exp(-1))) / 5",
    ),
    Difference(
        "The mean over a batch whose rows are all ignored",
        "There is no such mean. It is NaN with a warning here too, unless the caller says what it should be.",
        "17",
        "PyTorch",
        "F.cross_entropy(tensor([[2.0, 0.0]]), tensor([-100]))",
        "ce.softmax_cross_entropy(float32([[2.0, 0.0]]), [-100], ignore_index=-100, empty=0.0)",
    ),
    Difference(
        "The loss of bfloat16 logits",
        "A loss has few elements and needs its digits: it comes back in float32.",
        "19",
        "PyTorch",
        "F.cross_entropy(tensor([[0.0, 11.0, 12.0, 11.5]], dtype=torch.bfloat16), tensor([0])).float()",
        "ce.softmax_cross_entropy(bfloat16([[0.0, 11.0, 12.0, 11.5]]), [0])",
        "log(1 + exp(11) + exp(12) + exp(mpf('11.5')))",
    ),
    Difference(
        "Binary cross-entropy of an impossible event",
        "An event of probability 0 that happens costs inf. A cap hides it from the mean.",
        "2",
        "PyTorch",
        "F.binary_cross_entropy(tensor([0.0]), tensor([1.0]))",
        "ce.binary_cross_entropy(float32([0.0]), [1])",
        "inf",
    ),
    Difference(
        "The log loss of a wrong certainty, in float64, float32 and float16",
        "Probabilities are clipped to the dtype's epsilon: the fewer digits they are stored in, the less they cost.",
        "2",
        "scikit-learn",
        "[log_loss([0, 1], np.array([[1, 0], [1, 0]], dtype)) for dtype in ('f8', 'f4', 'f2')]",
        "[ce.categorical_cross_entropy(np.array([[1, 0], [1, 0]], dtype), [0, 1]) for dtype in ('f8', 'f4', 'f2')]",
        "inf",
    ),
    Difference(
        "The entropy of numbers that are no distribution",
        "0.5 + 0.6 is 1.1. Dividing by it in silence turns a mistake into a plausible number.",
        "3",
        "SciPy",
        "scipy.stats.entropy([0.5, 0.6])",
        "ce.entropy([0.5, 0.6])",
    ),
    Difference(
        "Jensen-Shannon of (0.5, 0.5) and (0.9, 0.1)",
        "The function is named after the divergence and returns its square root.",
        "4",
        "SciPy",
        "scipy.spatial.distance.jensenshannon([0.5, 0.5], [0.9, 0.1])",
        "ce.js_divergence([0.5, 0.5], [0.9, 0.1])",
        "(log(mpf(5) / 7) + log(mpf(5) / 3)) / 4 + (9 * log(mpf(9) / 7) + log(mpf(1) / 3)) / 20",
    ),
)


def namespace(*, with_torch: bool) -> dict[str, Any]:
    """The names that the expressions use. Only PyTorch's own need torch."""
    import ml_dtypes
    import scipy.spatial.distance
    import scipy.stats
    from sklearn.metrics import log_loss

    import crossentropy as ce

    names = {
        "ce": ce,
        "np": np,
        "inf": np.inf,
        "float32": np.float32,
        "bfloat16": lambda values: np.array(values, dtype=ml_dtypes.bfloat16),
        "scipy": scipy,
        "log_loss": log_loss,
    }
    if with_torch:
        import torch
        from torch.nn import functional

        def gradient(loss: Any, predictions: Any, targets: Any) -> Any:
            leaf = torch.tensor(predictions, requires_grad=True)
            loss(leaf, targets).backward()
            return leaf.grad

        names |= {"torch": torch, "tensor": torch.tensor, "F": functional, "gradient": gradient}
    return names


def exact(expression: str) -> str:
    """An expression in mpmath, evaluated with 50 digits and shown with six."""
    import mpmath

    with mpmath.workdps(50):
        return shown(eval(expression, dict(vars(mpmath))))


def answer(expression: str, names: Mapping[str, Any]) -> str:
    """What a run of the expression gives, an exception included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return shown(eval(expression, dict(names)))
        except ValueError as error:
            return f"ValueError: {error}"


def shown(value: Any) -> str:
    """Numbers with six digits."""
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return f"{float(value) + 0.0:.6g}"
