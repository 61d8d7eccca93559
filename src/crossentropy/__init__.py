"""The cross-entropy family done right: exact, fast and the same everywhere.

Measures of distributions, activations, losses that know their derivatives. The conventions that all of them keep are in
docs/conventions.md.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from crossentropy._activations import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax, softplus
from crossentropy._checked import checked
from crossentropy._config import get_num_threads, set_num_threads, show_config, use_instruction_set
from crossentropy._dispatch import use_implementation
from crossentropy._losses import (
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
from crossentropy._memory import release_memory
from crossentropy._native import core as _core
from crossentropy._targets import SparseTargets

if _TYPE_CHECKING:
    from crossentropy._differential_entropy import differential_entropy
    from crossentropy._heads import linear_softmax_cross_entropy
    from crossentropy._measures import (
        conditional_entropy,
        cross_entropy,
        entropy,
        joint_entropy,
        js_distance,
        js_divergence,
        kl_divergence,
        mutual_information,
        perplexity,
        surprisal,
    )

__version__: str = _core.version()

__all__ = [  # noqa: RUF022 (a table of contents, in the order of reading)
    # measures
    "surprisal",
    "entropy",
    "cross_entropy",
    "kl_divergence",
    "js_divergence",
    "js_distance",
    "perplexity",
    "joint_entropy",
    "conditional_entropy",
    "mutual_information",
    "differential_entropy",
    # losses
    "softmax_cross_entropy",
    "softmax_kl_divergence",
    "sigmoid_cross_entropy",
    "categorical_cross_entropy",
    "binary_cross_entropy",
    "negative_log_likelihood",
    "soft_margin",
    "multilabel_soft_margin",
    "mean_squared_error",
    "SparseTargets",
    # heads
    "linear_softmax_cross_entropy",
    # activations
    "softmax",
    "log_softmax",
    "logsumexp",
    "sigmoid",
    "log_sigmoid",
    "softplus",
    # choices and facts
    "checked",
    "use_implementation",
    "use_instruction_set",
    "set_num_threads",
    "get_num_threads",
    "release_memory",
    "show_config",
]


_MODULES = {"differential_entropy": "_differential_entropy", "linear_softmax_cross_entropy": "_heads"}


def __getattr__(name: str) -> object:
    """The measures and heads, loaded when first used: whoever needs none pays nothing for them at import."""
    if name not in __all__:
        raise AttributeError(f"module 'crossentropy' has no attribute {name!r}")
    module = _import_module(f"crossentropy.{_MODULES.get(name, '_measures')}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
