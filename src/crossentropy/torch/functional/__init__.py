"""The losses and activations of crossentropy under the names, signatures and conventions of ``torch.nn.functional``.

What PyTorch answers rightly, these answer alike, digits aside; docs/from-torch.md lists every difference.

Example:
    >>> import torch
    >>> import crossentropy.torch.functional as F
    >>> F.cross_entropy(torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 0.0]]), torch.tensor([0, 1]))
    tensor(0.1681)
"""

from crossentropy.torch.functional._activations import log_softmax, logsigmoid, softmax
from crossentropy.torch.functional._divergence import kl_div
from crossentropy.torch.functional._elements import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from crossentropy.torch.functional._heads import linear_cross_entropy
from crossentropy.torch.functional._rows import cross_entropy, nll_loss

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "kl_div",
    "linear_cross_entropy",
    "log_softmax",
    "logsigmoid",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "soft_margin_loss",
    "softmax",
]
