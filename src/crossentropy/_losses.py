"""The public losses, declared: arguments, defaults, documentation. What is done with them stands in _builders.py."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from crossentropy._builders import element_problem, row_problem
from crossentropy._conventions import Reduction
from crossentropy._loss import loss
from crossentropy._targets import SparseTargets

Targets = ArrayLike | SparseTargets


@loss("Σ_c w_c t_c (-log softmax(z)_c)", "logits", ("index", "soft", "sparse"), row_problem)
def softmax_cross_entropy(
    logits: ArrayLike,
    targets: Targets,
    *,
    axis: int = -1,
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
) -> Any:
    """Cross-entropy of softmax(logits) against class indices or target distributions.

    Row loss: ``Σ_c w_c t_c (-log p_c)``, p = softmax(z); for a class index y it is ``w_y (logsumexp(z) - z_y)``.
    Gradient of an unweighted row: ``p - t``; Hessian: ``diag(p) - p pᵀ``.

    Args:
        logits: real numbers (..., K), classes on ``axis``.
        targets: class indices (...) of any integer dtype; one-hot or soft targets (..., K) of any float dtype;
            or SparseTargets.
        {options}

    Returns:
        Nats, in float32 (float64 for float64 and integer logits): a scalar, or the row losses for ``reduction="none"``.

    Edge cases: a logit of -inf is a class of probability 0; with target mass on it the loss is inf. NaN stays in its
    row. The smallest losses keep their digits: float32 logits 80 apart cost 1.8e-35, not 0.

    {accuracy}

    Raises:
        IndexError: a label outside [0, K) that is not ``ignore_index``.
        ValueError: targets that are no distributions, wrong shapes, options out of range.
        TypeError: arrays that are no real numbers.

    Example:
        >>> import crossentropy as ce
        >>> z = [[2.0, -1.0, 0.5], [0.0, 3.0, 0.0]]
        >>> value, gradient = ce.softmax_cross_entropy.value_and_grad(z, [0, 1])
        >>> print(value.round(6), gradient.round(3).tolist())
        0.168117 [[-0.107, 0.02, 0.088], [0.023, -0.045, 0.023]]

    Source: Good, "Rational decisions", 1952; Bridle, "Probabilistic interpretation of feedforward classification
    network outputs", 1990.
    """


@loss("Σ_c w_c t_c (log t_c - log softmax(z)_c)", "logits", ("index", "soft", "sparse"), row_problem)
def softmax_kl_divergence(
    logits: ArrayLike,
    targets: Targets,
    *,
    axis: int = -1,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    class_mask: ArrayLike | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Kullback-Leibler divergence of target distributions from softmax(logits), as in distillation.

    Row loss: ``Σ_c w_c t_c (log t_c - log p_c)``: softmax_cross_entropy less the targets' own entropy, so that 0 is the
    best possible value. The derivatives are those of softmax_cross_entropy; so are arguments, edge cases and errors.

    Args:
        logits: real numbers (..., K), classes on ``axis``.
        targets: class indices (...), soft targets (..., K), or SparseTargets.
        {options}

    Returns:
        Nats, in float32 (float64 for float64 and integer logits): a scalar, or the row losses for ``reduction="none"``.

    {accuracy} The two logarithms may cancel: the value's error is
    counted in ULP of ``Σ_c w_c t_c (|log t_c| + |log p_c|)``.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.softmax_kl_divergence([[2.0, -1.0, 0.5]], [[0.7, 0.1, 0.2]]).round(6))
        0.039493

    Source: Kullback and Leibler, 1951; Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
    """


