"""Features centred and brought to one size: the coordinates that solvers work in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

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
        return cls.of_sums(add_rows(None, rows, weight, centre=centre, names=names), centre=centre)

    @classmethod
    def of_sums(cls, found: Sums, *, centre: bool) -> Standardisation:
        """Of rows with these sums; ``ValueError`` for features that float32 cannot hold."""
        total, origin = found.weight, found.origin
        with np.errstate(all="ignore"):
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


class Sums(NamedTuple):
    """The weight of all rows, and weighted sums of x − origin and of its square (D,), about an ``origin`` (D,)."""

    weight: float
    origin: Floats
    sum: Floats
    square: Floats


def add_rows(found: Sums | None, rows: Any, weight: Floats, *, centre: bool, names: NDArray[Any] | None) -> Sums:
    """Sums and those of more rows, dense or CSR, that weigh so much; the first of all are the origin where centred."""
    if found is None:
        origin = np.zeros(rows.shape[1])
        if centre and isinstance(rows, np.ndarray) and np.isfinite(rows[0]).all():
            origin = rows[0].astype(np.float64)
        found = Sums(0.0, origin, np.zeros_like(origin), np.zeros_like(origin))
    with np.errstate(all="ignore"):
        more = moments(rows, weight, found.origin)
    if more.not_finite >= 0:
        raise not_finite(rows, divmod(more.not_finite, rows.shape[1]), names)
    return Sums(found.weight + float(weight.sum()), found.origin, found.sum + more.sum, found.square + more.square)


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
