"""The losses of the reference against mpmath, against their own differences, and against each other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from crossentropy.reference import activations, losses
from crossentropy.testing import ulp_distance
from tests.oracle import Case, load

RNG = np.random.default_rng
RESULTS = tuple(losses.REFERENCE_ULP)


def loss(name: str) -> SimpleNamespace:
    """The five functions of one loss."""
    derived = {result: getattr(losses, f"{name}_{result}") for result in RESULTS if result != "value"}
    return SimpleNamespace(value=getattr(losses, name), **derived)


def stated_ulp(result: str, options: dict[str, Any]) -> float:
    focal = losses.FOCAL_ULP * options.get("focal_gamma", 0.0)
    softcap = losses.SOFTCAP_ULP * options.get("softcap", 0.0) / options.get("temperature", 1.0)
    return losses.REFERENCE_ULP[result] + focal + softcap


@pytest.mark.parametrize("case", load("losses"), ids=str)
def test_mpmath_table(case: Case) -> None:
    """Promises 2, 6, 7, 8, 9, 15, 16 and 20: every result within the stated ULP, at every extreme."""
    functions = loss(case.function)
    x, t, v = (case.inputs[name] for name in ("predictions", "targets", "v"))
    for result, exact in case.results.items():
        direction = (v,) if result == "hvp" else ()
        actual = np.asarray(getattr(functions, result)(x, t, *direction, **case.options))
        second = result in ("hvp", "hessian_diagonal")
        scale = np.maximum(exact.scale, losses.SECOND_ULP_FROM) if second else exact.scale
        ulps = ulp_distance(actual, exact.pair, scale=scale)
        assert actual.shape == exact.high.shape
        worst = ulps.argmax()
        assert ulps.flat[worst] <= stated_ulp(result, case.options), (
            f"{result}: got {actual.flat[worst]!r}, not {exact.high.flat[worst]!r}, off by {ulps.flat[worst]:.2f} ULP"
        )


def test_table_holds_every_loss_and_option() -> None:
    cases = load("losses")
    assert {case.function for case in cases} == {name for name in losses.__all__ if f"{name}_hvp" in losses.__all__}
    for options, function in (
        (losses.SoftmaxOptions, "softmax_cross_entropy"),
        (losses.SoftmaxKLOptions, "softmax_kl_divergence"),
        (losses.SigmoidOptions, "sigmoid_cross_entropy"),
        (losses.BinaryOptions, "binary_cross_entropy"),
        (losses.CategoricalOptions, "categorical_cross_entropy"),
        (losses.CategoricalOptions, "negative_log_likelihood"),
    ):
        used = {name for case in cases if case.function == function for name in case.options}
        assert used == set(options.__annotations__), function


# Smooth points of every loss, to difference numerically.

K = 5
LOGITS = RNG(0).normal(size=(3, K)) * 2.0
SOFT = RNG(1).dirichlet(np.ones(K), size=3)
WEIGHT = np.array([0.5, 2.0, 0.0, 3.5, 1.0])
KL_OPTIONS: dict[str, Any] = {
    "class_weight": WEIGHT,
    "label_smoothing": 0.1,
    "class_mask": np.array([True, True, False, True, True]),
    "temperature": 0.7,
    "softcap": 5.0,
    "z_loss": 0.05,
}
MASKED_SOFT = np.where(KL_OPTIONS["class_mask"], SOFT, 0.0)
PROBABILITIES = RNG(2).dirichlet(np.ones(K), size=3)
UNIT = RNG(3).uniform(0.1, 0.9, size=(3, K))
SIGNS = np.where(UNIT > 0.5, 1.0, -1.0)
BINARY_OPTIONS: dict[str, Any] = {"pos_weight": 2.5, "class_weight": WEIGHT, "label_smoothing": 0.1}
CATEGORICAL_OPTIONS: dict[str, Any] = {"class_weight": WEIGHT, "label_smoothing": 0.1}

SMOOTH_POINTS = [
    *(
        ("softmax_cross_entropy", LOGITS, MASKED_SOFT if name == "class_mask" else SOFT, {name: value})
        for name, value in KL_OPTIONS.items()
    ),
    *(("softmax_cross_entropy", LOGITS, SOFT, {"focal_gamma": gamma}) for gamma in (0.0, 0.5, 1.0, 2.0, 5.0)),
    ("softmax_cross_entropy", LOGITS, MASKED_SOFT, KL_OPTIONS | {"focal_gamma": 1.5}),
    ("softmax_kl_divergence", LOGITS, SOFT, {}),
    ("softmax_kl_divergence", LOGITS, MASKED_SOFT, KL_OPTIONS),
    ("sigmoid_cross_entropy", LOGITS, UNIT, {}),
    *(("sigmoid_cross_entropy", LOGITS, UNIT, BINARY_OPTIONS | {"focal_gamma": gamma}) for gamma in (0.0, 0.5, 2.0)),
    ("categorical_cross_entropy", PROBABILITIES, SOFT, {}),
    ("categorical_cross_entropy", PROBABILITIES, SOFT, CATEGORICAL_OPTIONS),
    ("negative_log_likelihood", np.log(PROBABILITIES), SOFT, CATEGORICAL_OPTIONS),
    ("binary_cross_entropy", UNIT, SOFT, {}),
    ("binary_cross_entropy", UNIT, SOFT, BINARY_OPTIONS),
    ("soft_margin", LOGITS, SIGNS, {}),
    ("multilabel_soft_margin", LOGITS, UNIT, {"class_weight": WEIGHT}),
    ("mean_squared_error", LOGITS, UNIT, {}),
]


@pytest.mark.parametrize(("name", "x", "t", "options"), SMOOTH_POINTS)
def test_derivatives_are_those_of_differences(name: str, x: Any, t: Any, options: dict[str, Any]) -> None:
    """Promise 26."""
    functions, step = loss(name), 2.0**-17
    gradient = functions.gradient(x, t, **options)
    diagonal = functions.hessian_diagonal(x, t, **options)
    for j in range(K):
        e = np.eye(K)[j]
        ahead, behind = (functions.value(x + sign * step * e, t, **options) for sign in (1.0, -1.0))
        slope = (ahead - behind) / (2.0 * step)
        slope = slope[:, j] if slope.ndim == 2 else slope
        np.testing.assert_allclose(gradient[:, j], slope, rtol=1e-7, atol=1e-8)
        product = functions.hvp(x, t, np.broadcast_to(e, x.shape), **options)
        np.testing.assert_allclose(diagonal[:, j], product[:, j], rtol=1e-12, atol=1e-15)
    v = RNG(4).normal(size=x.shape)
    ahead, behind = (functions.gradient(x + sign * step * v, t, **options) for sign in (1.0, -1.0))
    product = functions.hvp(x, t, v, **options)
    np.testing.assert_allclose(product, (ahead - behind) / (2.0 * step), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("name", "x", "t", "options"), SMOOTH_POINTS)
def test_rows_do_not_depend_on_each_other(name: str, x: Any, t: Any, options: dict[str, Any]) -> None:
    """A batch of any shape gives what its rows give, and inputs stay as they were (promise 23)."""
    functions = loss(name)
    v = RNG(5).normal(size=x.shape)
    for array in (x, t, v):
        array.flags.writeable = False
    for result in RESULTS:
        direction = (v,) if result == "hvp" else ()
        batch = getattr(functions, result)(x[np.newaxis], t[np.newaxis], *(d[np.newaxis] for d in direction), **options)
        rows = [getattr(functions, result)(x[i], t[i], *(d[i] for d in direction), **options) for i in range(len(x))]
        np.testing.assert_array_equal(batch[0], rows)
        none = getattr(functions, result)(x[:0], t[:0], *(d[:0] for d in direction), **options)
        assert none.shape == (0, *np.shape(rows[0]))


@pytest.mark.parametrize("t", [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25]])
@pytest.mark.parametrize("options", [{}, {"focal_gamma": 1.5, "z_loss": 0.1, "label_smoothing": 0.1}])
def test_nan_stays_in_its_row_promise_10(t: list[float], options: dict[str, Any]) -> None:
    z = np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, 1.0], [-np.inf] * 3, [np.inf, np.inf, 0.0], [-1.0, 0.5, 0.0]])
    functions = loss("softmax_cross_entropy")
    targets = np.broadcast_to(t, z.shape)
    value, gradient = functions.value(z, targets, **options), functions.gradient(z, targets, **options)
    product = functions.hvp(z, targets, np.ones_like(z), **options)
    diagonal = functions.hessian_diagonal(z, targets, **options)
    np.testing.assert_array_equal(np.isnan(value), [False, True, True, True, False])
    for derivative in (gradient, product, diagonal):
        np.testing.assert_array_equal(np.isnan(derivative).all(axis=-1), np.isnan(value))
        np.testing.assert_array_equal(np.isnan(derivative).any(axis=-1), np.isnan(value))


def test_worked_number() -> None:
    """One-hot against (0.1, 0.5, 0.1, 0.1, 0.2) costs 2.302585 nats, and so it does when the others' share moves."""
    one_hot = np.eye(5)[0]
    p, moved = [0.1, 0.5, 0.1, 0.1, 0.2], [0.1, 0.6, 0.1, 0.1, 0.1]
    assert losses.categorical_cross_entropy(p, one_hot) == losses.categorical_cross_entropy(moved, one_hot)
    assert round(float(losses.categorical_cross_entropy(p, one_hot)), 6) == 2.302585
    first, second = (losses.softmax_cross_entropy_gradient(np.log(x), one_hot) for x in (p, moved))
    np.testing.assert_allclose(first, np.array(p) - one_hot, rtol=1e-14)
    np.testing.assert_allclose(second, np.array(moved) - one_hot, rtol=1e-14)