@loss("Σ_c w_c t_c (-log p_c)", "probabilities", ("index", "soft", "sparse"), row_problem)
def categorical_cross_entropy(
    probabilities: ArrayLike,
    targets: Targets,
    *,
    axis: int = -1,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Cross-entropy of predicted probabilities against class indices or target distributions.

    Row loss: ``Σ_c w_c t_c (-log p_c)``. Gradient with respect to p: ``-w t/p``; Hessian: the diagonal ``w t/p²``.

    Args:
        probabilities: distributions (..., K) on ``axis``; nothing is clipped or normalised.
        targets: class indices (...), soft targets (..., K), or SparseTargets.
        {options}

    Returns:
        Nats, in float32 (float64 for float64 and integers): a scalar, or the row losses for ``reduction="none"``.

    Edge cases: target mass on a class of probability 0 costs inf, with gradient -inf there; 0 · log 0 = 0.

    {accuracy}

    Raises:
        IndexError: a label outside [0, K) that is not ``ignore_index``.
        ValueError: rows that are no distributions (the row, its sum and the remedy are named), wrong shapes.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.categorical_cross_entropy([0.1, 0.5, 0.1, 0.1, 0.2], 0).round(6))
        2.302585

    Source: Good, "Rational decisions", 1952 (the logarithmic score).
    """


@loss("Σ_c w_c t_c (-log p_c)", "log-probabilities", ("index", "soft", "sparse"), row_problem)
def negative_log_likelihood(
    log_probabilities: ArrayLike,
    targets: Targets,
    *,
    axis: int = -1,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Negative log-likelihood of class indices or target distributions under predicted log-probabilities.

    Row loss: ``-Σ_c w_c t_c l_c`` with l = log p. Gradient with respect to l: ``-w t``; Hessian: 0.

    Args:
        log_probabilities: logarithms of distributions (..., K) on ``axis``. Logits are refused: their exponentials do
            not sum to 1.
        targets: class indices (...), soft targets (..., K), or SparseTargets.
        {options}

    Returns:
        Nats, in float32 (float64 for float64 and integers): a scalar, or the row losses for ``reduction="none"``.

    Edge cases: target mass on a log-probability of -inf costs inf; 0 · (-inf) = 0.

    {accuracy}

    Raises:
        IndexError: a label outside [0, K) that is not ``ignore_index``.
        ValueError: rows whose exponentials do not sum to 1 (row, sum and remedy are named), wrong shapes.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.negative_log_likelihood(ce.log_softmax([2.0, -1.0, 0.5]), 0).round(6))
        0.241311

    Source: Fisher, "On the mathematical foundations of theoretical statistics", 1922.
    """


@loss("w₊ t softplus(-z) + (1-t) softplus(z)", "logits", ("binary", "soft"), element_problem)
def sigmoid_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Binary and multi-label cross-entropy of sigmoid(logits).

    Loss of an element: ``w (w₊ t softplus(-z) + (1-t) softplus(z))``, t after smoothing, t ← (1-ε)·t + ε/2.
    Gradient of an unweighted element: ``σ(z) - t``; Hessian: the diagonal ``σ(z) σ(-z)``.

    Each element is a row of its own with two classes: the mean divides by the sum of the elements' weights,
    ``w (w₊ t + 1 - t)``.

    Args:
        logits: real numbers of any shape; for several labels (N, K).
        targets: 0 and 1 of any integer or bool dtype, or floats in [0, 1], of the logits' shape.
        {options}
            Here ``class_weight`` is a number or one for each column of the last axis, and ``sample_weight`` has the
            logits' shape, or lacks the last axis.

    Returns:
        Nats, in float32 (float64 for float64 and integer logits): a scalar, or the elements' losses.

    Edge cases: exact limits at ±inf; no overflow at any logit; NaN stays in its element.

    {accuracy}

    Raises:
        IndexError: an integer target other than 0 and 1.
        ValueError: a float target outside [0, 1], wrong shapes, options out of range.

    Example:
        >>> import crossentropy as ce
        >>> value, gradient = ce.sigmoid_cross_entropy.value_and_grad([0.5, -2.0], [1, 0])
        >>> print(value.round(6), gradient.round(6).tolist())
        0.300502 [-0.18877, 0.059601]

    Source: Cox, "The regression analysis of binary sequences", 1958.
    """


@loss("-w₊ t log p - (1-t) log(1-p)", "probabilities", ("binary", "soft"), element_problem)
def binary_cross_entropy(
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Binary and multi-label cross-entropy of predicted probabilities.

    Loss of an element: ``w (-w₊ t log p - (1-t) log(1-p))``. Gradient with respect to p: ``w ((1-t)/(1-p) - w₊ t/p)``.
    Arguments and weights are those of sigmoid_cross_entropy.

    Args:
        probabilities: numbers in [0, 1] of any shape, each the probability of class 1; nothing is clipped.
        targets: 0 and 1 of any integer or bool dtype, or floats in [0, 1], of the same shape.
        {options}

    Returns:
        Nats, in float32 (float64 for float64 and integers): a scalar, or the elements' losses.

    Edge cases: p = 0 where t > 0, and p = 1 where t < 1, cost inf.

    {accuracy}

    Raises:
        IndexError: an integer target other than 0 and 1.
        ValueError: a probability or a float target outside [0, 1], or NaN; wrong shapes.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.binary_cross_entropy([0.9, 0.2], [1, 0]).round(6))
        0.164252

    Source: Good, "Rational decisions", 1952.
    """


