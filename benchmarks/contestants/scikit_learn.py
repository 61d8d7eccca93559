"""scikit-learn's log_loss, which takes probabilities."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Inputs, Sample

NAME = "scikit-learn"


def contestant(case: Case, inputs: Inputs) -> Contestant | None:
    """log_loss has no losses of rows: they are those of single rows."""
    from sklearn.metrics import log_loss

    if case.operation != "categorical_cross_entropy":
        return None
    p, y, labels = inputs.predictions, inputs.targets, np.arange(case.classes)

    def values(sample: Sample) -> Outcome:
        rows = zip(sample(y), sample(p), strict=True)
        losses = [log_loss([label], row[np.newaxis], labels=labels) for label, row in rows]
        return Outcome(np.array(losses, dtype=np.float32))

    return Contestant(NAME, lambda: log_loss(y, p, labels=labels), values)