@pytest.mark.parametrize("options", [{}, {"class_weight": WEIGHT, "z_loss": 0.1, "temperature": 2.0}])
def test_kl_divergence_is_cross_entropy_less_the_entropy_of_the_targets(options: dict[str, Any]) -> None:
    w = options.get("class_weight", np.ones(K))
    entropy = -(w * SOFT * np.log(SOFT)).sum(axis=-1)
    kl, ce = loss("softmax_kl_divergence"), loss("softmax_cross_entropy")
    np.testing.assert_allclose(
        kl.value(LOGITS, SOFT, **options), ce.value(LOGITS, SOFT, **options) - entropy, rtol=1e-13
    )
    v = np.ones_like(LOGITS) * np.arange(K)
    np.testing.assert_array_equal(kl.gradient(LOGITS, SOFT, **options), ce.gradient(LOGITS, SOFT, **options))
    np.testing.assert_array_equal(kl.hvp(LOGITS, SOFT, v, **options), ce.hvp(LOGITS, SOFT, v, **options))
    np.testing.assert_array_equal(
        kl.hessian_diagonal(LOGITS, SOFT, **options), ce.hessian_diagonal(LOGITS, SOFT, **options)
    )
    np.testing.assert_array_equal(kl.weight(LOGITS, SOFT, **options), ce.weight(LOGITS, SOFT, **options))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_softmax_of_two_classes_is_the_sigmoid_of_the_difference(t: float, gamma: float) -> None:
    margins = np.array([-np.inf, -700.0, -40.0, -2.5, 0.0, 0.75, 40.0, 700.0, np.inf])
    two_classes = np.stack([np.zeros_like(margins), margins], axis=-1)
    targets = np.broadcast_to([1.0 - t, t], two_classes.shape)
    sigmoid, softmax = loss("sigmoid_cross_entropy"), loss("softmax_cross_entropy")
    np.testing.assert_allclose(
        softmax.value(two_classes, targets, focal_gamma=gamma),
        sigmoid.value(margins, t, focal_gamma=gamma),
        rtol=1e-14,
    )
    np.testing.assert_allclose(
        softmax.gradient(two_classes, targets, focal_gamma=gamma)[:, 1],
        sigmoid.gradient(margins, t, focal_gamma=gamma),
        rtol=3e-14,
    )
    np.testing.assert_allclose(
        softmax.hessian_diagonal(two_classes, targets, focal_gamma=gamma)[:, 1],
        sigmoid.hessian_diagonal(margins, t, focal_gamma=gamma),
        rtol=1e-13,
        atol=1e-300,
    )


