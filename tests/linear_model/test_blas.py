"""BLAS during a fit, and after it."""

from __future__ import annotations

from threadpoolctl import threadpool_info, threadpool_limits

from crossentropy.linear_model import SoftmaxRegression
from crossentropy.linear_model._estimator import fit_linear


def _threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_blas_has_one_thread_during_a_fit_and_its_own_afterwards() -> None:
    during = []
    with threadpool_limits(3, user_api="blas"):
        before = _threads()
        for _ in range(2):
            fit_linear(
                SoftmaxRegression(),
                [[0.0], [1.0], [2.0]],
                [0, 1, 0],
                on_iteration=lambda record: during.append(_threads()),
            )
            assert _threads() == before
    assert during and all(found == {1} for found in during)
