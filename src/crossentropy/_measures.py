"""The public measures of distributions: entropy and what is built of it; the formulas are in reference/measures.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import cleandoc
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from crossentropy._conventions import rounded
from crossentropy._measure_inputs import (
    as_distributions,
    blockwise,
    check_entries,
    measure_dtype,
    of_pairs,
    of_rows,
    of_tables,
)
from crossentropy._validation import as_axis, as_base, as_floats
from crossentropy.reference import measures as reference

#: Greatest error in ULP of a float64 result, in any base; perplexity's for every nat of its logarithm beyond the first.
MEASURE_ULP = {
    "surprisal": 4.0,
    "entropy": 4.0,
    "cross_entropy": 4.0,
    "kl_divergence": 8.0,
    "js_divergence": 8.0,
    "js_distance": 6.0,
    "perplexity": 4.0,
    "joint_entropy": 4.0,
    "conditional_entropy": 4.0,
    "mutual_information": 8.0,
}

_RETURNED = "float64 if an argument holds float64 or integers, else float32, rounded once"

_OPTIONS = """base: unit of the result: None for nats, 2 for bits, 10 for hartleys; above 1.
    normalize: divide by the sum first, in float64; so counts and weights become probabilities."""

_SHARED = {
    "options": _OPTIONS,
    "pair": f"""p: distributions (..., K), classes on ``axis``.
    q: distributions over the same classes; the axes before those broadcast.
    axis: the axis of the classes, in p and in q.
    {_OPTIONS}""",
    "table": f"""joint: tables (..., X, Y) that each sum to 1, the values of X and of Y on the two axes of ``axis``.
    axis: the axes of X and of Y; any others are a batch of tables.
    {_OPTIONS}""",
    "returned": _RETURNED,
    "returned_pair": f"The broadcast shape without ``axis``, {_RETURNED}.",
    "returned_table": f"The shape of ``joint`` without the two axes, {_RETURNED}.",
    "tested": "on probabilities from 5e-324 to 1 and 1 to 4,096 classes",
    "errors_pair": """ValueError: a row is no distribution (an entry is negative or NaN, or the sum is not 1);
        or the shapes do not fit.
    TypeError: p or q holds no real numbers.""",
    "errors_table": """ValueError: a table is no distribution (an entry is negative or NaN, or the sum is not 1).
    TypeError: ``joint`` holds no real numbers, or ``axis`` is no pair of integers.""",
}

Measure = TypeVar("Measure", bound=Callable[..., Any])


def _documented(measure: Measure) -> Measure:
    """Fill in what the measures share, and the accuracy."""
    text = cleandoc(measure.__doc__ or "")
    measure.__doc__ = text.format(ulp=f"{MEASURE_ULP[measure.__name__]:g}", **_SHARED)
    return measure


@_documented
def surprisal(p: ArrayLike, *, axis: int = -1, base: float | None = None, normalize: bool = False) -> Any:
    """Surprisal of events of probability p: what it costs to see one.

    ``-log p``, elementwise: the probabilities need not be those of one distribution.

    Args:
        p: probabilities from 0 to 1, any shape.
        axis: the axis along which ``normalize`` divides; without it, any axis of p.
        {options}

    Returns:
        The shape of p, {returned}; inf where p = 0, 0 where p = 1.

    Accuracy: within {ulp} ULP, {tested}.

    Raises:
        ValueError: an entry is NaN or outside [0, 1]; with ``normalize``, a sum is 0 or infinite.
        TypeError: p holds no real numbers.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.surprisal([1.0, 0.5, 0.125, 0.0], base=2))
        [ 0.  1.  3. inf]

    Source: Shannon, "A mathematical theory of communication", 1948; the name is Tribus's, 1961.
    """
    unit = as_base(base)
    values = as_floats("p", p)
    rows = np.atleast_1d(values)
    axis = as_axis(axis, rows.ndim, "p")
    if normalize:
        rows = np.moveaxis(as_distributions("p", np.moveaxis(rows, axis, -1), True), -1, axis)
    else:
        check_entries("p", values, at_most=1.0)
    nats = blockwise(reference.surprisal, rows, core=0).reshape(values.shape)
    return rounded(nats / unit, measure_dtype(values))


@_documented
def entropy(p: ArrayLike, *, axis: int = -1, base: float | None = None, normalize: bool = False) -> Any:
    """Entropy of distributions: the surprisal to be expected.

    ``H(p) = Σ p (-log p)`` with 0 log 0 = 0, from 0 (one class is certain) to log K (all K are equally likely).

    Args:
        p: distributions (..., K), classes on ``axis``.
        axis: the axis of the classes.
        {options}

    Returns:
        The shape of p without ``axis``, {returned}.

    Accuracy: within {ulp} ULP, {tested}.

    Raises:
        ValueError: a row is no distribution (a negative or NaN entry, or a sum that is not 1); the row is named.
        TypeError: p holds no real numbers.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.entropy([63 / 64, 1 / 64], base=2).round(4))
        0.1161
        >>> print(ce.entropy([[3, 3, 3, 3], [12, 0, 0, 0]], base=2, normalize=True))
        [2. 0.]

    Source: Shannon, "A mathematical theory of communication", 1948.
    """
    return of_rows(reference.entropy, as_base(base), p, axis, normalize)


@_documented
def cross_entropy(
    p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, normalize: bool = False
) -> Any:
    """Cross-entropy of two distributions: the expected surprisal of who believes q where p is true.

    ``H(p, q) = Σ p (-log q) = H(p) + D(p‖q)``, with 0 for p = 0 whatever q is, and inf for p > 0 where q = 0.

    Args:
        {pair}

    Returns:
        {returned_pair}

    Accuracy: within {ulp} ULP, {tested}.

    Raises:
        {errors_pair}

    Example:
        >>> import crossentropy as ce
        >>> print(ce.cross_entropy([1, 0, 0, 0, 0], [0.1, 0.5, 0.1, 0.1, 0.2]).round(6))
        2.302585

    For logits and labels, softmax_cross_entropy is faster and keeps more digits.

    Source: Good, "Some terminology and notation in information theory", 1956.
    """
    return of_pairs(reference.cross_entropy, as_base(base), p, q, axis, normalize)


@_documented
def kl_divergence(
    p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, normalize: bool = False
) -> Any:
    """Kullback-Leibler divergence D(p‖q) of q from p: what believing q costs beyond the entropy of p.

    ``D(p‖q) = Σ p log(p/q) = H(p, q) - H(p)``, never negative, 0 for p = q, inf where q = 0 and p > 0. It is summed as
    ``Σ p log(p/q) - p + q``: the same where both sum to 1, and unharmed where rounding makes them miss that.

    Args:
        {pair}

    Returns:
        {returned_pair}

    Accuracy: within {ulp} ULP, {tested}, however near p and q are.

    Raises:
        {errors_pair}

    Example:
        >>> import crossentropy as ce
        >>> p, q = [0.5, 0.5], [0.25, 0.75]
        >>> print(ce.kl_divergence(p, q).round(6), ce.kl_divergence(q, p).round(6))
        0.143841 0.130812

    Source: Kullback and Leibler, "On information and sufficiency", 1951.
    """
    return of_pairs(reference.kl_divergence, as_base(base), p, q, axis, normalize)


@_documented
def js_divergence(
    p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, normalize: bool = False
) -> Any:
    """Jensen-Shannon divergence of two distributions: their mean divergence from the middle between them.

    ``JS(p, q) = ½ D(p‖m) + ½ D(q‖m)``, m = ½ (p + q): symmetric, always finite, from 0 (p = q) to log 2 (no class in
    common). Its square root is js_distance.

    Args:
        {pair}

    Returns:
        {returned_pair}

    Accuracy: within {ulp} ULP, {tested}, however near p and q are.

    Raises:
        {errors_pair}

    Example:
        >>> import crossentropy as ce
        >>> print(ce.js_divergence([1, 0, 0], [0, 0.5, 0.5], base=2), ce.js_divergence([1, 0], [0.5, 0.5]).round(6))
        1.0 0.215762

    Source: Lin, "Divergence measures based on the Shannon entropy", 1991.
    """
    return of_pairs(reference.js_divergence, as_base(base), p, q, axis, normalize)


@_documented
def js_distance(
    p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, normalize: bool = False
) -> Any:
    """Jensen-Shannon distance of two distributions, a metric: the square root of js_divergence in the same base.

    ``√(½ D(p‖m) + ½ D(q‖m))``, m = ½ (p + q), from 0 (p = q) to √log 2 (no class in common).

    Args:
        {pair}

    Returns:
        {returned_pair}

    Accuracy: within {ulp} ULP, {tested}, for distances above 1e-150.

    Raises:
        {errors_pair}

    Example:
        >>> import crossentropy as ce
        >>> print(ce.js_distance([1, 0], [0.5, 0.5]).round(6))
        0.464501

    Source: Endres and Schindelin, "A new metric for probability distributions", 2003.
    """
    return of_pairs(reference.js_distance, math.sqrt(as_base(base)), p, q, axis, normalize)


@_documented
def perplexity(
    p: ArrayLike, q: ArrayLike | None = None, *, axis: int = -1, base: float | None = None, normalize: bool = False
) -> Any:
    """Perplexity: how many equally likely classes would be as surprising.

    ``e^H(p)``, or ``e^H(p, q)`` where q is given; from 1 to K for p alone, inf where q = 0 and p > 0. Logarithm
    and power have the same base, so that the value does not depend on ``base``.

    Args:
        {pair}

    Returns:
        The (broadcast) shape without ``axis``, {returned}; a number of classes, without a unit.

    Accuracy: within {ulp} ULP, {tested}; times the entropy in nats, where that is above 1.

    Raises:
        {errors_pair}

    Example:
        >>> import crossentropy as ce
        >>> print(ce.perplexity([0.125] * 8), ce.perplexity([0.5, 0.5], [0.9, 0.1]).round(6))
        8.0 3.333333

    Source: Jelinek, Mercer, Bahl and Baker, "Perplexity: a measure of the difficulty of speech recognition
    tasks", 1977.
    """
    as_base(base)
    if q is None:
        return of_rows(lambda rows: reference.perplexity(rows, rows), 1.0, p, axis, normalize)
    return of_pairs(reference.perplexity, 1.0, p, q, axis, normalize)


@_documented
def joint_entropy(
    joint: ArrayLike, *, axis: tuple[int, int] = (-2, -1), base: float | None = None, normalize: bool = False
) -> Any:
    """Joint entropy H(X, Y) of a table of probabilities: the expected surprisal of the pair.

    ``H(X, Y) = Σ p(x, y) (-log p(x, y)) = H(X) + H(Y|X)``.

    Args:
        {table}

    Returns:
        {returned_table}

    Accuracy: within {ulp} ULP, {tested}.

    Raises:
        {errors_table}

    Example:
        >>> import crossentropy as ce
        >>> print(ce.joint_entropy([[0.25, 0.25], [0.5, 0.0]], base=2))
        1.5

    Source: Shannon, "A mathematical theory of communication", 1948.
    """
    return of_tables(reference.joint_entropy, as_base(base), joint, axis, normalize)


@_documented
def conditional_entropy(
    joint: ArrayLike, *, axis: tuple[int, int] = (-2, -1), base: float | None = None, normalize: bool = False
) -> Any:
    """Conditional entropy H(Y|X): the surprisal of Y that is left, on average, once X is known.

    ``H(Y|X) = Σ p(x, y) log(p(x) / p(x, y)) = H(X, Y) - H(X)``. X, which is given, lies on the first axis of ``axis``,
    Y on the second: ``axis=(-1, -2)`` makes it H(X|Y).

    Args:
        {table}

    Returns:
        {returned_table}

    Accuracy: within {ulp} ULP, {tested}, however sure X makes of Y.

    Raises:
        {errors_table}

    Example:
        >>> import crossentropy as ce
        >>> print(ce.conditional_entropy([[0.25, 0.25], [0.5, 0.0]], base=2))
        0.5

    Source: Shannon, "A mathematical theory of communication", 1948.
    """
    return of_tables(reference.conditional_entropy, as_base(base), joint, axis, normalize)


@_documented
def mutual_information(
    joint: ArrayLike, *, axis: tuple[int, int] = (-2, -1), base: float | None = None, normalize: bool = False
) -> Any:
    """Mutual information I(X; Y): how much knowing one spares of the surprisal of the other.

    ``I(X; Y) = D(p(x, y) ‖ p(x) p(y)) = H(X) + H(Y) - H(X, Y)``, never negative, 0 where X and Y are independent. It is
    summed as kl_divergence is.

    Args:
        {table}

    Returns:
        {returned_table}

    Accuracy: within {ulp} ULP, {tested}, for results above 1e-30.

    Raises:
        {errors_table}

    Example:
        >>> import crossentropy as ce
        >>> print(ce.mutual_information([[0.25, 0.25], [0.5, 0.0]], base=2).round(6))
        0.311278

    Source: Shannon, "A mathematical theory of communication", 1948.
    """
    return of_tables(reference.mutual_information, as_base(base), joint, axis, normalize)
