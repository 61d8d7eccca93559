"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.progress import track

from benchmarks import clock, gate, results, screen
from benchmarks.cases import CASES, Case
from benchmarks.contestants import ours, peers
from benchmarks.inputs import draw


def main() -> int:
    """Measure, print, save; or write the documents from what was saved."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, in seconds; nothing is saved")
    parser.add_argument("--rounds", type=int, default=9, help="how often each contestant runs (default 9)")
    parser.add_argument(
        "--write-docs", action="store_true", help="measure nothing: write the documents from the newest results"
    )
    options = parser.parse_args()
    console = Console(highlight=False, width=screen.WIDTH)
    if options.write_docs:
        from benchmarks import documents

        for path in documents.write():
            console.print(f"written: {path}", soft_wrap=True)
        return 0
    cases = [case.quick() if options.quick else case for case in CASES]
    found: list[results.Entry] = []
    try:
        for case in track(cases, "Measuring", console=Console(stderr=True), transient=True):
            found += measure(case, options.rounds)
    except gate.GateError as error:
        console.print(f"[red]wrong, so nothing is timed[/red]: {error}", soft_wrap=True)
        return 1
    for section in screen.sections(found):
        console.print(section)
    if not options.quick:
        from benchmarks.conditions import conditions

        console.print(f"saved: {results.save(found, conditions(options.rounds))}", soft_wrap=True)
    return 0


def measure(case: Case, rounds: int) -> list[results.Entry]:
    """Check a case, then time it."""
    inputs = draw(case)
    errors = [gate.check(case, inputs)]
    contestants = peers(case, inputs)
    errors += [gate.errors_of(contestant, case, inputs) for contestant in contestants]
    contestants = [ours.contestant(case, inputs), *contestants]
    seconds = clock.interleaved([contestant.call for contestant in contestants], rounds)
    return results.entries(case, [contestant.name for contestant in contestants], seconds, errors)


if __name__ == "__main__":
    sys.exit(main())
