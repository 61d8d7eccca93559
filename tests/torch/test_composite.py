"""The composite against the native core and the reference: numbers, edges, the choice between them, mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy._loss import LOSSES
from crossentropy._targets import SparseTargets
from crossentropy.torch import _composite, _composite_checks
from crossentropy.torch._tensors import as_array, from_array
from tests.support.calls import Call, calls, quietly
from tests.support.expected import expected
from tests.support.tensor_calls import NAMES, arguments, cases

Tensor = torch.Tensor
INF, NAN = float("inf"), float("nan")


def results(implementation: Any, name: str, x: Tensor, targets: Any, **options: Any) -> tuple[Tensor, Tensor]:
    """Value and gradient of the sum of what comes out."""
    x = x.detach().requires_grad_()
    with ct.use_implementation(implementation):
        value = getattr(ct, name)(x, targets, **options)
    (slopes,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), slopes


@pytest.fixture(params=["as on the CPU", "as on an accelerator"])
def tolerance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """Both dtypes that float32 predictions are computed in."""
    if request.param == "as on an accelerator":
        monkeypatch.setattr(_composite, "working_dtype", lambda predictions: torch.float32)
        yield {"rtol": 1e-5, "atol": 1e-37}
    else:
        yield {"rtol": 4e-7, "atol": 1e-37}


@pytest.mark.parametrize(("name", "options"), cases())
def test_values_and_gradients_are_those_of_the_native_core(
    name: str, options: dict[str, Any], tolerance: dict[str, float]
) -> None:
    x, targets = arguments(name, torch.float32)
    for ours, theirs in zip(*(results(i, name, x, targets, **options) for i in ("composite", "native")), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance["rtol"], atol=1e-7)  # of the larger of two terms


EDGES = {
    "impossible class": [[-INF, 1.0, 2.0], [0.0, -INF, 1.0]],
    "impossible label": [[0.0, 1.0, -INF], [-INF, 0.0, 1.0]],
    "certain": [[INF, 0.0, 1.0], [0.0, 1.0, INF]],
    "two certain": [[INF, INF, 0.0], [1.0, 2.0, 0.0]],
    "offset": [[1e6 + 3.0, 1e6, 1e6 - 1.0], [-1e6, -1e6 + 2.0, -1e6]],
    "gap": [[0.0, 0.0, 80.0], [80.0, 0.0, -80.0]],
    "far": [[0.0, 1e4, 1e30], [-1e30, 0.0, 1e4]],
    "NaN in one row": [[NAN, 1.0, 0.0], [1.0, 0.0, 2.0]],
    "only -inf in one row": [[-INF, -INF, -INF], [1.0, 0.0, 2.0]],
}
ROW_OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "smoothing": {"label_smoothing": 0.1},
    "mask": {"class_mask": torch.tensor([True, False, True]), "label_smoothing": 0.1},
    "mask of the label": {"class_mask": torch.tensor([[True, True, False], [True, True, True]])},
    "focal": {"focal_gamma": 0.5},
    "steep focal": {"focal_gamma": 2.0, "class_weight": torch.tensor([1.0, 0.0, 2.0])},
    "capped": {"softcap": 30.0, "temperature": 2.0},
    "z loss": {"z_loss": 0.01},
    "dropped": {"sample_weight": torch.tensor([0.0, 2.0])},
    "ignored": {"ignore_index": 2},
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("options", ROW_OPTIONS)
@pytest.mark.parametrize("kind", ["index", "soft"])
def test_promises_6_to_10_rows_at_the_edges(edge: str, options: str, kind: str, tolerance: dict[str, float]) -> None:
    x, given = torch.tensor(EDGES[edge]), ROW_OPTIONS[options]
    targets = torch.tensor([2, 0])
    if kind == "soft":
        if options == "ignored":
            given = {}
        targets = torch.tensor([[0.25, 0.0, 0.75], [1.0, 0.0, 0.0]])
    found = (
        results(i, "softmax_cross_entropy", x, targets, reduction="none", **given) for i in ("composite", "native")
    )
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, equal_nan=True, **tolerance)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("name", ["sigmoid_cross_entropy", "soft_margin", "binary_cross_entropy"])
def test_promise_9_elements_at_the_edges(name: str, gamma: float, tolerance: dict[str, float]) -> None:
    z = torch.tensor([-INF, -1e4, -90.0, 0.0, 40.0, 800.0, INF, NAN])
    x = torch.tensor([0.0, 1e-45, 0.25, 1.0]) if name == "binary_cross_entropy" else z
    options = {"focal_gamma": gamma} if name == "sigmoid_cross_entropy" else {}
    for target in (-1.0, 1.0) if name == "soft_margin" else (0.0, 0.25, 1.0):
        found = (
            results(i, name, x, torch.full_like(x, target), reduction="none", **options)
            for i in ("composite", "native")
        )
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, equal_nan=True, **tolerance)


def as_tensors(call: Call) -> tuple[Tensor, Any, dict[str, Any]]:
    def tensor(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        return from_array(value.astype(value.dtype.newbyteorder("=")))  # PyTorch knows no other

    targets = call.targets
    if isinstance(targets, SparseTargets):
        targets = SparseTargets(tensor(targets.indices), tensor(targets.probabilities), tail=targets.tail)
    else:
        targets = tensor(np.asarray(targets))
    return tensor(np.asarray(call.predictions)), targets, {key: tensor(v) for key, v in call.options.items()}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data())
def test_any_call_gives_what_the_reference_gives(name: str, data: st.DataObject) -> None:
    """Promises 11 to 17 and 20: every option, kind of target, dtype and layout, within the stated error."""
    call = data.draw(calls(LOSSES[name], dtypes=("float16", "bfloat16", "float32")))
    x, targets, options = as_tensors(call)
    # the one slope that the composite does not give: of mass on a class that is masked and has a logit of +inf
    assume("class_mask" not in options or not bool((x == INF).any()))
    with np.errstate(all="ignore"):
        exact = expected(call)
    with ct.use_implementation("composite"):
        value = quietly(lambda: getattr(ct, name)(x.requires_grad_(), targets, **options))
    if options.get("return_weight"):
        value, weight = value
        exact["weight"].check(weight.detach().numpy())
    exact["value"].check(value.detach().numpy())
    if options.get("reduction") != "mean" or "empty" not in options or exact["weight"].exact != 0:
        (slopes,) = torch.autograd.grad(value.sum(), x)
        exact["gradient"].check(as_array(slopes))


def test_the_rule_and_what_is_forced_can_be_asked_promise_25() -> None:
    x, weight = torch.zeros(2, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    assert ct.implementation(x, torch.tensor([0, 1])) == "native"
    assert ct.implementation(x, weight) == "composite"
    with torch.no_grad():
        assert ct.implementation(x, weight) == "native"
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(torch.ones(3), torch.ones(3))
        assert ct.implementation(x, dual) == "composite" and ct.implementation(dual, x.detach()) == "native"
    assert ce.show_config()["implementations"]["tensors"] == "automatic"
    with ct.use_implementation("composite"):
        assert ct.implementation(x) == "composite"
        assert ce.show_config()["implementations"]["tensors"] == "composite"
    with (
        pytest.raises(ValueError, match=r"^name: expected one of 'automatic', 'native', 'composite', got 'fast'; "),
        ct.use_implementation("fast"),  # type: ignore[arg-type]
    ):
        pass


def test_the_native_core_refuses_other_gradients_where_it_is_forced() -> None:
    x, t = torch.zeros(1, 2), torch.full((1, 2), 0.5, requires_grad=True)
    with ct.use_implementation("native"), pytest.raises(ValueError) as caught:
        ct.softmax_cross_entropy(x, t)
    assert str(caught.value) == (
        "targets: expected a tensor that needs no gradient, got one that does; pass it detached, or leave it to the "
        'composite: without use_implementation("native") it is taken'
    )


WRONG: dict[str, tuple[str, Any, Any, dict[str, Any], type[Exception], str]] = {
    "label": (
        "softmax_cross_entropy",
        [[0.0, 1.0]],
        [2],
        {},
        IndexError,
        "targets: expected class indices in [0, 2), ",
    ),
    "soft": ("softmax_cross_entropy", [[0.0, 1.0]], [[0.5, 0.6]], {}, ValueError, "targets, row 0: expected probabil"),
    "weight": (
        "softmax_cross_entropy",
        [[0.0, 1.0]],
        [1],
        {"class_weight": [1.0, -1.0]},
        ValueError,
        "class_weight: expected finite weights of at least 0, ",
    ),
    "binary": ("sigmoid_cross_entropy", [0.0], [2.0], {}, ValueError, "targets: expected targets in [0, 1], "),
    "sign": ("soft_margin", [0.0], [0.5], {}, ValueError, "signs: expected signs -1 or +1, "),
    "probability": (
        "binary_cross_entropy",
        [1.5],
        [1],
        {},
        ValueError,
        "probabilities: expected probabilities in [0, 1]",
    ),
    "distribution": ("categorical_cross_entropy", [[0.5, 0.6]], [1], {}, ValueError, "probabilities, row 0: expected "),
    "log": ("negative_log_likelihood", [[0.0, 0.0]], [1], {}, ValueError, "log_probabilities, row 0: expected log-"),
}


@pytest.mark.parametrize("mistake", WRONG)
@pytest.mark.parametrize("where", ["CPU", "elsewhere"])
def test_mistakes_are_named_promise_24(mistake: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the row on the CPU, and inside ``checked()`` elsewhere; else by an assertion that names the argument."""
    name, x, targets, options, kind, message = WRONG[mistake]
    given = {key: torch.tensor(value) for key, value in options.items()}

    def call() -> Any:
        with ct.use_implementation("composite"):
            return getattr(ct, name)(torch.tensor(x), torch.tensor(targets), **given)

    if where == "elsewhere":
        monkeypatch.setattr(_composite_checks, "_is_near", lambda predictions: False)
        with pytest.raises(RuntimeError) as asserted:
            call()
        argument = message.split(":")[0].split(",")[0]
        assert str(asserted.value).startswith(f"{argument}: expected ")
        with ce.checked(), pytest.raises(kind) as caught:
            call()
    else:
        with pytest.raises(kind) as caught:
            call()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_right_is_refused_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_composite_checks, "_is_near", lambda predictions: False)
    x, targets = arguments(name)
    with ct.use_implementation("composite"):
        assert getattr(ct, name)(x, targets).isfinite()
        if "sparse" in LOSSES[name].contract.target_kinds:
            listed = ce.SparseTargets(torch.tensor([[0, 1]] * 4), torch.tensor([[0.5, 0.25]] * 4), tail="uniform")
            assert getattr(ct, name)(x, listed).isfinite()