@loss("softplus(-y s)", "scores", ("sign",), element_problem)
def soft_margin(
    scores: ArrayLike,
    signs: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Logistic loss of scores against signs: ``log(1 + e^(-y s))``, as ``softplus(-y s)``.

    Gradient: ``-y σ(-y s)``; Hessian: the diagonal ``σ(s) σ(-s)``. It is sigmoid_cross_entropy with t = (y + 1)/2.

    Args:
        scores: real numbers of any shape.
        signs: -1 and +1 of any signed integer or float dtype, of the same shape.
        {options}

    Returns:
        Nats, in float32 (float64 for float64 and integer scores): a scalar, or the elements' losses.

    Edge cases: a margin of -1e4 costs 1e4, with gradient -y; exact limits at ±inf.

    {accuracy}

    Raises:
        ValueError: a sign other than -1 and +1, wrong shapes.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.soft_margin([3.0, -1e4], [1, 1], reduction="none").round(6).tolist())
        [0.048587, 10000.0]

    Source: Friedman, Hastie and Tibshirani, "Additive logistic regression", 2000.
    """


@loss("mean over c of sigmoid_cross_entropy(z_c, t_c)", "logits", ("binary", "soft"), element_problem)
def multilabel_soft_margin(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    axis: int = -1,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Multi-label loss of rows: sigmoid_cross_entropy averaged over the classes of each row.

    Row loss: ``1/K Σ_c w_c (t_c softplus(-z_c) + (1-t_c) softplus(z_c))``; row weight: ``s/K Σ_c w_c``.

    Args:
        logits: real numbers (..., K), classes on ``axis``.
        targets: 0 and 1 of any integer or bool dtype, or floats in [0, 1], of the same shape.
        {options}

    Returns:
        Nats, in float32 (float64 for float64 and integer logits): a scalar, or the row losses for ``reduction="none"``.

    {accuracy}

    Raises:
        IndexError: an integer target other than 0 and 1.
        ValueError: a float target outside [0, 1], wrong shapes.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.multilabel_soft_margin([[0.5, -2.0, 1.0]], [[1, 0, 1]]).round(6))
        0.304756

    Source: as sigmoid_cross_entropy; the name is the one PyTorch gave the average over classes.
    """


@loss("(x - t)²", "real numbers", ("real",), element_problem)
def mean_squared_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
) -> Any:
    """Squared error ``(x - t)²`` of each element: the contrast that textbooks draw to cross-entropy.

    Gradient: ``2 (x - t)``; Hessian: the diagonal 2.

    Args:
        predictions: real numbers of any shape.
        targets: real numbers of the same shape.
        {options}

    Returns:
        The unit of x, squared, in float32 (float64 for float64 and integers): a scalar, or the elements' losses.

    {accuracy}

    Raises:
        ValueError: wrong shapes.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.mean_squared_error([0.1, 0.5, 0.4], [1.0, 0.0, 0.0]).round(6))
        0.406667

    Source: Legendre, 1805; Gauss, 1809.
    """
