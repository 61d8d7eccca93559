"""Features centred and brought to one size: the coordinates that solvers work in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._linear import Features, SparseFeatures, moments
from crossentropy._validation import sentence

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Standardisation:
    """x' = (x − shift)·scale of rows (N, D), and ``sum`` Σ aᵢ xᵢ' (D,).

    ``shift`` is the weighted mean, or 0; ``scale`` the inverse of the standard deviation, or of the root mean square; 1
    for a feature that is constant. Both are rounded to float32, so that float32 products see the same numbers.
    """

    shift: Floats
    scale: Floats
    sum: Floats

    def features(self, rows: Any) -> Features | SparseFeatures:
        """Rows, dense or CSR, in these coordinates."""
        return (Features if isinstance(rows, np.ndarray) else SparseFeatures)(rows, self.shift, self.scale)

    @classmethod
    def of(cls, rows: Any, weight: Floats, *, centre: bool, names: NDArray[Any] | None) -> Standardisation:
        """Of rows that weigh so much, dense or CSR; ``ValueError`` names the first element that is NaN or infinite."""
        total = float(weight.sum())
        origin = np.zeros(rows.shape[1])
        if centre and isinstance(rows, np.ndarray) and np.isfinite(rows[0]).all():
            origin = rows[0].astype(np.float64)
        with np.errstate(all="ignore"):
            found = moments(rows, weight, origin)
            if found.not_finite >= 0:
                raise not_finite(rows, divmod(found.not_finite, rows.shape[1]), names)
            mean = origin + found.sum / total
            shift = mean.astype(np.float32).astype(np.float64) if centre else np.zeros(len(mean))
            away = shift - origin
            # about the shift, from the sums about the origin
            square = np.maximum(found.square / total - 2.0 * away * found.sum / total + away**2, 0.0)
            # what rounding leaves of a constant feature is no spread
            noise = 1e-12 * np.maximum(origin**2, mean**2) if centre else 0.0
            scale = np.where(square > noise, 1.0 / np.sqrt(square), 1.0).astype(np.float32).astype(np.float64)
        if not (np.isfinite(square).all() and np.isfinite(scale).all() and (scale > 0.0).all()):
            wrong = ~(np.isfinite(square) & np.isfinite(scale) & (scale > 0.0))
            raise ValueError(
                sentence(
                    "X",
                    expected="features whose squares float32 can hold",
                    received=f"larger or smaller ones in column {int(np.argmax(wrong))} (counted from 0)",
                    remedy="divide that column by its largest value",
                )
            )
        return cls(shift, scale, scale * (found.sum - total * away))


def not_finite(rows: Any, place: tuple[int, int], names: NDArray[Any] | None) -> ValueError:
    """The error for an element that is NaN or infinite."""
    row, column = place
    name = column if names is None else repr(str(names[column]))
    value = rows[row, column]
    return ValueError(
        sentence(
            f"X, row {row}, column {name} (counted from 0)",
            expected="a finite number",
            received="NaN" if np.isnan(value) else f"{value:g}",
            remedy="fill in or remove that row",
        )
    )
