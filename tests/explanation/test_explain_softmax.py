"""The softmax derivation: its steps lead, one from the other, to what the reference computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from crossentropy.explanation import Derivation, explain
from crossentropy.reference import activations, losses

LOG2 = math.log(2.0)
ROWS = [
    pytest.param([2.0, -1.0, 0.5], 0, id="right"),
    pytest.param([2.0, -1.0, 0.5], 1, id="wrong"),
    pytest.param([2.0, -1.0, 0.5], [0.7, 0.2, 0.1], id="soft"),
    pytest.param([40.0, 0.0, -3.0], 0, id="small loss"),
    pytest.param([1e6 + 2.0, 1e6 - 1.0, 1e6], 2, id="large offset"),
    pytest.param([2.0, -math.inf, 0.5], 0, id="dropped class"),
    pytest.param([2.0, -math.inf, 0.5], 1, id="impossible target"),
    pytest.param([math.inf, 1.0, -math.inf], 0, id="certain"),
    pytest.param([1e308, -1e308], 1, id="beyond the largest float"),
    pytest.param([3.0], 0, id="one class"),
    pytest.param(list(np.linspace(-4.0, 4.0, 30)), 7, id="thirty classes"),
]


def column(derivation: Derivation, symbol: str) -> np.ndarray[Any, Any]:
    """The values of the first step of that symbol."""
    return np.array(next(step.value for step in derivation.steps if step.symbol == symbol))


def note(derivation: Derivation, symbol: str) -> str:
    return next(step.note for step in derivation.steps if step.symbol == symbol)


def dense(target: Any, classes: int) -> np.ndarray[Any, Any]:
    return np.array(target) if isinstance(target, list) else np.eye(classes)[target]


@pytest.mark.parametrize("base", [None, 2.0, 10.0])
@pytest.mark.parametrize(("logits", "target"), ROWS)
def test_each_step_follows_from_those_before_it(logits: list[float], target: Any, base: float | None) -> None:
    derivation = explain(logits=logits, target=target, base=base)
    nats = 1.0 if base is None else math.log(base)
    log = {None: "log", 2.0: "log₂", 10.0: "log₁₀"}[base]
    z, t, m, shift = (column(derivation, symbol) for symbol in ("z", "t", "m", "z − m"))
    np.testing.assert_array_equal(z, logits)
    np.testing.assert_array_equal(t, dense(target, len(logits)))
    assert m == max(logits)
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_array_equal(shift, np.where(z == m, 0.0, z - m))
    exponentials, total, p = (column(derivation, symbol) for symbol in ("e^(z − m)", "S", "p"))
    np.testing.assert_allclose(exponentials, np.exp(shift), rtol=1e-15)
    np.testing.assert_allclose(total, exponentials.sum(), rtol=1e-15)
    np.testing.assert_allclose(p, exponentials / total, rtol=4e-15)
    log_p = column(derivation, f"{log} p")
    np.testing.assert_allclose(log_p, (shift - np.log(total)) / nats, rtol=4e-15, atol=1e-15)
    cost = column(derivation, f"−t·{log} p")
    np.testing.assert_array_equal(cost[t == 0.0], 0.0)
    np.testing.assert_allclose(cost[t > 0.0], -t[t > 0.0] * log_p[t > 0.0], rtol=1e-15)
    np.testing.assert_allclose(derivation.loss, cost.sum(), rtol=4e-15)
    assert derivation.loss == column(derivation, "ℓ")
    np.testing.assert_allclose(np.array(derivation.gradient) * nats, p - t, rtol=4e-15, atol=4e-16)


@pytest.mark.parametrize(("logits", "target"), ROWS)
def test_loss_and_gradient_are_the_reference_s(logits: list[float], target: Any) -> None:
    derivation = explain(logits=logits, target=target)
    z, t = np.array(logits), dense(target, len(logits))
    assert derivation.loss == losses.softmax_cross_entropy(z, t)
    np.testing.assert_array_equal(derivation.gradient, losses.softmax_cross_entropy_gradient(z, t))


@pytest.mark.parametrize("start", ["logits", "probabilities"])
@pytest.mark.parametrize("target", [0, 1, [0.7, 0.2, 0.1, 0.0]])
def test_squared_error_s_gradient_is_its_numeric_derivative(start: str, target: Any) -> None:
    z, t, step = np.array([2.0, -1.0, 0.5, 0.25]), dense(target, 4), 1e-5
    row = {"logits": z, "probabilities": activations.softmax(z)}[start]
    derivation = explain(**{start: row}, target=target)

    def squared_error(logits: np.ndarray[Any, Any]) -> float:
        return float(np.mean(losses.mean_squared_error(activations.softmax(logits), t)))

    numeric = [(squared_error(z + e) - squared_error(z - e)) / (2.0 * step) for e in step * np.eye(4)]
    np.testing.assert_allclose(derivation.squared_error_gradient, numeric, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(derivation.squared_error, squared_error(z), rtol=1e-14)


def test_the_textbook_s_loss_is_2_302585_nats_and_only_the_gradient_sees_the_other_classes() -> None:
    first = explain(probabilities=[0.1, 0.5, 0.1, 0.1, 0.2], target=0)
    second = explain(probabilities=[0.1, 0.6, 0.1, 0.1, 0.1], target=0)
    assert f"{first.loss:.6f} {first.unit}" == "2.302585 nats"
    assert first.loss == second.loss
    np.testing.assert_allclose(first.gradient, [-0.9, 0.5, 0.1, 0.1, 0.2], rtol=1e-15)
    np.testing.assert_allclose(second.gradient, [-0.9, 0.6, 0.1, 0.1, 0.1], rtol=1e-15)
    np.testing.assert_allclose(column(first, "∂ℓ/∂p"), [-10.0, 0.0, 0.0, 0.0, 0.0], rtol=1e-15)
    np.testing.assert_allclose(column(first, "∂E/∂z"), [-0.0448, 0.056, -0.0048, -0.0048, -0.0016], rtol=1e-13)
    assert [step.name for step in first.sections[0].steps] == ["target", "probabilities", "logarithm", "pick", "loss"]


def test_probabilities_lead_where_their_logits_do() -> None:
    z, target = np.array([2.0, -1.0, 0.5]), [0.7, 0.2, 0.1]
    given, derived = (
        explain(probabilities=activations.softmax(z), target=target, base=2),
        explain(logits=z, target=target, base=2),
    )
    for name in ("loss", "gradient", "squared_error", "squared_error_gradient"):
        np.testing.assert_allclose(getattr(given, name), getattr(derived, name), rtol=1e-13)
    np.testing.assert_allclose(column(given, "∂ℓ/∂p"), -np.array(target) / activations.softmax(z) / LOG2, rtol=1e-15)


def test_promise_1_a_base_scales_loss_and_gradient_and_names_the_unit() -> None:
    nats, bits = (explain(logits=[2.0, -1.0, 0.5], target=1, base=base) for base in (None, 2))
    np.testing.assert_allclose(bits.loss, nats.loss / LOG2, rtol=1e-15)
    np.testing.assert_allclose(bits.gradient, np.array(nats.gradient) / LOG2, rtol=1e-15)
    assert bits.squared_error == nats.squared_error
    assert bits.squared_error_gradient == nats.squared_error_gradient
    assert (nats.unit, bits.unit) == ("nats", "bits")


def test_promise_2_a_target_of_probability_0_costs_inf_and_says_why() -> None:
    derivation = explain(probabilities=[0.0, 1.0], target=0)
    assert derivation.loss == math.inf
    assert note(derivation, "ℓ") == "The target's probability is 0 at class 0: the loss is +inf; no epsilon is added."
    assert derivation.gradient == (-1.0, 1.0)
    np.testing.assert_array_equal(column(derivation, "∂ℓ/∂p"), [-math.inf, 0.0])
    assert column(derivation, "ratio") == math.inf
    assert note(derivation, "ratio") == "The squared error's gradient is 0: it learns nothing from this row."


def test_promise_6_a_dropped_class_costs_nothing_and_has_gradient_0() -> None:
    derivation = explain(logits=[2.0, -math.inf, 0.5], target=[0.5, 0.0, 0.5])
    np.testing.assert_allclose(derivation.loss, explain(logits=[2.0, 0.5], target=[0.5, 0.5]).loss, rtol=1e-15)
    assert derivation.gradient[1] == 0.0
    assert derivation.squared_error_gradient[1] == 0.0
    assert note(derivation, "log p").endswith("log 0 is -inf; where t is 0 it costs nothing: 0·log 0 = 0.")


def test_promise_7_a_common_offset_changes_only_the_logits_shown() -> None:
    plain, offset = (explain(logits=np.array([2.0, -1.0, 0.5]) + shift, target=1) for shift in (0.0, 2.0**40))
    assert plain.loss == offset.loss
    assert plain.gradient == offset.gradient
    assert plain.squared_error_gradient == offset.squared_error_gradient


def test_promise_8_small_losses_keep_their_digits() -> None:
    derivation = explain(logits=[40.0, 0.0, 0.0], target=0)
    others = 2.0 * math.exp(-40.0)
    np.testing.assert_allclose(derivation.loss, math.log1p(others), rtol=1e-15)
    np.testing.assert_allclose(derivation.gradient[0], -others / (1.0 + others), rtol=1e-15)
    g = others * (1.0 + 0.5) * 2.0 / 3.0  # p·(∂E/∂p − Σ p·∂E/∂p) at the truth, to first order in the others
    np.testing.assert_allclose(derivation.squared_error_gradient[0], -others * g, rtol=1e-14)


@pytest.mark.parametrize("one_hot", [[0.0, 1.0, 0.0], [0, 1, 0]])
@pytest.mark.parametrize("index", [1, np.uint8(1), np.array(1), True])
def test_promise_11_an_index_and_a_one_hot_row_are_the_same_target(index: Any, one_hot: Any) -> None:
    logits = np.array([2.0, -1.0, 0.5])
    assert explain(logits=logits, target=index) == explain(logits=logits, target=one_hot)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64"])
def test_any_dtype_is_explained_at_the_numbers_it_holds(dtype: str) -> None:
    row = np.array([2, -1, 3], dtype=dtype)
    row.flags.writeable = False  # promise 23
    assert explain(logits=row, target=2) == explain(logits=[2.0, -1.0, 3.0], target=2)


@pytest.mark.parametrize(
    ("logits", "target"),
    [
        ([0.3, 0.2, 0.1], 0),
        ([-2.0, 5.0], 0),
        ([1e20, 0.0], 0),
        ([1e308, 1e308, -1e308], 0),
        ([30.0, 0.0, 1.0], 0),
        ([0.0, 30.0, 29.9], [0.5, 0.3, 0.2]),
    ],
)
def test_a_more_confident_mistake_moves_cross_entropy_more_and_squared_error_less(
    logits: list[float], target: Any
) -> None:
    section = explain(logits=logits, target=target).sections[-1]
    assert section.labels == ("as given", "0", "4", "8", "16")
    truth, loss, ours, squared_error, theirs = (np.array(step.value)[1:] for step in section.steps)
    assert np.all(np.diff(truth) < 0.0)
    assert np.all(np.diff(loss) > 0.0)
    assert np.all(np.diff(ours) > 0.0)
    assert np.all(np.diff(squared_error) > 0.0)
    assert np.all(np.diff(theirs[1:]) < 0.0)
    assert ours[-1] > 0.7
    assert 0.0 < theirs[-1] < 1e-6


def test_the_mistake_starts_at_the_row_as_given() -> None:
    derivation = explain(logits=[2.0, -1.0, 0.5], target=0)
    first = [step.value[0] for step in derivation.sections[-1].steps]  # type: ignore[index]
    wrong = 2  # the strongest class that is not the target
    assert first == [
        column(derivation, "p")[0],
        derivation.loss,
        abs(derivation.gradient[wrong]),
        derivation.squared_error,
        abs(derivation.squared_error_gradient[wrong]),
    ]


@pytest.mark.parametrize(
    ("logits", "target"),
    [([3.0], 0), ([2.0, -math.inf], 1), ([2.0, -math.inf], 0), ([math.inf, 1.0], 0), ([math.inf, 1.0], 1)],
)
def test_no_more_confident_mistake_where_no_class_can_lead(logits: list[float], target: int) -> None:
    titles = [section.title for section in explain(logits=logits, target=target).sections]
    assert titles == [
        "From logits to the loss",
        "The gradient of the cross-entropy",
        "The same through the squared error",
    ]


def test_nothing_is_compared_where_both_gradients_are_0() -> None:
    derivation = explain(probabilities=[0.25, 0.5, 0.25], target=[0.25, 0.5, 0.25])
    assert derivation.gradient == (0.0, 0.0, 0.0)
    assert "ratio" not in [step.symbol for step in derivation.steps]
