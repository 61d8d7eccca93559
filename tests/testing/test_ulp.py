"""ULP distances against numbers worked out by hand."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from crossentropy.testing import ulp_distance

INF, NAN = np.inf, np.nan
DTYPES = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [1.0, -3.0, 0.0, 1.5])
def test_a_number_is_0_from_itself_and_1_from_the_next(dtype: type, value: float) -> None:
    number = np.array(value, dtype=dtype)
    following = np.nextafter(number, np.array(np.copysign(INF, value), dtype=dtype), dtype=dtype)
    assert ulp_distance(number, value) == 0.0
    assert ulp_distance(following, value) == 1.0


@pytest.mark.parametrize(
    ("actual", "expected", "ulps"),
    [
        (np.float32(1.0), 1.0 + 2.0**-25, 0.25),
        (np.float64(1.0), (1.0, 2.0**-54), 0.25),
        (np.float64(1.0), (1.0, -(2.0**-54)), 0.25),
        (np.float64(5e-324), 0.0, 1.0),
        (np.float64(-1e-300), 1e-300, 2e-300 / 2.0 ** (-997 - 52)),
        (np.float16(6e-8), 0.0, 1.0),
        (np.float32(2.0), 1.0, 2.0**23),
    ],
)
def test_distances(actual: np.floating, expected: object, ulps: float) -> None:
    assert ulp_distance(actual, expected) == ulps


@pytest.mark.parametrize(
    ("actual", "expected", "ulps"),
    [
        (NAN, NAN, 0.0),
        (NAN, 1.0, INF),
        (1.0, NAN, INF),
        (INF, INF, 0.0),
        (INF, -INF, INF),
        (INF, 1e308, INF),
        (1.0, INF, INF),
        (INF, NAN, INF),
    ],
)
def test_what_is_not_finite(actual: float, expected: float, ulps: float) -> None:
    assert ulp_distance(actual, expected) == ulps


def test_overflow_of_the_dtype_is_infinity() -> None:
    assert ulp_distance(np.float32(INF), 1e39) == 0.0
    assert ulp_distance(np.float32(3e38), 1e39) == INF


def test_scale_is_the_larger_term() -> None:
    assert ulp_distance(1e-20, 3e-20, scale=1.0) == pytest.approx(2e-20 * 2.0**52)
    np.testing.assert_array_equal(ulp_distance([0.0, 0.0], 2.0**-52, scale=[1.0, 2.0]), [1.0, 0.5])


def test_no_numbers() -> None:
    assert ulp_distance([], []).shape == (0,)
    with pytest.raises(TypeError, match=r"^actual: expected real numbers"):
        ulp_distance(["a"], 1.0)
