"""How the objective of a fit fell."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


class EnoughError(Exception):
    """A fit has come as far, or taken as long, as anyone wants to know."""


@dataclass
class Curve:
    """Objectives by the seconds since the fit began; ``end`` is when it was over, NaN where it was cut off.

    It is cut off after ``limit`` seconds, or where the objective is no more than ``goal``.
    """

    limit: float
    goal: float = -math.inf
    began: float = field(default_factory=time.perf_counter)
    seconds: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    end: float = float("nan")

    def add(self, objective: float) -> None:
        """The fit has come to a point of this objective."""
        self.seconds.append(time.perf_counter() - self.began)
        self.objective.append(objective)
        if self.seconds[-1] > self.limit or objective <= self.goal:
            raise EnoughError

    def reaches(self, objective: float) -> float:
        """The first time at which the objective is no more than so much; infinite if never."""
        return next((s for s, o in zip(self.seconds, self.objective, strict=True) if o <= objective), float("inf"))