@pytest.mark.parametrize("offset", [2.0**10, -(2.0**40), 2.0**49])
def test_common_offset_changes_nothing_promise_7(offset: float) -> None:
    z = np.array([0.25, -1.5, 3.0, 0.0])
    t = np.array([0.5, 0.25, 0.125, 0.125])
    functions = loss("softmax_cross_entropy")
    for options in ({}, {"temperature": 0.7}, {"focal_gamma": 2.0, "label_smoothing": 0.1}):
        assert functions.value(z + offset, t, **options) == functions.value(z, t, **options)
        np.testing.assert_array_equal(functions.gradient(z + offset, t, **options), functions.gradient(z, t, **options))


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "z_loss": 0.1, "focal_gamma": 2.0, "softcap": 4.0}])
@pytest.mark.parametrize("result", RESULTS)
def test_masked_class_is_a_logit_of_minus_infinity_and_is_not_there_promise_6(
    result: str, options: dict[str, Any]
) -> None:
    keep = np.array([True, False, True, True, False])
    t = np.where(keep, SOFT, 0.0)
    function = getattr(loss("softmax_cross_entropy"), result)
    v = RNG(6).normal(size=LOGITS.shape)

    def call(z: Any, targets: Any, direction: Any, **more: Any) -> Any:
        return function(z, targets, *((direction,) if result == "hvp" else ()), **options, **more)

    masked = call(LOGITS, t, v, class_mask=keep)
    np.testing.assert_array_equal(masked, call(np.where(keep, LOGITS, -np.inf), t, v))
    removed = call(LOGITS[:, keep], t[:, keep], v[:, keep])
    if masked.ndim == 2:
        np.testing.assert_array_equal(masked[:, ~keep], 0.0)
        masked = masked[:, keep]
    np.testing.assert_allclose(masked, removed, rtol=1e-14, atol=1e-15)


