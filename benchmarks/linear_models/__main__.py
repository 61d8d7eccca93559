"""The command line: ``python -m benchmarks.linear_models``."""

from __future__ import annotations

import argparse
import gc
import math

import numpy as np
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from benchmarks.conditions import conditions
from benchmarks.linear_models import documents, results
from benchmarks.linear_models.cases import CASES, Case
from benchmarks.linear_models.contestants import ALLOWANCES, LBFGS, crossentropy, peers
from benchmarks.linear_models.curves import Curve


def main() -> None:
    """Measure, print, save; or write the documents from what was saved."""
    keys = ", ".join([*(case.key for case in CASES), *(other.KEY for other in documents.OTHERS)])
    parser = argparse.ArgumentParser(prog="python -m benchmarks.linear_models", description=__doc__)
    parser.add_argument("--case", default="", help=f"only what has this in its name: {keys}")
    parser.add_argument("--peer", default="", help="only peers whose name contains this; nothing is saved then")
    parser.add_argument(
        "--limit",
        type=float,
        default=120.0,
        help="seconds after which a fit is cut off (default 120), unless an aim asks for more",
    )
    parser.add_argument("--rows", type=int, help="only so many rows, to try things; nothing is saved then")
    parser.add_argument(
        "--write-docs", action="store_true", help="measure nothing: write the documents from the saved results"
    )
    options = parser.parse_args()
    console = Console(highlight=False, width=120)
    if options.write_docs:
        for path in documents.write():
            console.print(f"written: {path}", soft_wrap=True)
        return
    is_whole = not options.peer and options.rows is None
    now = conditions("numpy", "scipy", "scikit-learn", "scikit-learn-intelex", "torch")
    for case in CASES:
        if options.case in case.key:
            curves = measure(case, options.peer, options.limit, options.rows)
            console.print(table(case, curves))
            if is_whole:
                results.save(case, curves)
                results.save_conditions(case.key, now)
    for other in documents.OTHERS:
        if options.case in other.KEY:
            rows = other.measure(options.limit, options.rows)
            console.print(Markdown(f"### {other.NAME}\n\n{other.text(rows)}"))
            if is_whole:
                results.save_rows(other.KEY, rows)
                results.save_conditions(other.KEY, now)


def measure(case: Case, peer: str, limit: float, rows: int | None) -> results.Curves:
    """The library once, and again after each peer; each peer once, until it is well within the target."""
    X, y = case.make()
    X, y = X[:rows], np.unique(y[:rows], return_inverse=True)[1]
    found: results.Curves = {results.OURS: [crossentropy(X, y)]}
    goal = found[results.OURS][0].objective[-1] * (1.0 + results.TARGET / 5.0)
    for name, fit in peers(X, y).items():
        if peer in name:
            gc.collect()
            found[name] = [fit(X, y, max(limit, long_enough(case, name, found[results.OURS][0])), goal)]
            found[results.OURS].append(crossentropy(X, y))
    return found


def long_enough(case: Case, peer: str, ours: Curve) -> float:
    """Seconds after which a peer has missed or shown the aim, with a quarter to spare."""
    aim = case.lbfgs if peer == LBFGS else case.best
    return 1.25 * aim * ALLOWANCES.get(peer, 1.0) * ours.reaches(ours.objective[-1] * (1.0 + results.TARGET))


def table(case: Case, curves: results.Curves) -> Table:
    """Seconds to the target, and as a multiple of the library's."""
    shown = Table("", "to 1e-6, s", "×", "ended after, s", "came within", title=case.name)
    found = results.summaries(curves)
    for summary in found:
        reaches = math.isfinite(summary.seconds)
        longest = max(run.seconds[-1] for run in curves[summary.contestant])
        shown.add_row(
            summary.contestant,
            f"{summary.seconds:.3g}" if reaches else f"> {longest:.0f}",
            f"{summary.seconds / found[0].seconds:.3g}" if reaches else f"> {longest / found[0].seconds:.3g}",
            f"{summary.ended:.3g}",
            f"{summary.reached:.1e}",
        )
    return shown


if __name__ == "__main__":
    main()
