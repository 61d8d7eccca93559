"""Proximal quasi-Newton steps (Lee, Sun and Saunders, 2014), for a penalty with kinks at 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._penalty import least_subgradient
from crossentropy.linear_model._solvers._blocks import Blocks, QuadraticModel, most_chosen
from crossentropy.linear_model._solvers._line_search import search
from crossentropy.linear_model._solvers._solution import Progress
from crossentropy.linear_model._solvers._with_kinks import minimise_model

Floats = NDArray[np.float64]

_FIRST_STRETCH = 8
_NEAR = 1e-7


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    model, renew, iteration = QuadraticModel(_blocks(objective, at)), _FIRST_STRETCH, 0
    while not progress.is_exhausted:
        if progress.has_converged(at):
            if not at.single:
                break
            at = objective.evaluate(at.point, single=False)
            continue
        if iteration == renew or _lacks_features(objective, at, model.blocks):
            model = QuadraticModel(_blocks(objective, at))
            if iteration == renew:
                renew = 2 * renew + 4
        target = minimise_model(model, at.point, at.gradient, objective.threshold)
        direction = target - at.point
        kinks = float(np.sum(objective.threshold * (np.abs(target) - np.abs(at.point))))
        slope = float(np.vdot(at.gradient, direction)) + kinks
        if at.single and -0.5 * slope < _NEAR * at.objective:
            at = objective.evaluate(at.point, single=False)
            continue
        found = search(objective, at, direction, slope, kinks=kinks)
        if found is None:
            if at.single:
                at = objective.evaluate(at.point, single=False)
            elif not len(model):
                break
            model = QuadraticModel(model.blocks)
            continue
        length, better = found
        model.add(better.point - at.point, better.gradient - at.gradient)
        at = better
        iteration += 1
        progress.record(at)
    return at


def _blocks(objective: LinearObjective, at: Evaluation) -> Blocks:
    return Blocks(objective, at.point, _wanted(objective, at))


def _wanted(objective: LinearObjective, at: Evaluation) -> NDArray[np.intp]:
    """Features that have coefficients, or are nearest to having some."""
    slopes = np.abs(least_subgradient(at.point, at.gradient, 0.0))[:, :-1] / objective.threshold[:-1]
    near = np.where((at.point[:, :-1] != 0.0).any(axis=0), np.inf, slopes.max(axis=0))
    order = np.argsort(-near, kind="stable")
    count = max(int(np.count_nonzero(near > 0.9)), 1)
    return np.sort(order[: min(count, most_chosen(objective))])


def _lacks_features(objective: LinearObjective, at: Evaluation, blocks: Blocks) -> bool:
    """Whether coefficients have come that the blocks do not know, and that they have room for."""
    has = (at.point != 0.0).any(axis=0)
    has[blocks.chosen] = False
    return bool(has.any()) and len(blocks.chosen) <= most_chosen(objective)
