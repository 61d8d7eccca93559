"""Causal language models of Hugging Face's transformers with the head that never makes their logits.

The model runs its own forward pass. Hooks hand its output layer features that answer ``linear`` with logits which are
not made, and its loss function, which takes these, is the head. So whatever else a model does stays: auxiliary losses,
caches, classes of results. Nothing here imports transformers.
"""

from __future__ import annotations

import math
from contextvars import ContextVar
from functools import partial
from inspect import signature
from typing import Any, NamedTuple, TypeVar

import torch
from torch.utils._pytree import tree_map

from crossentropy._validation import sentence
from crossentropy.torch._heads import linear_softmax_cross_entropy

Tensor = torch.Tensor
Model = TypeVar("Model", bound=torch.nn.Module)

#: Where a patched model keeps what undoes it.
_MARK = "_crossentropy_undo"
#: The loss that the head computes, by the name of transformers' function.
_LOSS = "ForCausalLMLoss"

#: The output layer whose logits are not to be made, while a patched model is called with labels.
_head: ContextVar[torch.nn.Module | None] = ContextVar("head", default=None)


def patch_causal_lm(model: Model) -> Model:
    """Let a causal language model of transformers compute its loss without its logits; the model itself is returned.

    ``model(input_ids, labels=labels)`` then computes its loss by ``linear_softmax_cross_entropy(hidden, head.weight,
    labels, bias=head.bias, shift=1, ignore_index=-100)`` nats a token, from the hidden states and the output layer of
    ``model.get_output_embeddings()``, in blocks of rows: neither forward nor backward holds the logits of all tokens.
    With ``num_items_in_batch=`` the sum is divided by it, as by transformers. A factor of the logits and
    ``final_logit_softcapping`` go with the head. Parameters, states, ``generate`` and calls without labels are as
    before.

    With labels the result's ``logits`` stand for the tensor: its attributes, methods, indices and PyTorch's functions
    make the logits each time they are used, ``logits.compute()`` makes them once, differentiable as ever.

    Patching again changes nothing; ``unpatch`` undoes it.

    Args:
        model: a ``...ForCausalLM`` or ``...LMHeadModel``, any module with an output layer that is a torch.nn.Linear and
            transformers' ``loss_function`` for causal language models.

    Returns:
        The model. Its loss is float32 (float64 where hidden states or weight are), and NaN where all labels are -100.

    Raises:
        TypeError: a model without such a layer or loss.
        NotImplementedError: when it is called with labels, and does with its logits what the head cannot do.
        RuntimeError: when it is called with labels, and its output layer was replaced since.

    Example:
        >>> import torch, transformers
        >>> import crossentropy.torch as ct
        >>> config = transformers.GPT2Config(vocab_size=100, n_embd=8, n_layer=1, n_head=2)
        >>> model = ct.patch_causal_lm(transformers.GPT2LMHeadModel(config))
        >>> tokens = torch.tensor([[3, 1, 4, 1, 5]])
        >>> output = model(tokens, labels=tokens)
        >>> output.loss.backward()
        >>> output.logits, output.logits.argmax(-1).shape
        (<logits of shape (1, 5, 100), not made>, torch.Size([1, 5]))
    """
    if hasattr(model, _MARK):
        return model
    head = _output_layer(model)
    plain = getattr(model, "loss_function", None)
    if type(head) is not torch.nn.Linear or getattr(plain, "__name__", "") != _LOSS:
        raise TypeError(
            sentence(
                "model",
                expected="a causal language model of transformers, with a torch.nn.Linear as output layer and the loss "
                f"{_LOSS}",
                received=f"{type(model).__name__} with {type(head).__name__} and {getattr(plain, '__name__', plain)}",
                remedy="pass such a model before its output layer is wrapped, or call "
                "linear_softmax_cross_entropy(hidden, weight, labels, shift=1) yourself",
            )
        )
    own = "_loss_function" in vars(model)  # where transformers keeps one that was assigned
    model.loss_function = partial(_loss, plain)  # type: ignore[assignment]  # a property there
    handles = [
        model.register_forward_pre_hook(_begin, with_kwargs=True),
        head.register_forward_pre_hook(_withhold),
        model.register_forward_hook(_end, always_call=True),
    ]
    setattr(model, _MARK, _Undo(handles, plain if own else None))
    return model


def unpatch(model: Model) -> Model:
    """Undo ``patch_causal_lm``: the model, which is returned, makes its logits again. Others are left as they are.

    Example:
        >>> import transformers
        >>> import crossentropy.torch as ct
        >>> config = transformers.GPT2Config(vocab_size=100, n_embd=8, n_layer=1, n_head=2)
        >>> model = transformers.GPT2LMHeadModel(config)
        >>> ct.unpatch(ct.patch_causal_lm(model)) is model
        True
    """
    undo = vars(model).get(_MARK)
    if undo is not None:
        for handle in undo.handles:
            handle.remove()
        if undo.loss_function is None:
            del model._loss_function
        else:
            model.loss_function = undo.loss_function
        delattr(model, _MARK)
    return model


