"""The drop-ins on PyTorch's own samples: values and gradients of PyTorch's functions, as computed in float64."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch.autograd import gradcheck

from crossentropy.torch import functional
from tests.torch.samples import NAMES, OPERATORS, Sample, admitted, is_admitted, samples

Tensor = torch.Tensor
DTYPES = [torch.float64, torch.float32, torch.bfloat16]
#: Of the result, beside that of PyTorch in float64: a few units in the last place, one for bfloat16.
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-6, torch.bfloat16: 2.0**-7}
#: Where logits are rounded to bfloat16, as those of a linear layer are, by up to 2^-9 of themselves.
TOLERANCE_OF_PRODUCTS = TOLERANCE | {torch.bfloat16: 2.0**-5}

each_drop_in = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def kl_div_says_that_its_mean_is_none() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "^reduction: ", UserWarning)  # as PyTorch does
        warnings.filterwarnings("ignore", "^linear_cross_entropy: ``options`` ignored", UserWarning)  # PyTorch's alone
        yield


def theirs(name: str) -> Any:
    return getattr(torch.nn.functional, name)


def cotangent(value: Tensor) -> Tensor:
    """Numbers of either sign and 0 that every dtype holds."""
    return ((torch.arange(value.numel()) % 7 - 2) / 4).reshape(value.shape).to(value.dtype)


def differentiated(function: Any, sample: Sample) -> tuple[Tensor, list[Tensor]]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "^reduction: 'mean' divides", UserWarning)  # PyTorch's words for the same
        value = function(*sample.tensors, **sample.options)
    leaves = [x for x in (*sample.tensors, *sample.options.values()) if isinstance(x, Tensor) and x.requires_grad]
    return value, list(torch.autograd.grad(value, leaves, cotangent(value)))


def in_double(sample: Sample) -> Sample:
    def wide(x: Any) -> Any:
        if not (isinstance(x, Tensor) and x.is_floating_point()):
            return torch.float64 if isinstance(x, torch.dtype) else x
        return x.detach().double().requires_grad_(x.requires_grad)

    options = {key: wide(x) for key, x in sample.options.items() if key != "options"}  # of chunks, which round
    return Sample(tuple(map(wide, sample.tensors)), options)


@each_drop_in
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_promise_18_values_and_gradients_are_those_of_pytorch(name: str, dtype: torch.dtype) -> None:
    assert OPERATORS[name]
    for drawn in samples(name, dtype):
        sample = admitted(name, drawn)
        value, gradients = differentiated(getattr(functional, name), sample)
        exact, slopes = differentiated(theirs(name), in_double(sample))
        like, _ = differentiated(theirs(name), sample)
        assert (value.dtype, value.shape) == (like.dtype, like.shape), sample
        for found, expected in zip([value, *gradients], [exact, *slopes], strict=True):
            tolerance = (TOLERANCE_OF_PRODUCTS if name == "linear_cross_entropy" else TOLERANCE)[dtype]
            size = expected.abs().max().item() if expected.numel() else 0.0
            torch.testing.assert_close(
                found.double(), expected, rtol=tolerance, atol=tolerance * size, equal_nan=True, msg=f"{sample}"
            )


@each_drop_in
def test_pytorchs_check_of_gradients_on_its_samples(name: str) -> None:
    def called(*tensors: Tensor, **options: Any) -> Tensor:
        sample = admitted(name, Sample(tensors, options))  # inside, so that distributions stay what they are
        found: Tensor = getattr(functional, name)(*sample.tensors, **sample.options)
        return found

    for drawn in samples(name, torch.float64):
        assert gradcheck(partial(called, **drawn.options), drawn.tensors, fast_mode=True)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if not all(is_admitted(name, s) for s in samples(name, torch.float64))]
)
def test_samples_beyond_the_domain_are_refused(name: str) -> None:
    for sample in samples(name, torch.float64):
        if not is_admitted(name, sample):
            with pytest.raises(ValueError, match=r"^(targets|signs|class_weight|pos_weight|sample_weight).*: expected"):
                detached = [x.detach() for x in sample.tensors]
                getattr(functional, name)(*detached, **sample.options)


@pytest.mark.parametrize("name", [name for name in NAMES if OPERATORS[name][0].error_inputs_func])
def test_what_pytorch_refuses_is_refused(name: str) -> None:
    errors = list(OPERATORS[name][0].error_inputs("cpu"))
    assert errors
    for error in errors:
        sample = error.sample_input
        for function in (theirs(name), getattr(functional, name)):
            with pytest.raises((RuntimeError, ValueError)):
                function(sample.input, *sample.args, **sample.kwargs)
