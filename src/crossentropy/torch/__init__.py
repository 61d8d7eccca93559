"""The losses and activations of crossentropy on PyTorch's tensors: the same names and answers, with its autograd.

Example:
    >>> import torch
    >>> import crossentropy.torch as ct
    >>> z = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 0.0]], requires_grad=True)
    >>> ct.softmax_cross_entropy(z, torch.tensor([0, 1])).backward()
    >>> z.grad
    tensor([[-0.1072,  0.0196,  0.0876],
            [ 0.0226, -0.0453,  0.0226]])
"""

from crossentropy.torch._activations import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax, softplus
from crossentropy.torch._causal_lm import patch_causal_lm, unpatch
from crossentropy.torch._choice import implementation, use_implementation
from crossentropy.torch._heads import linear_softmax_cross_entropy
from crossentropy.torch._losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    mean_squared_error,
    multilabel_soft_margin,
    negative_log_likelihood,
    sigmoid_cross_entropy,
    soft_margin,
    softmax_cross_entropy,
    softmax_kl_divergence,
)

__all__ = [
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "implementation",
    "linear_softmax_cross_entropy",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mean_squared_error",
    "multilabel_soft_margin",
    "negative_log_likelihood",
    "patch_causal_lm",
    "sigmoid",
    "sigmoid_cross_entropy",
    "soft_margin",
    "softmax",
    "softmax_cross_entropy",
    "softmax_kl_divergence",
    "softplus",
    "unpatch",
    "use_implementation",
]
