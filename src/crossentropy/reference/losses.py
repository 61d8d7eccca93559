"""The losses and their derivatives, as float64 formulas.

Each loss L comes as five functions of (predictions, targets, options):

- ``L``: the loss of each row (..., K) → (...), or of each element for the losses that have one per element;
- ``L_weight``: what that row or element counts in a mean, Σ_c w_c t_c;
- ``L_gradient``, ``L_hvp(predictions, targets, v)``, ``L_hessian_diagonal``: the gradient, the Hessian times v and the
  Hessian's diagonal, with respect to the predictions as they were passed and in their shape.

Classes are on the last axis; targets t are dense distributions over them (or a probability of class 1, or a sign, or a
number, for the elementwise losses). Sample weights and reductions belong to the public functions, which are held
against these. An option may name a class weight of 0 and a target may have entries of 0: such a class contributes
exactly 0, whatever its prediction. A row of logits without a distribution (NaN, only -inf, two +inf) is NaN.

``REFERENCE_ULP`` states the greatest error of each result against mpmath, in ULP of the result or of the larger of the
terms that it is a difference of (docs/conventions.md, promise 20), for rows of up to 1000 classes. To it add
``FOCAL_ULP`` per unit of ``focal_gamma``, since the power magnifies the error of 1 - p, and ``SOFTCAP_ULP`` per unit of
``softcap`` / ``temperature``, since the exponential magnifies the rounding of tanh. Numbers below the normal range have
fewer digits (a probability of e^-745 has none), which second derivatives magnify: they count from ``SECOND_ULP_FROM``
on.

>>> t = [1.0, 0.0, 0.0, 0.0, 0.0]
>>> print(categorical_cross_entropy([0.1, 0.5, 0.1, 0.1, 0.2], t).round(6))
2.302585
>>> print(softmax_cross_entropy_gradient([2.0, -1.0, 0.5], [1.0, 0.0, 0.0]).round(6))
[-0.214403  0.039113  0.17529 ]
"""

from __future__ import annotations

from crossentropy.reference._losses_probability import (
    CategoricalOptions,
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    binary_cross_entropy_hessian_diagonal,
    binary_cross_entropy_hvp,
    binary_cross_entropy_weight,
    categorical_cross_entropy,
    categorical_cross_entropy_gradient,
    categorical_cross_entropy_hessian_diagonal,
    categorical_cross_entropy_hvp,
    categorical_cross_entropy_weight,
    mean_squared_error,
    mean_squared_error_gradient,
    mean_squared_error_hessian_diagonal,
    mean_squared_error_hvp,
    mean_squared_error_weight,
    negative_log_likelihood,
    negative_log_likelihood_gradient,
    negative_log_likelihood_hessian_diagonal,
    negative_log_likelihood_hvp,
    negative_log_likelihood_weight,
)
from crossentropy.reference._losses_sigmoid import (
    BinaryOptions,
    SigmoidOptions,
    multilabel_soft_margin,
    multilabel_soft_margin_gradient,
    multilabel_soft_margin_hessian_diagonal,
    multilabel_soft_margin_hvp,
    multilabel_soft_margin_weight,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_gradient,
    sigmoid_cross_entropy_hessian_diagonal,
    sigmoid_cross_entropy_hvp,
    sigmoid_cross_entropy_weight,
    soft_margin,
    soft_margin_gradient,
    soft_margin_hessian_diagonal,
    soft_margin_hvp,
    soft_margin_weight,
)
from crossentropy.reference._losses_softmax import (
    SoftmaxKLOptions,
    SoftmaxOptions,
    softmax_cross_entropy,
    softmax_cross_entropy_gradient,
    softmax_cross_entropy_hessian_diagonal,
    softmax_cross_entropy_hvp,
    softmax_cross_entropy_weight,
    softmax_kl_divergence,
    softmax_kl_divergence_gradient,
    softmax_kl_divergence_hessian_diagonal,
    softmax_kl_divergence_hvp,
    softmax_kl_divergence_weight,
)

REFERENCE_ULP = {"value": 4.0, "weight": 4.0, "gradient": 4.0, "hvp": 32.0, "hessian_diagonal": 32.0}
FOCAL_ULP = 4.0
SOFTCAP_ULP = 4.0
SECOND_ULP_FROM = 2.0**-1010

__all__ = [
    "FOCAL_ULP",
    "REFERENCE_ULP",
    "SECOND_ULP_FROM",
    "SOFTCAP_ULP",
    "BinaryOptions",
    "CategoricalOptions",
    "SigmoidOptions",
    "SoftmaxKLOptions",
    "SoftmaxOptions",
    "binary_cross_entropy",
    "binary_cross_entropy_gradient",
    "binary_cross_entropy_hessian_diagonal",
    "binary_cross_entropy_hvp",
    "binary_cross_entropy_weight",
    "categorical_cross_entropy",
    "categorical_cross_entropy_gradient",
    "categorical_cross_entropy_hessian_diagonal",
    "categorical_cross_entropy_hvp",
    "categorical_cross_entropy_weight",
    "mean_squared_error",
    "mean_squared_error_gradient",
    "mean_squared_error_hessian_diagonal",
    "mean_squared_error_hvp",
    "mean_squared_error_weight",
    "multilabel_soft_margin",
    "multilabel_soft_margin_gradient",
    "multilabel_soft_margin_hessian_diagonal",
    "multilabel_soft_margin_hvp",
    "multilabel_soft_margin_weight",
    "negative_log_likelihood",
    "negative_log_likelihood_gradient",
    "negative_log_likelihood_hessian_diagonal",
    "negative_log_likelihood_hvp",
    "negative_log_likelihood_weight",
    "sigmoid_cross_entropy",
    "sigmoid_cross_entropy_gradient",
    "sigmoid_cross_entropy_hessian_diagonal",
    "sigmoid_cross_entropy_hvp",
    "sigmoid_cross_entropy_weight",
    "soft_margin",
    "soft_margin_gradient",
    "soft_margin_hessian_diagonal",
    "soft_margin_hvp",
    "soft_margin_weight",
    "softmax_cross_entropy",
    "softmax_cross_entropy_gradient",
    "softmax_cross_entropy_hessian_diagonal",
    "softmax_cross_entropy_hvp",
    "softmax_cross_entropy_weight",
    "softmax_kl_divergence",
    "softmax_kl_divergence_gradient",
    "softmax_kl_divergence_hessian_diagonal",
    "softmax_kl_divergence_hvp",
    "softmax_kl_divergence_weight",
]