def test_class_mask_may_differ_by_row() -> None:
    keep = SOFT.min(axis=-1, keepdims=True) < SOFT
    t = np.where(keep, SOFT, 0.0)
    rows = losses.softmax_cross_entropy(LOGITS, t, class_mask=keep)
    each = [losses.softmax_cross_entropy(LOGITS[i], t[i], class_mask=keep[i]) for i in range(len(t))]
    np.testing.assert_array_equal(rows, each)


@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    functions = loss("softmax_cross_entropy")
    divided = LOGITS / temperature
    v = np.arange(K) * np.ones_like(LOGITS)
    np.testing.assert_array_equal(
        functions.value(LOGITS, SOFT, temperature=temperature), functions.value(divided, SOFT)
    )
    np.testing.assert_array_equal(
        functions.gradient(LOGITS, SOFT, temperature=temperature), functions.gradient(divided, SOFT) / temperature
    )
    np.testing.assert_array_equal(
        functions.hvp(LOGITS, SOFT, v, temperature=temperature), functions.hvp(divided, SOFT, v) / temperature**2
    )


def test_options_are_what_they_say() -> None:
    """Promises 15 and 16, and the two options that multiply into the row loss."""
    p = activations.softmax(LOGITS)
    lse = activations.logsumexp(LOGITS)
    smoothed = 0.9 * SOFT + 0.1 / K
    weight = (WEIGHT * SOFT).sum(axis=-1)
    value = losses.softmax_cross_entropy
    for options, plain in (
        ({"label_smoothing": 0.1}, value(LOGITS, smoothed)),
        ({"class_weight": WEIGHT}, (WEIGHT * SOFT * -np.log(p)).sum(axis=-1)),
        ({"z_loss": 0.1, "class_weight": WEIGHT}, value(LOGITS, SOFT, class_weight=WEIGHT) + 0.1 * weight * lse**2),
        ({"focal_gamma": 2.0}, (SOFT * (1.0 - p) ** 2 * -np.log(p)).sum(axis=-1)),
        ({"softcap": 5.0}, value(5.0 * np.tanh(LOGITS / 5.0), SOFT)),
    ):
        np.testing.assert_allclose(value(LOGITS, SOFT, **options), plain, rtol=1e-13)
    np.testing.assert_array_equal(losses.softmax_cross_entropy_weight(LOGITS, SOFT, class_weight=WEIGHT), weight)


def test_losses_of_the_same_distribution_agree() -> None:
    p, log_p = activations.softmax(LOGITS), activations.log_softmax(LOGITS)
    expected = losses.softmax_cross_entropy(LOGITS, SOFT)
    np.testing.assert_allclose(losses.categorical_cross_entropy(p, SOFT), expected, rtol=1e-14)
    np.testing.assert_allclose(losses.negative_log_likelihood(log_p, SOFT), expected, rtol=1e-14)
    elements = losses.sigmoid_cross_entropy(LOGITS, UNIT)
    np.testing.assert_allclose(losses.binary_cross_entropy(activations.sigmoid(LOGITS), UNIT), elements, rtol=1e-13)
    np.testing.assert_array_equal(losses.multilabel_soft_margin(LOGITS, UNIT), elements.mean(axis=-1))
    labels = (1.0 + SIGNS) / 2.0
    np.testing.assert_array_equal(losses.soft_margin(LOGITS, SIGNS), losses.sigmoid_cross_entropy(LOGITS, labels))


def test_certain_and_impossible_probabilities_promise_2() -> None:
    assert losses.categorical_cross_entropy([0.0, 1.0], [0.0, 1.0]) == 0.0
    assert losses.categorical_cross_entropy([0.0, 1.0], [1e-300, 1.0]) == np.inf
    np.testing.assert_array_equal(losses.categorical_cross_entropy_gradient([0.0, 1.0], [0.0, 1.0]), [0.0, -1.0])
    np.testing.assert_array_equal(losses.categorical_cross_entropy_gradient([0.0, 1.0], [0.5, 0.5]), [-np.inf, -0.5])
    np.testing.assert_array_equal(losses.binary_cross_entropy([0.0, 1.0, 0.0], [0.0, 1.0, 1.0]), [0.0, 0.0, np.inf])
