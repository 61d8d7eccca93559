"""What a sweep over C found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import altair as alt

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LossCurve:
    """The losses of a sweep: of F folds, or of one fit of all rows (F = 1), at n values of C.

    ``Cs`` (n,) ascends. All else is (F, n): ``training_losses`` in nats, means weighted as in the objective;
    ``validation_losses`` in nats, plain means over the rows held out, or None; ``objectives`` and their ``gaps``, which
    bound how far each is above its minimum; ``iterations`` and ``passes``, how often the rows were read for them.

    >>> import numpy as np
    >>> losses = np.array([[0.7, 0.3, 0.4], [0.5, 0.4, 0.3]])
    >>> curve = LossCurve(np.array([0.1, 1.0, 10.0]), losses, losses, losses, 1e-9 * losses, losses > 0, losses)
    >>> curve.chosen, curve.validation.round(3).tolist(), curve.standard_error.round(3).tolist()
    (1, [0.6, 0.35, 0.35], [0.1, 0.05, 0.05])
    """

    Cs: Floats
    training_losses: Floats
    validation_losses: Floats | None
    objectives: Floats
    gaps: Floats
    iterations: NDArray[np.intp]
    passes: Floats

    @property
    def training(self) -> Floats:
        """The mean of the folds' training losses (n,)."""
        return np.asarray(self.training_losses.mean(axis=0))

    @property
    def validation(self) -> Floats | None:
        """The mean of the folds' validation losses (n,)."""
        return None if self.validation_losses is None else np.asarray(self.validation_losses.mean(axis=0))

    @property
    def standard_error(self) -> Floats | None:
        """Of that mean (n,): the folds' standard deviation / √F; None of fewer than two folds."""
        if self.validation_losses is None or (folds := len(self.validation_losses)) < 2:
            return None
        return np.asarray(self.validation_losses.std(axis=0, ddof=1) / np.sqrt(folds))

    @property
    def chosen(self) -> int | None:
        """Where the mean validation loss is lowest; of equals, the strongest penalty."""
        return None if self.validation is None else int(np.argmin(self.validation))

    @property
    def largest_gap(self) -> float:
        """The largest gap, relative to its objective."""
        return float(np.max(self.gaps / self.objectives))

    def plot(self) -> alt.LayerChart:
        """The losses against C as an Altair chart: what a notebook shows, and ``.save("losses.svg")`` writes.

        The band is one standard error about the mean of the folds; its caption says how near their minima all models
        are proven to be. Raises ``ImportError`` where Altair is not installed.
        """
        from crossentropy.evaluation._frame import charting

        with charting("plot"):
            from crossentropy.evaluation import _loss_curve_chart
        return _loss_curve_chart.standalone(self)
