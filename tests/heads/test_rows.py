"""Which rows of a head count, and what they give: shifted, ignored, undefined, described, filtered."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._head_blocks import Cotangents, Parameters, derivative, tangents
from crossentropy._heads import _PRODUCTS
from crossentropy.reference import heads as reference

Array = np.ndarray[Any, np.dtype[Any]]
head = ce.linear_softmax_cross_entropy
OUTPUTS = ("negative_log_likelihood", "logsumexp", "entropy", "predicted", "correct")
RANDOM = np.random.default_rng(0)
X, W, B = RANDOM.normal(size=(2, 5, 3)), RANDOM.normal(size=(7, 3)), RANDOM.normal(size=7)
Y = RANDOM.integers(0, 7, size=(2, 5))
SOFT = RANDOM.dirichlet(np.ones(7), size=(2, 5))
MASK = RANDOM.random((2, 5, 7)) < 0.8
SMALL = {"block_bytes": 3 * 7 * 8}


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("kind", ["index", "soft", "sparse"])
def test_shift_pairs_each_position_with_a_later_target(steps: int, kind: str) -> None:
    targets: Any = {
        "index": Y,
        "soft": SOFT,
        "sparse": ce.SparseTargets(Y[..., None], 0.0 * Y[..., None] + 0.6, tail="uniform"),
    }[kind]
    cut: Any = (
        ce.SparseTargets(Y[:, steps:, None], 0.0 * Y[:, steps:, None] + 0.6, tail="uniform")
        if kind == "sparse"
        else targets[:, steps:]
    )
    weight = RANDOM.random((2, 5))
    options = {"bias": B, "reduction": "sum"}
    found, gradients = head.value_and_grad(
        X, W, targets, shift=steps, sample_weight=weight, class_mask=MASK, **options, **SMALL
    )
    expected, cut_gradients = head.value_and_grad(
        X[:, : 5 - steps], W, cut, sample_weight=weight[:, steps:], class_mask=MASK[:, : 5 - steps], **options
    )
    assert found == pytest.approx(expected)
    np.testing.assert_allclose(gradients.weight, cut_gradients.weight, atol=1e-14)
    np.testing.assert_allclose(gradients.features[:, : 5 - steps], cut_gradients.features, atol=1e-14)
    assert not gradients.features[:, 5 - steps :].any()
    v = (X[::-1], W[::-1], B[::-1])
    product = head.hvp(X, W, targets, v, shift=steps, **options, **SMALL)
    cut_product = head.hvp(X[:, : 5 - steps], W, cut, (X[::-1][:, : 5 - steps], *v[1:]), **options)
    np.testing.assert_allclose(product.weight, cut_product.weight, atol=1e-13)


def test_rows_that_are_dropped_cost_and_spoil_nothing() -> None:
    """Promises 10 and 13: NaN in the features of an ignored row reaches no gradient."""
    x, y = X.copy(), Y.copy()
    x[0, 1], y[0, 1], x[1, 4], weight = np.nan, -100, np.inf, np.ones((2, 5))
    weight[1, 4] = 0.0
    losses, gradients = head.value_and_grad(
        x, W, y, ignore_index=-100, sample_weight=weight, reduction="none", outputs=OUTPUTS, **SMALL
    )
    for array in gradients[:2]:
        assert np.isfinite(array).all()
    for at in ((0, 1), (1, 4)):
        assert not gradients.features[at].any()
        assert [
            getattr(losses, name)[at].item() for name in ("loss", "negative_log_likelihood", "predicted", "correct")
        ] == [0, 0, -1, 0]
        assert np.isnan([losses.logsumexp[at], losses.entropy[at]]).all()
    kept = np.ones((2, 5), bool)
    kept[0, 1] = kept[1, 4] = False
    expected = head.value_and_grad(X[kept], W, Y[kept], reduction="none")[1]
    np.testing.assert_allclose(gradients.weight, expected.weight, atol=1e-14)


def test_nan_stays_in_its_row() -> None:
    """Promise 10."""
    x = X.copy()
    x[1, 2, 0] = np.nan
    losses, gradients = head.value_and_grad(x, W, Y, reduction="none", **SMALL)
    assert np.argwhere(np.isnan(losses)).tolist() == [[1, 2]]
    assert np.argwhere(np.isnan(gradients.features).any(-1)).tolist() == [[1, 2]]
    assert np.isnan(gradients.weight).all()
    with (
        ce.checked(),
        pytest.warns(
            RuntimeWarning,
            match=r"^features: expected numbers whose loss is defined, got NaN in row \(1, 2\); its loss is NaN$",
        ),
    ):
        head(x, W, Y)


def test_all_rows_dropped() -> None:
    """Promise 17."""
    nothing = {"ignore_index": 3, "bias": B}
    y = np.full((2, 5), 3)
    assert head(X, W, y, reduction="sum", **nothing) == 0.0
    assert head(X, W, y, empty=0.0, **nothing) == 0.0
    with pytest.warns(RuntimeWarning, match="^reduction: expected a row of positive weight for 'mean'"):
        value, gradients = head.value_and_grad(X, W, y, **nothing)
    assert np.isnan(value)
    assert not any(gradient.any() for gradient in gradients)


def test_a_bias_of_minus_infinity_drops_a_class() -> None:
    """Promises 6 and 16: it takes no part in smoothing."""
    b = B.copy()
    b[2] = -np.inf
    y = np.where(Y == 2, 0, Y)
    options = {"label_smoothing": 0.3, "class_weight": np.arange(1.0, 8.0), "return_weight": True}
    found = head(X, W, y, bias=b, **options)
    mask = np.arange(7) != 2
    np.testing.assert_allclose(found, head(X, W, y, bias=B, class_mask=mask, **options), rtol=1e-14)


@pytest.mark.parametrize("implementation", ["native", "reference"])
@pytest.mark.parametrize(
    "options", [{}, {"softcap": 2.0, "temperature": 0.7}, {"class_mask": MASK}, {"label_smoothing": 0.1, "z_loss": 0.5}]
)
def test_outputs(options: dict[str, Any], implementation: Any) -> None:
    z = reference.linear_logits(X, W, B)
    transform = {name: value for name, value in options.items() if name in ("softcap", "temperature", "class_mask")}
    with ce.use_implementation(implementation):
        found = head(X, W, Y, bias=B, outputs=OUTPUTS, return_weight=True, **options, **SMALL)
    value, weight = ce.softmax_cross_entropy(z, Y, return_weight=True, **options)
    assert found.loss == pytest.approx(value)
    assert found.weight == pytest.approx(weight)
    t = np.eye(7)[Y]
    finite = np.isfinite(found.negative_log_likelihood)
    np.testing.assert_allclose(
        found.negative_log_likelihood[finite], reference.softmax_cross_entropy(z, t, **transform)[finite], atol=1e-14
    )
    x = z if "softcap" not in options else 2.0 * np.tanh(z / 2.0) / 0.7
    x = np.where(options.get("class_mask", True), x, -np.inf)
    p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(found.logsumexp, np.log(np.exp(x).sum(-1)), atol=1e-13)
    np.testing.assert_allclose(found.entropy, -(p * np.log(np.where(p > 0, p, 1))).sum(-1), atol=1e-13)
    np.testing.assert_array_equal(found.predicted, x.argmax(-1))
    np.testing.assert_array_equal(found.correct, x.argmax(-1) == Y)
    assert (found.predicted.dtype, found.correct.dtype, found.entropy.dtype) == (np.int64, np.bool_, np.float64)


def test_correct_of_soft_and_sparse_targets_is_about_their_likeliest_class() -> None:
    outputs = ("predicted", "correct")
    soft = head(X, W, SOFT, outputs=outputs)
    np.testing.assert_array_equal(soft.correct, soft.predicted == SOFT.argmax(-1))
    assert soft.entropy is None
    listed = ce.SparseTargets(np.stack([Y, (Y + 1) % 7], -1), np.full((2, 5, 2), [0.3, 0.6]), tail="absent")
    sparse = head(X, W, listed, outputs="correct")
    np.testing.assert_array_equal(sparse.correct, soft.predicted == (Y + 1) % 7)


def test_outputs_of_rows_without_a_distribution() -> None:
    x = np.array([[1.0], [np.nan], [np.inf], [0.0]])
    found = head(x, [[1.0], [0.0]], [0, 0, 0, 0], bias=[0.0, -np.inf], outputs=OUTPUTS, reduction="none")
    assert found.predicted.tolist() == [0, -1, -1, 0]
    np.testing.assert_array_equal(found.entropy, [0.0, np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(found.logsumexp, [1.0, np.nan, np.nan, 0.0])


@pytest.mark.parametrize("implementation", ["native", "reference"])
@pytest.mark.parametrize("options", [{}, {"softcap": 2.0, "temperature": 0.7, "class_mask": MASK}])
def test_derivatives_of_the_outputs_are_the_numeric_ones(options: dict[str, Any], implementation: Any) -> None:
    """Gradient and Hessian products of Σ c·loss + a·lse + b·entropy, and tangents, by central differences."""
    y = np.where(np.take_along_axis(MASK, Y[..., None], -1)[..., 0], Y, MASK.argmax(-1))
    of_value, a, b = RANDOM.normal(size=(3, 2, 5))
    direction = Parameters(*(RANDOM.normal(size=array.shape) for array in (X, W, B)))

    def at(step: float) -> tuple[Any, Any]:
        moved = [array + step * v for array, v in zip((X, W, B), direction, strict=True)]
        call = {"bias": moved[2], "reduction": "none", "outputs": ("logsumexp", "entropy"), **options, **SMALL}
        return head.head((*moved[:2], y), call)[0], head(*moved[:2], y, **call)

    def objective(found: Any) -> float:
        return float((of_value * found.loss + a * found.logsumexp + b * found.entropy).sum())

    with ce.use_implementation(implementation):
        (_, low), (here, _), (_, high) = at(-1e-5), at(0.0), at(1e-5)
        given, wanted = Cotangents(of_value, a, b), Parameters(True, True, True)
        gradient = derivative(here, _PRODUCTS, wanted, given)
        slope = sum(float((g * v).sum()) for g, v in zip(gradient, direction, strict=True))
        assert slope == pytest.approx((objective(high) - objective(low)) / 2e-5, rel=1e-8)
        along = tangents(here, _PRODUCTS, direction)
        for found, name in zip(along, ("loss", "logsumexp", "entropy"), strict=True):
            np.testing.assert_allclose(found, (getattr(high, name) - getattr(low, name)) / 2e-5, atol=1e-8)
        product = derivative(here, _PRODUCTS, wanted, given, direction)
        before, after = (derivative(at(step)[0], _PRODUCTS, wanted, given) for step in (-1e-5, 1e-5))
        for found, lower, upper in zip(product, before, after, strict=True):
            np.testing.assert_allclose(found, (upper - lower) / 2e-5, atol=1e-7)


@pytest.mark.parametrize("eps", [1e-2, 1e-4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_the_filter_leaves_out_is_bounded(eps: float, dtype: Any) -> None:
    random = np.random.default_rng(1)
    n, width, classes = 60, 8, 500
    w = (8.0 * random.normal(size=(classes, width))).astype(dtype)
    y = random.integers(0, classes, n)
    x = (w[y] / 40.0 + 0.1 * random.normal(size=(n, width))).astype(dtype)
    s = random.choice([0.5, 1.0, 2.0], size=n)
    options: dict[str, Any] = {"sample_weight": s, "block_bytes": 10 * classes * np.dtype(dtype).itemsize}
    value, exact = head.value_and_grad(x, w, y, **options)
    filtered_value, found = head.value_and_grad(x, w, y, filter_eps=eps, **options)
    assert value == filtered_value
    scale = eps * s / s.sum()
    rounding = 1e-5 if dtype == np.float32 else 1e-13
    of_features = np.abs(found.features - exact.features)
    of_weight = np.abs(found.weight - exact.weight)
    assert (of_features <= scale[:, None] * np.abs(w).sum(0) + rounding).all()
    assert (of_weight <= scale @ np.abs(x) + rounding).all()
    assert of_weight.max() > 0 or eps < 1e-3  # it does leave something out


def test_filtering_everything_gives_zeros() -> None:
    found = head.value_and_grad(X, W, Y, filter_eps=1.0, bias=B)[1]
    assert not found.features.any()
    assert not found.weight.any()
    np.testing.assert_array_equal(found.bias, head.value_and_grad(X, W, Y, bias=B)[1].bias)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            {"weight": np.ones((7, 4))},
            ValueError,
            (
                "weight: expected shape (K, D) with K >= 1, for features of shape (..., D), got shape (7, 4) for "
                "features of shape (2, 5, 3); pass one row of weights for each class, as torch.nn.Linear holds them"
            ),
        ),
        (
            {"bias": np.ones(3)},
            ValueError,
            (
                "bias: expected shape (7,) (one for each class), got shape (3,); reshape or broadcast it yourself, "
                "so that nothing is paired by accident"
            ),
        ),
        (
            {"targets": np.where(Y[0, 0] == Y, 7, 0)},
            IndexError,
            (
                "targets: expected class indices in [0, 7), got 7 in row (0, 0); correct the label, or drop such "
                "rows with ignore_index=7"
            ),
        ),
        (
            {"shift": 6},
            ValueError,
            (
                "shift: expected features of shape (..., L, D) with L of at least shift, got shift=6 for features of "
                "shape (2, 5, 3); leave shift out, or pass sequences"
            ),
        ),
        ({"shift": -1}, ValueError, "shift: expected an integer of at least 0, got -1; pass one such number"),
        ({"shift": True}, TypeError, "shift: expected an integer of at least 0, got True; pass one such number"),
        (
            {"shift": 1, "targets": Y[:, 1:]},
            ValueError,
            (
                "targets: expected 5 positions on axis -1, as the features have, got shape (2, 4); pass targets and "
                "weights of whole sequences: shift= pairs them"
            ),
        ),
        ({"block_bytes": 0}, ValueError, "block_bytes: expected an integer of at least 1, got 0; pass one such number"),
        (
            {"filter_eps": 2.0},
            ValueError,
            "filter_eps: expected a finite number at least 0 and at most 1, got 2.0; pass one such number",
        ),
        (
            {"outputs": ("loss",)},
            ValueError,
            (
                "outputs: expected names among 'negative_log_likelihood', 'logsumexp', 'entropy', 'predicted', "
                "'correct', got 'loss'; pass a tuple of such names"
            ),
        ),
        (
            {"features": "a"},
            TypeError,
            "features: expected real numbers (float16, bfloat16, float32, float64, integers), got dtype <U1; "
            "convert it, for example with .astype('float64')",
        ),
    ],
)
def test_mistakes(call: dict[str, Any], error: type[Exception], message: str) -> None:
    """Promise 24."""
    arguments = {"features": X, "weight": W, "targets": Y} | call
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        head(**arguments)


def test_mistakes_of_the_methods() -> None:
    with pytest.raises(
        ValueError,
        match=r"^with_respect_to: expected names among 'features', 'weight', 'bias', got 'x'; pass a tuple of such",
    ):
        head.value_and_grad(X, W, Y, with_respect_to=("x",))
    with pytest.raises(TypeError, match=r"^v: expected a direction, got nothing; pass it as fourth argument$"):
        head.hvp(X, W, Y)
    with pytest.raises(
        ValueError, match=r"^v.weight: expected shape \(7, 3\) \(the shape of the weight\), got shape \(3, 7\)"
    ):
        head.hvp(X, W, Y, v=(None, W.T, None))
    with pytest.raises(TypeError, match="unexpected keyword"):
        head(X, W, Y, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head(X, W, Y, softcap=1e-3, temperature=100.0)
