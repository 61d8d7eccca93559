"""The sigmoid derivation: binary and multi-label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from crossentropy.explanation import Derivation, explain
from crossentropy.reference import activations, losses

ROWS = [
    pytest.param([0.8], [1.0], id="binary yes"),
    pytest.param([0.8], [0.0], id="binary no"),
    pytest.param([0.8], [0.3], id="binary soft"),
    pytest.param([3.0, -2.0, 0.5], [0.0, 0.0, 1.0], id="labels"),
    pytest.param([3.0, -2.0, 0.5], [0.1, 0.2, 0.9], id="soft labels"),
    pytest.param([800.0, -800.0, 40.0], [0.0, 1.0, 1.0], id="large margins"),
    pytest.param([math.inf, -math.inf], [1.0, 0.0], id="certain and right"),
    pytest.param([math.inf, 0.0], [0.0, 1.0], id="certain and wrong"),
]


def column(derivation: Derivation, symbol: str) -> np.ndarray[Any, Any]:
    return np.array(next(step.value for step in derivation.steps if step.symbol == symbol))


def weighted(t: np.ndarray[Any, Any], yes: np.ndarray[Any, Any], no: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """t·yes + (1 − t)·no, where a weight of 0 counts as 0."""
    with np.errstate(invalid="ignore"):
        return np.where(t == 0.0, 0.0, t * yes) + np.where(t == 1.0, 0.0, (1.0 - t) * no)


@pytest.mark.parametrize("base", [None, 2.0])
@pytest.mark.parametrize(("logits", "target"), ROWS)
def test_promise_9_each_step_follows_from_those_before_it(
    logits: list[float], target: list[float], base: float | None
) -> None:
    derivation = explain(logits=logits, target=target, kind="sigmoid", base=base)
    nats = 1.0 if base is None else math.log(base)
    z, t, p, yes, no, cost = (column(derivation, symbol) for symbol in ("z", "t", "p", "sp(−z)", "sp(z)", "ℓ_k"))
    np.testing.assert_array_equal(z, logits)
    np.testing.assert_array_equal(t, target)
    np.testing.assert_allclose(p, activations.sigmoid(z), rtol=1e-15)
    np.testing.assert_allclose(yes, np.logaddexp(0.0, -z), rtol=1e-15)
    np.testing.assert_allclose(no, np.logaddexp(0.0, z), rtol=1e-15)
    np.testing.assert_allclose(cost, weighted(t, yes, no) / nats, rtol=1e-15)
    np.testing.assert_allclose(derivation.loss, cost.mean(), rtol=4e-15)
    assert derivation.loss == column(derivation, "ℓ")
    np.testing.assert_allclose(np.array(derivation.gradient) * len(z) * nats, p - t, rtol=4e-15, atol=4e-16)


@pytest.mark.parametrize(("logits", "target"), ROWS)
def test_loss_and_gradient_are_the_mean_of_the_reference_s(logits: list[float], target: list[float]) -> None:
    derivation = explain(logits=logits, target=target, kind="sigmoid")
    z, t = np.array(logits), np.array(target)
    np.testing.assert_allclose(derivation.loss, losses.sigmoid_cross_entropy(z, t).mean(), rtol=1e-15)
    np.testing.assert_allclose(derivation.gradient, losses.sigmoid_cross_entropy_gradient(z, t) / len(z), rtol=1e-15)


@pytest.mark.parametrize("start", ["logits", "probabilities"])
def test_squared_error_s_gradient_is_its_numeric_derivative(start: str) -> None:
    z, t, step = np.array([3.0, -2.0, 0.5]), np.array([0.0, 0.2, 1.0]), 1e-5
    row = {"logits": z, "probabilities": activations.sigmoid(z)}[start]
    derivation = explain(**{start: row}, target=t, kind="sigmoid")

    def squared_error(logits: np.ndarray[Any, Any]) -> float:
        return float(np.mean(losses.mean_squared_error(activations.sigmoid(logits), t)))

    numeric = [(squared_error(z + e) - squared_error(z - e)) / (2.0 * step) for e in step * np.eye(3)]
    np.testing.assert_allclose(derivation.squared_error_gradient, numeric, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(derivation.squared_error, squared_error(z), rtol=1e-14)


@pytest.mark.parametrize("base", [None, 2.0])
@pytest.mark.parametrize(
    ("probabilities", "target"), [([0.3], [1.0]), ([0.3, 0.9, 0.5], [0.0, 1.0, 0.4]), ([0.0, 1.0], [0.0, 1.0])]
)
def test_probabilities_lead_over_both_logarithms(
    probabilities: list[float], target: list[float], base: float | None
) -> None:
    derivation = explain(probabilities=probabilities, target=target, kind="sigmoid", base=base)
    nats, log = (1.0, "log") if base is None else (math.log(base), "log₂")
    p, t = np.array(probabilities), np.array(target)
    yes, no = column(derivation, f"{log} p"), column(derivation, f"{log}(1 − p)")
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(yes, np.log(p) / nats, rtol=1e-15)
        np.testing.assert_allclose(no, np.log(1.0 - p) / nats, rtol=1e-15)
    np.testing.assert_allclose(derivation.loss, weighted(t, -yes, -no).mean(), rtol=4e-15)
    np.testing.assert_allclose(np.array(derivation.gradient) * len(p) * nats, p - t, rtol=4e-15)
    at_p = weighted(t, -1.0 / np.where(p == 0.0, 1.0, p), 1.0 / np.where(p == 1.0, 1.0, 1.0 - p))
    np.testing.assert_allclose(column(derivation, "∂ℓ/∂p") * len(p) * nats, at_p, rtol=4e-15)


def test_two_classes_under_softmax_are_the_sigmoid_of_the_difference() -> None:
    binary = explain(logits=0.75, target=1, kind="sigmoid")
    two = explain(logits=[2.0, 1.25], target=0)
    np.testing.assert_allclose(binary.loss, two.loss, rtol=1e-15)
    np.testing.assert_allclose(binary.gradient[0], two.gradient[0], rtol=1e-15)
    assert binary.title == "Binary cross-entropy: target 1"


def test_promise_2_a_ruled_out_truth_costs_inf_and_says_why() -> None:
    derivation = explain(probabilities=[0.5, 1.0], target=[1, 0], kind="sigmoid")
    assert derivation.loss == math.inf
    loss = next(step for step in derivation.steps if step.symbol == "ℓ")
    assert loss.note == "The target's probability is 0 at label 1: the loss is +inf; no epsilon is added."
    assert derivation.gradient == (-0.25, 0.5)
    assert len(derivation.sections) == 3


@pytest.mark.parametrize("target", [[0.0, 0.0, 1.0], [0.2, 0.3, 0.9]])
def test_a_more_confident_mistake_moves_cross_entropy_more_and_squared_error_less(target: list[float]) -> None:
    section = explain(logits=[3.0, -2.0, 0.5], target=target, kind="sigmoid").sections[-1]
    truth, loss, ours, squared_error, theirs = (np.array(step.value)[1:] for step in section.steps)
    np.testing.assert_allclose(truth, 1.0 / (1.0 + np.exp([0.0, 4.0, 8.0, 16.0])), rtol=1e-14)
    for growing in (loss, ours, squared_error):
        assert np.all(np.diff(growing) > 0.0)
    assert np.all(np.diff(theirs) < 0.0)
    assert theirs[-1] < 1e-6
    assert section.note.startswith("Here the logit of label 0 goes further and further to the wrong side of 0.")


def test_a_wrong_no_goes_to_the_other_side() -> None:
    section = explain(logits=-2.0, target=1, kind="sigmoid").sections[-1]
    given, *led = section.steps[1].value  # type: ignore[misc]
    np.testing.assert_allclose([given, *led], np.logaddexp(0.0, [2.0, 0.0, 4.0, 8.0, 16.0]), rtol=1e-15)
