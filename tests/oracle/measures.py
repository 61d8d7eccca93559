"""Writes measures.json: every measure by its plain textbook formula at a thousand digits.

Run ``python -m tests.oracle.measures`` at the root of the repository. Floats seldom sum to 1 exactly, so divergences
are taken with the part ``- Σ p + Σ q`` that is 0 where they do; nothing else is arranged, and nothing is shared with
the library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from mpmath import mp, mpf

Row = list[float]
Table = list[Row]

#: Enough for 1 + 1e-324 squared, and 30 digits of what is left when the 1 is taken away.
_DIGITS = 1000

DISTRIBUTIONS: dict[str, Row] = {
    "one class": [1.0],
    "one-hot": [0.0, 1.0, 0.0],
    "coin": [0.5, 0.5],
    "1/64": [63 / 64, 1 / 64],
    "thirds": [1 / 3, 1 / 3, 1 / 3],
    "tenths": [0.1] * 10,
    "0.4 0.3 0.2 0.1": [0.4, 0.3, 0.2, 0.1],
    "next to certain": [1.0 - 2.0**-53, 2.0**-53],
    "1e-16 apart from certain": [1.0 - 1e-16, 1e-16],
    "1e-300 beside 1": [1.0, 1e-300],
    "smallest float beside 1": [1.0, 5e-324],
    "subnormals beside 1": [3e-310, 1.0, 7e-320],
    "every size": [1.0, *(10.0**-k for k in range(20, 321, 20))],
    "above 1 by rounding": [1.0 + 2.0**-52, 0.0],
}

#: Pairs where one is not the other moved a little.
PAIRS: dict[str, tuple[Row, Row]] = {
    "disjoint": ([0.3, 0.7, 0.0, 0.0], [0.0, 0.0, 0.6, 0.4]),
    "half shared": ([0.5, 0.5, 0.0], [0.0, 0.5, 0.5]),
    "one-hot, five classes": ([1.0, 0.0, 0.0, 0.0, 0.0], [0.1, 0.5, 0.1, 0.1, 0.2]),
    "one-hot, tiny belief": ([1.0, 0.0], [1e-300, 1.0]),
    "one-hot, smallest belief": ([1.0, 0.0], [5e-324, 1.0]),
    "tiny truth": ([1e-300, 1.0], [0.25, 0.75]),
    "tiny against tiny": ([1.0, 1e-300], [1.0, 3e-305]),
    "subnormal against normal": ([1.0, 5e-324], [1.0, 1e-300]),
    "swapped": ([0.9, 0.1], [0.1, 0.9]),
    "factor of two": ([0.5, 0.25, 0.25], [0.25, 0.5, 0.25]),
    "just over a factor of two": ([0.4134418, 0.5865582], [0.19901065, 0.80098935]),
}

TABLES: dict[str, Table] = {
    "one cell": [[1.0]],
    "one row": [[0.25, 0.25, 0.5]],
    "one column": [[0.25], [0.25], [0.5]],
    "independent": [[0.125, 0.375], [0.125, 0.375]],
    "independent but for rounding": [[a * b for b in (0.1, 0.2, 0.7)] for a in (0.3, 0.3, 0.4)],
    "the same": [[0.25, 0.0, 0.0], [0.0, 0.25, 0.0], [0.0, 0.0, 0.5]],
    "function of X": [[0.125, 0.0], [0.0, 0.5], [0.375, 0.0]],
    "three quarters full": [[0.25, 0.25], [0.5, 0.0]],
    "empty row": [[0.0, 0.0], [0.5, 0.5]],
    "almost certain": [[0.5, 1e-20], [1e-20, 0.5]],
    "nearly diagonal, subnormal": [[0.5, 5e-324], [5e-324, 0.5]],
    "1e-200 apart": [[1.0, 0.0], [0.0, 1e-200]],
    "every size": [[1.0, 1e-50, 1e-100], [1e-150, 1e-200, 1e-250], [1e-300, 1e-310, 5e-324]],
}


def solve(function: str, inputs: dict[str, Any]) -> Any:
    """The exact value, infinite where it is, in nats."""
    return _SOLUTIONS[function](*(_exact(value) for value in inputs.values()))


def _exact(value: Any) -> Any:
    return [_exact(item) for item in value] if isinstance(value, list) else mpf(value)


def _log(x: Any) -> Any:
    return mp.log(x) if x > 0 else -mp.inf


def _surprisal(p: Any) -> Any:
    return [-_log(p_i) for p_i in p]


def _cross_entropy(p: Any, q: Any) -> Any:
    return mp.fsum(p_i * -_log(q_i) for p_i, q_i in zip(p, q, strict=True) if p_i > 0)


def _entropy(p: Any) -> Any:
    return _cross_entropy(p, p)


def _kl_divergence(p: Any, q: Any) -> Any:
    logs = [p_i * (_log(p_i) - _log(q_i)) for p_i, q_i in zip(p, q, strict=True) if p_i > 0]
    return mp.fsum(logs) - mp.fsum(p) + mp.fsum(q)


def _js_divergence(p: Any, q: Any) -> Any:
    m = [(p_i + q_i) / 2 for p_i, q_i in zip(p, q, strict=True)]
    return (_kl_divergence(p, m) + _kl_divergence(q, m)) / 2


def _joint_entropy(table: Any) -> Any:
    return _entropy([cell for row in table for cell in row])


def _conditional_entropy(table: Any) -> Any:
    return mp.fsum(cell * (_log(mp.fsum(row)) - _log(cell)) for row in table for cell in row if cell > 0)


def _mutual_information(table: Any) -> Any:
    rows = [mp.fsum(row) for row in table]
    columns = [mp.fsum(column) for column in zip(*table, strict=True)]
    return _kl_divergence([cell for row in table for cell in row], [x * y for x in rows for y in columns])


_SOLUTIONS: dict[str, Callable[..., Any]] = {
    "surprisal": _surprisal,
    "entropy": _entropy,
    "cross_entropy": _cross_entropy,
    "kl_divergence": _kl_divergence,
    "js_divergence": _js_divergence,
    "js_distance": lambda p, q: mp.sqrt(_js_divergence(p, q)),
    "perplexity": lambda p, q=None: mp.exp(_entropy(p) if q is None else _cross_entropy(p, q)),
    "joint_entropy": _joint_entropy,
    "conditional_entropy": _conditional_entropy,
    "mutual_information": _mutual_information,
}


def random_distribution(random: Random, classes: int) -> Row:
    """Of one of several characters: even, peaked, over hundreds of orders of magnitude, with zeros."""
    character = random.choice(["even", "logits", "orders", "zeros"])
    if character == "even":
        weights = [random.random() for _ in range(classes)]
    elif character == "logits":
        weights = [math.exp(random.gauss(0.0, 5.0)) for _ in range(classes)]
    elif character == "orders":
        weights = [1.0, *(10.0 ** -random.uniform(0.0, 320.0) for _ in range(classes - 1))]
    else:
        weights = [1.0, *(random.choice([0.0, random.random()]) for _ in range(classes - 1))]
    return _normalized(weights)


def moved(random: Random, p: Row, size: float) -> Row:
    """Another distribution, about ``size`` away from p, relatively."""
    return _normalized([p_i * (1.0 + random.uniform(-size, size)) for p_i in p])


def _normalized(weights: Sequence[float]) -> Row:
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _pairs(random: Random) -> Iterator[tuple[str, Row, Row]]:
    for name, (p, q) in PAIRS.items():
        yield name, p, q
    for name, p in DISTRIBUTIONS.items():
        yield f"{name}, twice", p, p
    for exponent in range(16):
        p = random_distribution(random, 2 + exponent % 4)
        yield f"1e-{exponent} apart", p, moved(random, p, 0.9 * 10.0**-exponent)
    for i in range(12):
        yield f"random {i}", random_distribution(random, 2 + i), random_distribution(random, 2 + i)


def _tables(random: Random) -> Iterator[tuple[str, Table]]:
    yield from TABLES.items()
    for exponent in range(0, 16, 2):
        rows, columns = random_distribution(random, 3), random_distribution(random, 4)
        flat = moved(random, [x * y for x in rows for y in columns], 0.9 * 10.0**-exponent)
        yield f"independent but for 1e-{exponent}", _folded(flat, 4)
    for i in range(6):
        yield f"random {i}", _folded(random_distribution(random, 12), 3 + i % 2)


def _folded(flat: Row, columns: int) -> Table:
    return [flat[i : i + columns] for i in range(0, len(flat), columns)]


def cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, function, inputs) of every case."""
    random = Random(1948)
    for name, p in DISTRIBUTIONS.items():
        for function in ("entropy", "perplexity"):
            yield name, function, {"p": p}
    every = sorted({p_i for p in DISTRIBUTIONS.values() for p_i in p if p_i <= 1.0} | {1.0 - 2.0**-10, 1.0 - 2.0**-30})
    yield "every probability above", "surprisal", {"p": every}
    for name, p, q in _pairs(random):
        for function in ("cross_entropy", "kl_divergence", "js_divergence", "js_distance", "perplexity"):
            yield name, function, {"p": p, "q": q}
    for name, table in _tables(random):
        for function in ("joint_entropy", "conditional_entropy", "mutual_information"):
            yield name, function, {"joint": table}


def main() -> None:
    from tests.oracle._exact import entry, write

    entries = []
    with mp.workdps(_DIGITS):
        for name, function, inputs in cases():
            value = solve(function, inputs)
            entries.append(entry(name, function, inputs, {}, {"value": (value, value)}))
    write("measures", entries)


if __name__ == "__main__":
    main()
