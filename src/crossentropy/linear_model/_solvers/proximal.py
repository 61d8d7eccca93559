"""Proximal quasi-Newton steps (Lee, Sun and Saunders, 2014), for a penalty with kinks at 0."""

from __future__ import annotations

import numpy as np

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._blocks import Blocks
from crossentropy.linear_model._solvers._line_search import search
from crossentropy.linear_model._solvers._model import QuadraticModel
from crossentropy.linear_model._solvers._solution import Progress
from crossentropy.linear_model._solvers._with_kinks import minimise_model

#: Iterations until the blocks are made anew for the first time; from then on ever more.
_FIRST_STRETCH = 8

#: What a step promises to win of the objective, below which float32 cannot tell.
_NEAR = 1e-7


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    model = QuadraticModel(Blocks(objective, at.point, at.gradient))
    renew, iteration = _FIRST_STRETCH, 0
    while not progress.is_exhausted:
        if progress.has_converged(at):
            if not at.single:
                break
            at = objective.evaluate(at.point, single=False)
            continue
        if iteration == renew or model.blocks.lack(at.point):
            model = model.renewed(Blocks(objective, at.point, at.gradient))
            renew = 2 * iteration + 4 if iteration == renew else renew
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
        _, better = found
        model.add(better.point - at.point, better.gradient - at.gradient)
        at = better
        iteration += 1
        progress.record(at)
    return at
