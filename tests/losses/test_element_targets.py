"""Targets of single elements: the first wrong one is named, wherever it lies and whatever else is computed; accuracy
where a target or an option leaves little of one class.
"""

import numpy as np
import pytest

import crossentropy as ce

pytestmark = pytest.mark.usefixtures("instruction_set")

LARGE = 70_001  # several chunks, and a rest
SIGMOID = "targets: expected targets in [0, 1], got {} in row {}; pass 1 for the positive class and 0 for the other"
MARGIN = "signs: expected signs -1 or +1, got {} in row {}; map labels y in {{0, 1}} to 2*y - 1"
LOSSES = [(ce.sigmoid_cross_entropy, SIGMOID), (ce.soft_margin, MARGIN)]
DTYPES = [np.float16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("wrong", [-1e-5, -2.0, 1.0009765625, 2.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("loss, sentence", LOSSES)
def test_promise_24_the_first_wrong_target_is_named(loss, sentence, wrong, dtype):
    for where in ([0], [16_384], [5_000, 5_001, 60_000], [LARGE - 1]):
        targets = np.ones(LARGE, dtype)
        targets[where] = wrong
        predictions = np.ones(LARGE, np.float32)
        expected = sentence.format(f"{float(targets[where[0]]):g}", where[0])
        for call in (loss, loss.value_and_grad, loss.hessian_diagonal):
            with pytest.raises(ValueError) as error:
                call(predictions, targets)
            assert str(error.value) == expected
        with pytest.raises(ValueError) as error:
            loss(predictions, targets, reduction="none")
        assert str(error.value) == expected


@pytest.mark.parametrize("options", [{}, {"normalizer": 3.0}])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [loss for loss, _ in LOSSES])
def test_promise_23_a_wrong_last_target_leaves_the_predictions_as_they_were(loss, dtype, options):
    targets = np.ones((LARGE, 2), np.float32)
    targets[-1, -1] = 3.0
    predictions = np.linspace(-5, 5, targets.size).reshape(targets.shape).astype(dtype)
    for view in (predictions, predictions[::-1], predictions[:, :1]):
        before = view.copy()
        some = targets[-len(view) :, -view.shape[1] :]
        for how in ({"inplace": True}, {"out": view}):
            with pytest.raises(ValueError, match=r"got 3 in row "):
                loss.value_and_grad(view, some, **how, **options)
            np.testing.assert_array_equal(view, before)


def test_a_target_of_minus_zero_is_zero():
    x = np.linspace(-200, 200, LARGE, dtype=np.float32)
    value, gradient = ce.sigmoid_cross_entropy.value_and_grad(x, np.full(LARGE, -0.0, np.float32))
    same, alike = ce.sigmoid_cross_entropy.value_and_grad(x, np.zeros(LARGE, np.float32))
    assert value == same
    np.testing.assert_array_equal(gradient, alike)


@pytest.mark.parametrize(
    "options", [{"label_smoothing": 1e-6}, {"label_smoothing": 0.1}, {"normalizer": 1e-6}, {"normalizer": 0.25}, {}]
)
def test_promise_20_where_little_of_one_class_is_left(options):
    x = np.concatenate([np.linspace(-103, 103, 2_001), [0.0, -0.0, 1e30, -1e30]]).astype(np.float32)
    for target in (0.0, 1e-6, 0.25, 1.0 - 2.0**-24, 1.0):
        targets = np.full(x.shape, target, np.float32)
        arguments = x.astype(np.float64), targets.astype(np.float64)
        exact = ce.sigmoid_cross_entropy(*arguments, reduction="none", **_without(options, "normalizer"))
        found = ce.sigmoid_cross_entropy(x, targets, reduction="none", **_without(options, "normalizer"))
        assert (np.abs(found - exact) <= 4.0 * np.spacing(np.abs(exact).astype(np.float32))).all()
        if target in (0.0, 1.0) and "label_smoothing" not in options:  # one term, no difference of two
            _, exact = ce.sigmoid_cross_entropy.value_and_grad(*arguments, **options)
            _, found = ce.sigmoid_cross_entropy.value_and_grad(x, targets, **options)
            assert (np.abs(found - exact) <= 4.0 * np.spacing(np.abs(exact).astype(np.float32))).all()


@pytest.mark.parametrize("loss", [ce.sigmoid_cross_entropy, ce.soft_margin, ce.multilabel_soft_margin])
@pytest.mark.parametrize("largest", [8.0, 60.0, 110.0])
@pytest.mark.parametrize("size", [1e-30, 1e-3, 3.7, 1e12])
def test_promise_20_with_weights_of_any_size(loss, largest, size):
    rng = np.random.default_rng(0)
    x = rng.uniform(-largest, largest, (100, 100)).astype(np.float32)
    targets = (rng.random(x.shape) < 0.5).astype(np.float32)
    if loss is ce.soft_margin:
        targets = 2 * targets - 1
    weight = rng.uniform(0.1 * size, size, len(x) if loss is ce.multilabel_soft_margin else x.shape)
    options = [{"sample_weight": weight}, {"sample_weight": weight[..., 0] if weight.ndim > 1 else weight}]
    if loss is not ce.soft_margin:
        options += [{"class_weight": size * rng.random(100)}]
    if loss is ce.sigmoid_cross_entropy:
        options += [{"pos_weight": size}, {"pos_weight": size, "sample_weight": weight.astype(np.float32)}]
        options += [{"label_smoothing": 0.1, "sample_weight": weight}]
    for given in options:
        for reduction in ("none", "sum", "mean"):
            value, gradient = loss.value_and_grad(x, targets, reduction=reduction, **given)
            wide = loss.value_and_grad(x.astype(np.float64), targets.astype(np.float64), reduction=reduction, **given)
            assert (np.abs(value - wide[0]) <= 4.0 * np.spacing(np.abs(wide[0]).astype(np.float32))).all()
            if "label_smoothing" not in given:
                assert (np.abs(gradient - wide[1]) <= 4.0 * np.spacing(np.abs(wide[1]).astype(np.float32))).all()


@pytest.mark.parametrize("held", [np.nan, np.inf, 3e38])
def test_promise_15_elements_of_weight_0_count_nothing(held):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 5_000)).astype(np.float32)
    weight = np.abs(weight)
    targets = (x > 0).astype(np.float32)
    weight[::3] = 0.0
    expected = ce.sigmoid_cross_entropy.value_and_grad(x, targets, sample_weight=weight)
    x[::3] = held
    value, gradient = ce.sigmoid_cross_entropy.value_and_grad(x, targets, sample_weight=weight)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    assert not gradient[::3].any()
    losses = ce.sigmoid_cross_entropy(x, targets, sample_weight=weight, reduction="none")
    assert not losses[::3].any()


def _without(options, name):
    return {key: value for key, value in options.items() if key != name}


def test_promise_9_infinite_logits_cost_nothing_on_their_own_side():
    infinity = np.array([np.inf, -np.inf, np.inf, -np.inf, np.nan], np.float32)
    targets = np.array([1.0, 0.0, 0.0, 1.0, 1.0], np.float32)
    np.testing.assert_array_equal(
        ce.sigmoid_cross_entropy(infinity, targets, reduction="none"), [0, 0, np.inf, np.inf, np.nan]
    )
    _, gradient = ce.sigmoid_cross_entropy.value_and_grad(infinity, targets, reduction="sum")
    np.testing.assert_array_equal(gradient, [0, 0, 1, -1, np.nan])
