"""Speed and error beside each other: the page of benchmarks, and the README's extract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from benchmarks.cases import Case
from benchmarks.contestants import floor, ours, torch_eager
from benchmarks.documents._blocks import table
from benchmarks.results import Entry
from benchmarks.screen import number, spread


def readme_table(found: Sequence[Entry], conditions: Mapping[str, str]) -> str:
    """One line for each case of the losses that train in float32: the library, PyTorch, the floor."""
    headings = ["loss", "computed", "shape", "ms ", "PyTorch, ms ", "× ", "floor, ms ", "error, ULP ", "PyTorch's "]
    rows = []
    for case, group in groupby(found, key=lambda entry: entry.case):
        by_name = {entry.contestant: entry for entry in group}
        if not _trains_in_float32(case) or torch_eager.NAME not in by_name:
            continue
        own, peer, bare = (by_name[name] for name in (ours.NAME, torch_eager.NAME, floor.NAME))
        times = [number(own.milliseconds.median), number(peer.milliseconds.median), number(peer.ratio.median)]
        rows.append([*_words(case), *times, number(bare.milliseconds.median), _errors(own), _errors(peer)])
    return f"{table(headings, rows)}\n\n{_conditions(conditions)}"


def page(found: Sequence[Entry], conditions: Mapping[str, str]) -> str:
    """Everything that was measured."""
    headings = ["", "ms (quartiles) ", "× crossentropy's (quartiles) ", "error of values, ULP ", "of gradients, ULP "]
    sections = []
    for case, group in groupby(found, key=lambda entry: entry.case):
        rows = []
        for entry in group:
            errors = [number(entry.errors.value), number(entry.errors.gradient)]
            rows.append([entry.contestant, spread(entry.milliseconds), spread(entry.ratio), *errors])
        sections.append(f"### {case}\n\n{table(headings, rows)}")
    return _PAGE.format(conditions=_conditions(conditions), sections="\n\n".join(sections))


def _trains_in_float32(case: Case) -> bool:
    return case.targets != "none" and case.dtype == "float32" and case.wants != "gradient"


def _words(case: Case) -> list[str]:
    loss = f"`{case.operation}`" + (", soft targets" if case.targets == "soft" else "")
    shape = " × ".join(f"{size:,}" for size in case.shape)
    return [loss, "value" if case.wants == "value" else "value, gradient", shape]


def _errors(entry: Entry) -> str:
    shown = [number(error) for error in (entry.errors.value, entry.errors.gradient) if not math.isnan(error)]
    return " / ".join(shown)


def _conditions(conditions: Mapping[str, str]) -> str:
    return (
        "{cpu}, {cores} cores; {threads} threads, PyTorch's {torch_threads}; instruction set {instruction_set}, "
        "compiler {compiler}; Python {python}, NumPy {numpy}, PyTorch {torch}, SciPy {scipy}, "
        "scikit-learn {scikit-learn}. "
        "Medians of {rounds} interleaved rounds in one process, commit {commit}, {date}."
    ).format_map(conditions)


_PAGE = """# Benchmarks

Written by `python -m benchmarks --write-docs` from the newest file in `benchmarks/results/`. `make bench` measures.

**Conditions.** {conditions}

**What is timed.** One call of the public function on arrays in memory, the mean over all rows as its result. `gradient
into out=` reuses a buffer; `gradient` returns a fresh array, whose memory pages cost more than the arithmetic. PyTorch
runs in eager mode and always returns a fresh gradient. Contestants take turns within each round, each round starting
with another one; a quick call is repeated until it has lasted 10 ms. × is the time as a multiple of crossentropy's in
the same round. The floor computes nothing: it reads the predictions once (`torch.sum`), and writes as many bytes where
the result has that size (`copy_` into a buffer in use, `clone` into a fresh one).

**What the error is.** The greatest distance from the exact result (the float64 reference; for float64, 50-digit mpmath)
on a sample of up to 1000 rows, in units in the last place of the result's dtype; for losses of bfloat16 logits, of
float32. A correctly rounded result is at most 0.5 away. The gradient for soft targets is a difference of two terms, and
counted in ULP of the larger; so is log-sum-exp, of itself and the largest logit. No case is timed unless the library's
error is within what its docstring states.

**What goes in.** Normal logits with standard deviation 2. As in a trained model, the label of every second row has 12
more, so that half of the losses are small: there a loss computed as `logsumexp(z) - z_y` loses its digits.

## Results

{sections}
"""
