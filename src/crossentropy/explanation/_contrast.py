"""The sections that set the squared error beside the cross-entropy."""

from __future__ import annotations

import math

import numpy as np

from crossentropy.explanation._derivation import Section, Step
from crossentropy.explanation._inputs import Row
from crossentropy.explanation._numbers import floats, written
from crossentropy.explanation._outcome import Outcome

#: By how much the wrong answer's logit leads, in the rows of the last section.
LEADS = (0.0, 4.0, 8.0, 16.0)


def largest(gradient: Row) -> float:
    """The size of a gradient: its largest absolute entry."""
    return float(np.max(np.abs(gradient)))


def squared_error_section(outcome: Outcome, *, label_name: str, labels: tuple[str, ...], chain: Step) -> Section:
    """The same predictions under the squared error; ``chain`` is the step that takes its gradient to the logits."""
    count = len(labels)
    per_entry = "" if count == 1 else f" / {count}"
    squares = f"Σ r²{per_entry}" if per_entry else "r²"
    steps = [
        Step("difference", "r", "p − t", floats(outcome.difference)),
        Step("squared error", "E", squares, outcome.squared_error, note="It has no unit."),
        Step("at the probabilities", "∂E/∂p", f"2·r{per_entry}", floats(outcome.squared_error_at_p)),
        chain,
        Step("its size", "size E", "max |∂E/∂z|", largest(outcome.squared_error_gradient)),
    ]
    return Section("The same through the squared error", label_name, labels, (*steps, *_comparison(outcome)))


def _comparison(outcome: Outcome) -> tuple[Step, ...]:
    """How many times larger cross-entropy's gradient is; nothing to compare where both gradients are 0."""
    ours, theirs = largest(outcome.gradient), largest(outcome.squared_error_gradient)
    if ours == 0.0:
        return ()
    if theirs == 0.0:
        ratio, note = math.inf, "The squared error's gradient is 0: it learns nothing from this row."
    else:
        ratio, note = ours / theirs, "Cross-entropy corrects this row so many times as strongly."
    return (Step("comparison", "ratio", "size ℓ / size E", ratio, note=note),)


def mistake_section(
    given: Outcome, led: list[Outcome], *, truths: tuple[float, ...], moved: int, change: str, unit: str
) -> Section:
    """The same row with the logit ``moved`` leading the wrong way by each of ``LEADS``.

    ``truths`` are the probabilities of the truth, first of the row as given; ``change`` says in words what moved.
    """
    outcomes = [given, *led]
    ours = tuple(abs(float(each.gradient[moved])) for each in outcomes)
    theirs = tuple(abs(float(each.squared_error_gradient[moved])) for each in outcomes)
    steps = (
        Step("the truth's probability", "p of truth", "", truths),
        Step("cross-entropy", "ℓ", "", tuple(each.loss for each in outcomes), unit=unit),
        Step("its gradient at that logit", "|∂ℓ/∂z|", "", ours),
        Step("squared error", "E", "", tuple(each.squared_error for each in outcomes)),
        Step("its gradient at that logit", "|∂E/∂z|", "", theirs),
    )
    note = (
        f"{change} The more confident the mistake, the more cross-entropy corrects it: its gradient grows to "
        f"{written(ours[-1])}. The squared error's vanishes, down to {written(theirs[-1])}: it learns slowest where it "
        "has most to learn."
    )
    return Section("A more confident mistake", "lead", ("as given", *(f"{lead:g}" for lead in LEADS)), steps, note)