def test_shapes_are_checked_where_numbers_cannot_be() -> None:
    x = torch.empty(2, 3, device="meta")
    with ct.use_implementation("composite"):
        assert ct.softmax_cross_entropy(x, torch.empty(2, dtype=torch.int64, device="meta")).shape == ()
        with pytest.raises(ValueError, match=r"^targets: expected shape \(2,\) \(one class index for each row\), "):
            ct.softmax_cross_entropy(x, torch.empty(3, dtype=torch.int64, device="meta"))


def test_a_compiled_call_asserts_its_labels() -> None:
    def value(x: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        found: Tensor = ct.softmax_cross_entropy(x, labels, class_weight=weight)
        return found

    compiled = torch.compile(value, fullgraph=True, backend="aot_eager")
    weight = torch.ones(3, requires_grad=True)
    assert compiled(torch.zeros(2, 3), torch.tensor([0, 1]), weight).isfinite()
    with pytest.raises(RuntimeError, match=r"^targets: expected class indices in \[0, 3\), "):
        compiled(torch.zeros(2, 3), torch.tensor([0, 3]), weight)


def test_promise_10_the_head_gives_a_row_of_only_minus_infinity_its_logsumexp() -> None:
    with ct.use_implementation("composite"):
        found = ct.linear_softmax_cross_entropy(
            torch.ones(2, 3),
            torch.ones(2, 3),
            torch.tensor([0, 1]),
            class_mask=torch.tensor([[False, False], [True, False]]),
            outputs="logsumexp",
        )
    assert found.logsumexp.tolist() == [-INF, 3.0]


def test_promise_19_the_head_rounds_the_gradient_of_a_weight_once() -> None:
    generator, slopes = torch.Generator().manual_seed(0), []
    x, w = (torch.randn(shape, generator=generator).bfloat16() for shape in ((64, 8), (5, 8)))
    labels = torch.arange(64) % 5
    for block_bytes in (1, 1 << 20):  # a row at a time, and all at once
        with ct.use_implementation("composite"):
            loss = ct.linear_softmax_cross_entropy(x, w.requires_grad_(), labels, block_bytes=block_bytes)
        slopes.append(torch.autograd.grad(loss, w)[0])
    assert torch.equal(*slopes)


def test_no_row_left_promise_17() -> None:
    x, labels = torch.zeros(2, 3, requires_grad=True), torch.tensor([-100, -100])
    with ct.use_implementation("composite"):
        with pytest.warns(RuntimeWarning, match="the mean is NaN"):
            assert ct.softmax_cross_entropy(x, labels, ignore_index=-100).isnan()
        assert ct.softmax_cross_entropy(x, labels, ignore_index=-100, reduction="sum") == 0.0
        value = ct.softmax_cross_entropy(x, labels, ignore_index=-100, empty=0.0)
    value.backward()
    assert value == 0.0 and x.grad is not None and bool((x.grad == 0.0).all())
