"""Speed and error beside each other, and the aims: the page of benchmarks, and the README's extract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmarks.aims import MEMORY, TIME, Judged, Verdict, judged
from benchmarks.cases import HEAD, Case
from benchmarks.contestants import floor, heads, ours, torch_eager
from benchmarks.documents._blocks import table
from benchmarks.explanations import EXPLANATIONS
from benchmarks.results import Entry
from benchmarks.screen import number, spread, verdict_of

_COMPUTED = {
    "value": "value",
    "gradient into out=": "gradient, `out=`",
    "gradient in place": "gradient, in place",
    "gradient": "gradient, fresh",
}


def readme_table(found: Sequence[Entry], conditions: Mapping[str, str]) -> str:
    """One line for each case with an aim, those with an option in a table of their own; why some are missed."""
    cases = [case for case in judged(found) if case.verdicts]
    notes = list(dict.fromkeys(EXPLANATIONS[str(case.case)] for case in cases if str(case.case) in EXPLANATIONS))
    of_heads = [case for case in cases if case.case.operation == HEAD]
    plain = [case for case in cases if not case.case.option and case not in of_heads]
    headings = ["on", "computed", "ms ", "× floor ", "PyTorch, × ", "other peers, ×", "error, ULP ", "PyTorch's "]
    rows = []
    for operation in dict.fromkeys(case.case.operation for case in plain):
        rows.append([f"**`{operation}`**", *[""] * (len(headings) - 1)])
        rows += [_line(case, notes) for case in plain if case.case.operation == operation]
    options = [case for case in cases if case.case.option and case not in of_heads]
    parts = [table(headings, rows), _heads(of_heads, notes), _options(options, notes), _reached(cases)]
    parts += [f"({i}) {note}" for i, note in enumerate(notes, 1)]
    return "\n\n".join([*parts, _conditions(conditions)])


def page(found: Sequence[Entry], conditions: Mapping[str, str]) -> str:
    """Everything that was measured."""
    cases = judged(found)
    sections = "\n\n".join(map(_section, cases))
    return _PAGE.format(conditions=_conditions(conditions), reached=_reached(cases), sections=sections)


def _line(one: Judged, notes: Sequence[str]) -> list[str]:
    own, peer = one.entries[ours.NAME], one.entries.get(torch_eager.NAME)
    by_name = {verdict.of: _shown(one, verdict, notes) for verdict in one.verdicts}
    case = one.case
    return [
        _inputs(case),
        _COMPUTED[case.wants] if case.targets != "none" else "",
        by_name[TIME] if TIME in by_name else number(own.milliseconds.median),
        by_name.get(floor.NAME, ""),
        by_name.get(torch_eager.NAME, number(peer.ratio) if peer else ""),
        ", ".join(
            f"{name} {by_name.get(name, number(entry.ratio))}"
            for name, entry in one.entries.items()
            if name not in (ours.NAME, floor.NAME, torch_eager.NAME)
        ),
        _errors(own),
        _errors(peer) if peer else "",
    ]


def _heads(cases: Sequence[Judged], notes: Sequence[str]) -> str:
    """Heads: the floor is the bare matrix products, and memory counts."""
    rows = []
    for one in cases:
        shown = {verdict.of: _shown(one, verdict, notes) for verdict in one.verdicts}
        peers = [one.entries.get(name) for name in (torch_eager.NAME, heads.CHUNKED)]
        own = one.entries[ours.NAME]
        rows.append(
            [
                _inputs(one.case) + (f", `{one.case.option}`" if one.case.option else ""),
                _COMPUTED[one.case.wants].removesuffix(", fresh"),
                number(own.milliseconds.median),
                shown.get(floor.NAME, ""),
                *(shown.get(peer.contestant, number(peer.ratio)) if peer else "" for peer in peers),
                shown.get(MEMORY, number(own.megabytes)),
                *(number(peer.megabytes) if peer else "" for peer in peers),
            ]
        )
    headings = ["rows × width × classes", "computed", "ms ", "× products ", "PyTorch, × ", "in chunks, × "]
    headings += ["MB ", "PyTorch's ", "in chunks "]
    return (
        "Heads: `crossentropy.torch.linear_softmax_cross_entropy` beside the bare matrix products (one for the value, "
        "three with the gradients), PyTorch's `linear` and `cross_entropy`, and its `linear_cross_entropy` in chunks; "
        f"MB of memory beside inputs and results.\n\n{table(headings, rows)}"
    )


def _options(cases: Sequence[Judged], notes: Sequence[str]) -> str:
    """What an option costs: all on the same call."""
    rows = []
    for one in cases:
        own, (verdict,) = one.entries[ours.NAME], one.verdicts
        shown = _shown(one, verdict, notes)
        rows.append([f"`{one.case.option}`", number(own.milliseconds.median), shown, _errors(own)])
    words = {f"`{j.case.operation}`, {_inputs(j.case)}, {_COMPUTED[j.case.wants]}" for j in cases}
    headings = ["option", "ms ", f"× {ours.PLAIN} ", "error, ULP "]
    return f"What an option costs: {'; '.join(sorted(words))}.\n\n{table(headings, rows)}"


def _shown(one: Judged, verdict: Verdict, notes: Sequence[str]) -> str:
    """A figure, its bound, its mark; where it is missed, the number of the note that says why."""
    note = EXPLANATIONS.get(str(one.case))
    return verdict_of(verdict) + (f" ({notes.index(note) + 1})" if note and not verdict.reached else "")


def _reached(cases: Sequence[Judged]) -> str:
    verdicts = [verdict for case in cases for verdict in case.verdicts]
    count = sum(verdict.reached for verdict in verdicts)
    return f"{count} of {len(verdicts)} aims are reached (✓)."


def _inputs(case: Case) -> str:
    shape = " × ".join(f"{size:,}" for size in case.shape)
    words = ["soft targets"] if case.targets == "soft" else []
    words += [case.dtype] if case.dtype != "float32" else []
    words += [f"`axis={case.axis}`"] if case.axis != -1 else []
    return ", ".join([shape, *words])


def _section(one: Judged) -> str:
    headings = ["", "ms (quartiles) ", "× crossentropy's ", "error of values, ULP ", "of gradients, ULP ", "MB "]
    rows = []
    for entry in one.entries.values():
        more = [number(entry.errors.value), number(entry.errors.gradient), number(entry.megabytes)]
        rows.append([entry.contestant, spread(entry.milliseconds), number(entry.ratio), *more])
    parts = [f"### {one.case}", table(headings, rows)]
    if one.verdicts:
        parts.append(f"Aims: {'; '.join(map(_sentence, one.verdicts))}.")
    if not one.reached:
        parts.append(f"Missed: {EXPLANATIONS.get(str(one.case), '')}")
    return "\n\n".join(parts)


def _sentence(verdict: Verdict) -> str:
    if verdict.of in (TIME, MEMORY):
        return verdict_of(verdict)
    if verdict.at_least:
        return f"{verdict.of} takes {verdict_of(verdict)} times as long"
    return f"{verdict_of(verdict)} times {'the floor' if verdict.of == floor.NAME else 'the call ' + verdict.of}"


def _errors(entry: Entry) -> str:
    shown = [number(error) for error in (entry.errors.value, entry.errors.gradient) if not math.isnan(error)]
    return " / ".join(shown)


def _conditions(conditions: Mapping[str, str]) -> str:
    return (
        "{cpu}, {cores} cores; {threads} threads, PyTorch's {torch_threads}; instruction set {instruction_set}, "
        "compiler {compiler}; Python {python}, NumPy {numpy}, PyTorch {torch}, JAX {jax}, Optax {optax}, "
        "SciPy {scipy}, scikit-learn {scikit-learn}. "
        "Medians of {rounds} interleaved rounds in one process, commit {commit}, {date}."
    ).format_map(conditions)


_PAGE = """# Benchmarks