class _Undo(NamedTuple):
    handles: list[Any]
    loss_function: Any  # one that was assigned before


def _output_layer(model: Any) -> Any:
    return model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None


def _begin(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    given = signature(model.forward).bind_partial(*args, **kwargs).arguments if args else kwargs
    _head.set(None if given.get("labels") is None else _output_layer(model))


def _withhold(head: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return (_Features(args[0]),) if head is _head.get() else None


def _end(model: Any, args: Any, output: Any) -> None:
    _head.set(None)
    for value in output.values() if hasattr(output, "values") else output or ():
        if isinstance(value, Logits):
            value.in_use = True


def _loss(
    plain: Any,
    logits: Any,
    labels: Tensor,
    *args: Any,
    num_items_in_batch: Any = None,
    ignore_index: int = -100,
    shift_labels: Tensor | None = None,
    **kwargs: Any,
) -> Any:
    """transformers' loss function of logits that are not made; of others its own."""
    if not isinstance(logits, Logits):
        if _head.get() is not None:
            raise RuntimeError(
                sentence(
                    "model",
                    expected="logits of the output layer that was patched",
                    received="logits of another, as resizing the vocabulary makes one",
                    remedy="call unpatch(model) and patch_causal_lm(model) again",
                )
            )
        given = {"num_items_in_batch": num_items_in_batch, "ignore_index": ignore_index, "shift_labels": shift_labels}
        return plain(logits, labels, *args, **given, **kwargs)
    targets = labels if shift_labels is None else shift_labels
    return linear_softmax_cross_entropy(
        logits.features,
        logits.weight,
        targets.to(logits.features.device),
        bias=logits.bias,
        softcap=logits.cap,
        temperature=1.0 / logits.factor,
        shift=1 if shift_labels is None else 0,
        ignore_index=ignore_index,
        normalizer=None if num_items_in_batch is None else float(num_items_in_batch),
        empty=math.nan,
    )


class _Features:
    """The input of an output layer, which answers ``linear`` with logits that are not made."""

    def __init__(self, features: Tensor) -> None:
        self.features = features

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is not torch.nn.functional.linear:
            raise _unknown(function.__name__)
        features, weight, bias = args
        return Logits(features.features, weight, bias)


class Logits:
    """``factor`` · cap · tanh(z / cap) of the logits z = features · weightᵀ + bias, which are made when they are used.

    While the model that they belong to runs, what it does to them is kept in mind, and they are not made.
    """

    def __init__(
        self, features: Tensor, weight: Tensor, bias: Tensor | None, factor: float = 1.0, cap: float | None = None
    ) -> None:
        self.features, self.weight, self.bias, self.factor, self.cap = features, weight, bias, factor, cap
        self.shape = torch.Size((*features.shape[:-1], len(weight)))
        self.device, self.dtype = features.device, features.dtype
        self.in_use = False

    def __repr__(self) -> str:
        return f"<logits of shape {tuple(self.shape)}, not made>"

    def compute(self) -> Tensor:
        """The logits."""
        z = torch.nn.functional.linear(self.features, self.weight, self.bias)
        if self.cap is not None:
            z = self.cap * torch.tanh(z / self.cap)
        return z if self.factor == 1.0 else z * self.factor

    def __mul__(self, factor: Any) -> Any:
        if self.in_use:
            return self.compute() * factor
        if not isinstance(factor, int | float) or factor <= 0:
            raise _unknown(f"a factor {factor!r}")
        return Logits(self.features, self.weight, self.bias, self.factor * factor, self.cap)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Any:
        if self.in_use:
            return self.compute() / divisor
        if not isinstance(divisor, int | float) or divisor <= 0:
            raise _unknown(f"a divisor {divisor!r}")
        return Logits(self.features, self.weight, self.bias, self.factor / divisor, self.cap)

    def __getitem__(self, index: Any) -> Tensor:
        return self._made("an index")[index]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # of protocols that this class does not have
        if not self.in_use and name in ("float", "contiguous"):  # the loss is computed in float32 anyway
            return lambda: self
        return getattr(self._made(name), name)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        first = args[0]
        if function is torch.tanh and isinstance(first, Logits) and not first.in_use and first.cap is None:
            # tanh(f z) is f · c · tanh(z / c) with c = 1/f
            return Logits(first.features, first.weight, first.bias, first.factor, 1.0 / first.factor)

        def made(value: Any) -> Any:
            return value._made(function.__name__) if isinstance(value, Logits) else value

        return function(*tree_map(made, args), **tree_map(made, kwargs or {}))

    def _made(self, what: str) -> Tensor:
        if not self.in_use:
            raise _unknown(what)
        return self.compute()


def _unknown(what: str) -> NotImplementedError:
    return NotImplementedError(
        sentence(
            "model",
            expected="one that hands its logits to its loss_function, but for a positive factor and a softcap",
            received=f"one that applies {what} to them",
            remedy="undo the patch with unpatch(model), or call it without labels",
        )
    )
