"""What rows of logits say beside their loss: log-sum-exp, entropy, likeliest class; derivatives of the first two."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy._dispatch import implementation
from crossentropy._native import Coded, coded, coded_output, core
from crossentropy._problems import Array, Doubles, RowProblem


def describe(problem: RowProblem, *, lse: bool, entropy: bool, predicted: bool) -> tuple[Any, Any, Any]:
    """Of each of the rows (R, K) what is asked for, else None; the likeliest class is -1 where there is none."""
    if implementation() == "reference":
        from crossentropy.reference import heads as reference

        return reference.softmax_statistics(problem.predictions, **_options(problem))
    rows = len(problem.predictions)
    found = (
        np.empty(rows) if lse else None,
        np.empty(rows) if entropy else None,
        np.empty(rows, np.int64) if predicted else None,
    )
    core.describe(*_arguments(problem), *found)
    return found


def add_derivative(
    problem: RowProblem, of_lse: Doubles | None, of_entropy: Doubles | None, direction: Array | None, out: Array
) -> None:
    """``out`` plus the gradient of Σ of_lse·lse + of_entropy·entropy, or plus its Hessian times a direction."""
    if implementation() == "reference":
        from crossentropy.reference import heads as reference

        z, options = problem.predictions, _options(problem)
        a, b = (np.zeros(len(out)) if given is None else given for given in (of_lse, of_entropy))
        if direction is None:
            out += reference.softmax_statistics_gradient(z, a, b, **options)
        else:
            out += reference.softmax_statistics_hvp(z, a, b, direction, **options)
        return
    core.add_derivative(*_arguments(problem), of_lse, of_entropy, coded(direction), coded_output(out))


def _options(problem: RowProblem) -> dict[str, Any]:
    return {
        "class_mask": problem.class_mask,
        "temperature": problem.temperature,
        "softcap": problem.softcap,
    }


def _arguments(problem: RowProblem) -> tuple[Coded | None, float, float, Coded | None]:
    mask = problem.class_mask
    return (
        coded(problem.predictions),
        problem.softcap or 0.0,
        problem.temperature,
        None if mask is None else coded(mask.view(np.uint8)),
    )