Written by `python -m benchmarks --write-docs` from the newest file in `benchmarks/results/`. `make bench` measures.

**Conditions.** {conditions}

**What is timed.** One call of the public function on arrays in memory, the mean over all rows as its result. `gradient
into out=` fills a buffer that is reused, `gradient in place` overwrites the logits (they are restored between calls,
untimed), `gradient` returns a fresh array. Contestants take turns within each round, each round starting with another
one, after a rest in which the threads of the one before fall asleep; a quick call is repeated until it has lasted
10 ms, and whoever takes longer than 0.4 s runs in every third round. × is the median time as a multiple of
crossentropy's.

**Who takes part.** PyTorch runs in eager mode and, as `torch.compile`, compiled for the shapes of the case; JAX runs
under `jit`, with its own activations and Optax's losses; SciPy and scikit-learn run as they are. All compile before
anything is timed, hold the inputs as their own arrays, and return a fresh gradient. A peer that lacks the function or
the option, or cannot compile it, is absent.

**The floor.** It moves the bytes that the case must move, and computes nothing, on all threads. It reads the
predictions, and the targets where they are of that size; where a result is of that size it writes as much, always into
memory in use, even where the case returns a fresh array; in place it reads and writes the same memory. All arrays
count as 64-bit integers (`torch.sum`, `copy_`, `add`): a sum of float16, or of int32, is bound by arithmetic. Of what
was tried, nothing moves memory faster: sums of float32 and float64 take as long, maximum and dot product a little
longer, a `memcpy` on one thread half as long again. A case that fits into the processor's cache finds its floor there
too.

**What the aims are.** Bounds for the ratio of two medians of one run: at most so many times the floor (or the same call
without its option), PyTorch in eager mode (SciPy, scikit-learn) at least so many times as long. {reached} Where one is
missed, it says why.

**What the error is.** The greatest distance from the exact result (the float64 reference; for float64, 50-digit mpmath)
on a sample of up to 1000 rows, in units in the last place of the result's dtype; for losses of bfloat16 and float16
logits, of float32. A correctly rounded result is at most 0.5 away. The gradient for soft targets is a difference of two
terms, and counted in ULP of the larger; so is log-sum-exp, of itself and the largest logit. No case is timed unless the
library's error is within what its docstring states.

**Heads.** Their floor is the bare matrix products into memory in use: one for the value, three with the gradients.
Features and weights are normal, so that logits have standard deviation 2; for `filter_eps` the label of every row has
about 25 more. Errors are those of the losses and gradients of a few rows, against float64, in units in the last place
of the sums of products without their signs. MB is by how much a process of its own grows at most in one call, less its
results; for drop-ins too.

**What goes in.** Normal logits with standard deviation 2. As in a trained model, the label of every second row has 12
more, so that half of the losses are small: there a loss computed as `logsumexp(z) - z_y` loses its digits. Weights are
uniform between 0.5 and 2; a tenth of the rows is ignored, a tenth of the classes masked (never a label); smoothing is
0.1, temperature 2, softcap 30, z-loss 1e-4, the focal exponent 2.

## Results

{sections}
"""
