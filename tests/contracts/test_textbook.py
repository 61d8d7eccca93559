"""Worked numbers and identities of the field's textbooks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import crossentropy as ce

ONE_HOT = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
P, Q = np.array([0.5, 0.25, 0.125, 0.125]), np.array([0.25, 0.25, 0.25, 0.25])


@pytest.mark.parametrize(
    ("p", "bits"),
    [
        ([1.0, 0.0], 0.0),  # a coin with two heads
        ([0.5, 0.5], 1.0),  # a fair coin
        (P, 1.75),  # horses that win half, a quarter, an eighth, an eighth of their races
        (np.full(8, 1 / 8), 3.0),  # eight equally likely fruits
        (np.full(1024, 1 / 1024), 10.0),  # and 1,024 of them
    ],
    ids=["certain", "coin", "horses", "eight fruits", "1,024 fruits"],
)
def test_entropy_in_whole_questions(p: Any, bits: float) -> None:
    """Promise 1."""
    assert ce.entropy(p, base=2) == bits
    assert ce.entropy(p) == pytest.approx(bits * math.log(2.0), rel=1e-15)


def test_entropy_of_one_rare_event_in_64() -> None:
    """Promise 1."""
    entropy = ce.entropy([63 / 64, 1 / 64], base=2)
    assert entropy == pytest.approx(6.0 - 63 / 64 * math.log2(63.0), rel=1e-15)
    assert f"{entropy:.4f}" == "0.1161"
    assert ce.surprisal([1 / 64, 1 / 2, 1.0], base=2).tolist() == [6.0, 1.0, 0.0]


def test_entropy_is_greatest_where_all_are_equally_likely() -> None:
    for p in ([0.7, 0.2, 0.1], [0.34, 0.33, 0.33], [1.0, 0.0, 0.0]):
        assert 0.0 <= ce.entropy(p) < math.log(3.0)
    assert ce.entropy([1 / 3] * 3) == pytest.approx(math.log(3.0), rel=1e-15)


@pytest.mark.parametrize("others", [[0.5, 0.1, 0.1, 0.2], [0.6, 0.1, 0.1, 0.1]])
def test_cross_entropy_of_a_one_hot_target_sees_only_the_true_class(others: list[float]) -> None:
    q = [0.1, *others]
    values = [
        ce.cross_entropy(ONE_HOT, q),
        ce.categorical_cross_entropy(q, 0),
        ce.negative_log_likelihood(np.log(q), 0),
        ce.softmax_cross_entropy(np.log(q), 0),
    ]
    assert [f"{value:.6f}" for value in values] == ["2.302585"] * 4


def test_but_the_gradient_of_the_logits_sees_all_of_them() -> None:
    first, second = [0.1, 0.5, 0.1, 0.1, 0.2], [0.1, 0.6, 0.1, 0.1, 0.1]
    gradients = [ce.softmax_cross_entropy.value_and_grad(np.log(q), 0)[1] for q in (first, second)]
    np.testing.assert_allclose(gradients[0], np.array(first) - ONE_HOT, rtol=1e-14)
    np.testing.assert_allclose(gradients[1], np.array(second) - ONE_HOT, rtol=1e-14)
    np.testing.assert_allclose(gradients[1] - gradients[0], [0.0, 0.1, 0.0, 0.0, -0.1], atol=1e-15)


def test_divergence_and_entropy_make_the_cross_entropy() -> None:
    assert ce.entropy(P, base=2) == 1.75
    assert ce.cross_entropy(P, Q, base=2) == 2.0
    assert ce.kl_divergence(P, Q, base=2) == 0.25
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(6), 50), rng.dirichlet(np.ones(6), 50)
    np.testing.assert_allclose(ce.kl_divergence(p, q) + ce.entropy(p), ce.cross_entropy(p, q), rtol=1e-14)
    assert (ce.kl_divergence(p, q) > 0.0).all()
    assert (ce.kl_divergence(p, p) == 0.0).all()


def test_divergence_of_two_coins() -> None:
    """Promise 4: D(p‖q) and D(q‖p) differ, and the Jensen-Shannon divergence does not."""
    fair, biased = [0.5, 0.5], [0.9, 0.1]
    assert ce.kl_divergence(fair, biased) == pytest.approx(0.5 * math.log(25 / 9), rel=1e-15)
    assert ce.kl_divergence(biased, fair) == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2), rel=1e-14)
    assert ce.js_divergence(fair, biased) == ce.js_divergence(biased, fair)
    assert ce.js_divergence([1.0, 0.0], [0.0, 1.0], base=2) == 1.0


def test_mutual_information() -> None:
    px, py = np.array([0.5, 0.25, 0.25]), np.array([0.75, 0.25])
    independent = np.outer(px, py)
    assert ce.mutual_information(independent) == 0.0
    assert ce.joint_entropy(independent, base=2) == pytest.approx(ce.entropy(px, base=2) + ce.entropy(py, base=2))
    assert ce.mutual_information(np.diag(px), base=2) == ce.entropy(px, base=2) == 1.5  # one tells all of the other
    assert ce.conditional_entropy(np.diag(px)) == 0.0


def test_chain_rule_on_a_joint_table() -> None:
    """Two variables of four values each, in quarters to thirty-seconds (Cover and Thomas, 1991)."""
    joint = np.array([[1 / 8, 1 / 16, 1 / 32, 1 / 32], [1 / 16, 1 / 8, 1 / 32, 1 / 32], [1 / 16] * 4, [1 / 4, 0, 0, 0]])
    assert ce.entropy(joint.sum(axis=0), base=2) == 1.75
    assert ce.entropy(joint.sum(axis=1), base=2) == 2.0
    assert ce.joint_entropy(joint, base=2) == 27 / 8
    assert ce.conditional_entropy(joint, axis=(-2, -1), base=2) == 11 / 8
    assert ce.conditional_entropy(joint, axis=(-1, -2), base=2) == 13 / 8
    assert ce.mutual_information(joint, base=2) == 3 / 8


@pytest.mark.parametrize(("sides", "base"), [(2, None), (6, None), (6, 2), (20, 10)])
def test_perplexity_of_a_fair_die_is_its_number_of_sides(sides: int, base: float | None) -> None:
    die = np.full(sides, 1 / sides)
    assert ce.perplexity(die, base=base) == pytest.approx(sides, rel=1e-15)
    loaded = np.append(np.full(sides - 1, 0.5 / (sides - 1)), 0.5)
    assert ce.perplexity(loaded, base=base) <= ce.perplexity(die, base=base) <= ce.perplexity(die, loaded, base=base)


def test_binary_cross_entropy_of_nine_tenths() -> None:
    values = ce.binary_cross_entropy([0.9, 0.9, 0.5], [1, 0, 1], reduction="none")
    assert [f"{value:.6f}" for value in values] == ["0.105361", "2.302585", "0.693147"]
    assert f"{ce.binary_cross_entropy([0.9, 0.9, 0.5], [1, 0, 1]):.6f}" == "1.033698"


def test_softmax_over_two_classes_is_the_sigmoid_of_the_difference() -> None:
    z = np.linspace(-30.0, 30.0, 121)
    pairs = np.stack([np.full_like(z, 0.5), z + 0.5], axis=1)
    np.testing.assert_allclose(ce.softmax(pairs)[:, 1], ce.sigmoid(z), rtol=1e-15)
    for label in (0, 1):
        labels = np.full(z.shape, label)
        two, slopes = ce.softmax_cross_entropy.value_and_grad(pairs, labels, reduction="none")
        one, slope = ce.sigmoid_cross_entropy.value_and_grad(z, labels, reduction="none")
        margin = ce.soft_margin(z, 2 * labels - 1, reduction="none")
        np.testing.assert_allclose(two, one, rtol=1e-15)
        np.testing.assert_array_equal(margin, one)
        np.testing.assert_allclose(slopes, np.stack([-slope, slope], axis=1), rtol=1e-15)


def test_softmax_of_one_two_three() -> None:
    assert [f"{p:.4f}" for p in ce.softmax([1.0, 2.0, 3.0])] == ["0.0900", "0.2447", "0.6652"]
    assert f"{ce.softmax_cross_entropy([1.0, 2.0, 3.0], 2):.6f}" == "0.407606"
    assert f"{ce.logsumexp([1.0, 2.0, 3.0]):.6f}" == "3.407606"
    assert (ce.sigmoid(0.0), ce.sigmoid.derivative(0.0)) == (0.5, 0.25)


def test_gradient_is_prediction_less_target() -> None:
    """Promise 26: p - y for the softmax, σ(z) - y for the sigmoid; the Hessian is diag(p) - p pᵀ."""
    z, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0, 0.5])
    p = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(ce.softmax_cross_entropy.value_and_grad(z, 1)[1], p - [0.0, 1.0, 0.0], rtol=1e-14)
    np.testing.assert_allclose(ce.softmax_cross_entropy.hvp(z, 1, v), (np.diag(p) - np.outer(p, p)) @ v, rtol=1e-13)
    np.testing.assert_allclose(ce.softmax.jacobian(z), np.diag(p) - np.outer(p, p), rtol=1e-13)
    slopes = ce.sigmoid_cross_entropy.value_and_grad(z, [1, 0, 1], reduction="sum")[1]
    np.testing.assert_allclose(slopes, 1.0 / (1.0 + np.exp(-z)) - [1.0, 0.0, 1.0], rtol=1e-14)


def test_an_untrained_classifier_costs_the_logarithm_of_its_classes() -> None:
    labels = np.arange(20) % 10
    assert f"{ce.softmax_cross_entropy(np.zeros((20, 10)), labels):.6f}" == "2.302585"
    assert f"{ce.sigmoid_cross_entropy(np.zeros((20, 10)), np.eye(10)[labels]):.6f}" == "0.693147"


def test_the_gradient_of_an_ignored_row_is_exactly_0() -> None:
    """Promise 13."""
    z = np.random.default_rng(1).normal(size=(4, 3))
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, [0, -100, 2, 1], ignore_index=-100)
    assert gradient[1].tolist() == [0.0, 0.0, 0.0]
    assert (gradient[[0, 2, 3]] != 0.0).all()
    assert value == ce.softmax_cross_entropy(z[[0, 2, 3]], [0, 2, 1])


def test_squared_error_stops_learning_from_a_confident_mistake_and_cross_entropy_does_not() -> None:
    z = np.array([2.0, 5.0, 10.0, 20.0, 40.0])  # ever surer of class 1; the truth is 0
    p, truth = ce.sigmoid(z), np.zeros(5, dtype=int)
    error, slope_in_p = ce.mean_squared_error.value_and_grad(p, truth, reduction="none")
    squared = np.abs(ce.sigmoid.vjp(z, slope_in_p))
    losses, gradient = ce.sigmoid_cross_entropy.value_and_grad(z, truth, reduction="none")
    assert (np.diff(squared) < 0.0).all()
    assert squared[-1] == pytest.approx(2.0 * math.exp(-40.0), rel=1e-14)  # 2 p · p (1 - p)
    assert (np.diff(gradient[:4]) > 0.0).all()
    assert (error[-1], gradient[-1]) == (1.0, 1.0)
    np.testing.assert_allclose(losses, z + np.log1p(np.exp(-z)), rtol=1e-15)


def test_cross_entropy_is_least_where_prediction_is_target() -> None:
    t = np.array([0.7, 0.2, 0.1])
    value, gradient = ce.softmax_cross_entropy.value_and_grad(np.log(t), t)
    assert value == pytest.approx(ce.entropy(t), rel=1e-15)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-16)
    assert ce.softmax_kl_divergence(np.log(t), t) == pytest.approx(0.0, abs=1e-15)
    for direction in np.eye(3):
        assert ce.softmax_cross_entropy(np.log(t) + 0.1 * direction, t) > value


def test_likelihood_is_the_exponential_of_the_summed_loss() -> None:
    q = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.25, 0.5, 0.25]])
    labels = [0, 1, 2]
    likelihood = 0.5 * 0.75 * 0.25
    assert math.exp(-ce.categorical_cross_entropy(q, labels, reduction="sum")) == pytest.approx(likelihood, rel=1e-15)
    assert math.exp(ce.categorical_cross_entropy(q, labels)) == pytest.approx(likelihood ** (-1 / 3), rel=1e-15)
