"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import math
import sys

from rich.console import Console
from rich.progress import track

from benchmarks import clock, memory, results, screen
from benchmarks.aims import AimsError, judged
from benchmarks.cases import CASES, Case
from benchmarks.contestants import ours, peers
from benchmarks.explanations import EXPLANATIONS
from benchmarks.gate import Gate, GateError
from benchmarks.inputs import draw

#: Whose versions are kept with the results.
_PACKAGES = ("numpy", "torch", "jax", "optax", "scipy", "scikit-learn")


def main() -> int:
    """Measure, print, save; or write the documents from what was saved."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, nobody who compiles first, in seconds; nothing is saved"
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often each contestant runs (default 9)")
    parser.add_argument(
        "--write-docs", action="store_true", help="measure nothing: write the documents from the newest results"
    )
    options = parser.parse_args()
    console = Console(highlight=False, width=screen.WIDTH)
    if options.write_docs:
        return _write_docs(console)
    cases = list(dict.fromkeys(case.quick() for case in CASES)) if options.quick else CASES
    found: list[results.Entry] = []
    progress = Console(stderr=True)
    try:
        for case in track(cases, "Measuring", console=progress, transient=True):
            found += _measure(case, options.rounds, compiled=not options.quick, console=progress)
    except GateError as error:
        console.print(f"[red]wrong, so nothing is timed[/red]: {error}", soft_wrap=True)
        return 1
    for section in screen.sections(found):
        console.print(section)
    if not options.quick:
        from benchmarks.conditions import conditions

        now = conditions(*_PACKAGES) | {"rounds": str(options.rounds)}
        console.print(f"saved: {results.save(found, now)}", soft_wrap=True)
        for line in screen.summary(judged(found), EXPLANATIONS):
            console.print(line)
    return 0


def _measure(case: Case, rounds: int, *, compiled: bool, console: Console) -> list[results.Entry]:
    """Check a case, then time it."""
    inputs = draw(case)
    gate = Gate(case, inputs)
    errors = [gate.check()]
    contestants = peers(case, inputs, compiled=compiled, absent=lambda why: console.print(why, markup=False))
    errors += [gate.errors_of(contestant) for contestant in contestants]
    contestants = [ours.contestant(case, inputs), *contestants]
    seconds = clock.interleaved(contestants, rounds)
    names = [contestant.name for contestant in contestants]
    measured = [memory.beside(case, name) if compiled else math.nan for name in names]
    return results.entries(case, names, seconds, errors, measured)


def _write_docs(console: Console) -> int:
    from benchmarks import documents

    try:
        for path in documents.write():
            console.print(f"written: {path}", soft_wrap=True)
    except AimsError as error:
        console.print(f"[red]nothing is written[/red]\n{error}", soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
