"""The derivation of a softmax cross-entropy: one of K classes."""

from __future__ import annotations

import numpy as np

from crossentropy.explanation._contrast import LEADS, largest, mistake_section, squared_error_section
from crossentropy.explanation._derivation import Derivation, Section, Start, Step
from crossentropy.explanation._inputs import Row, distribution, softmax_logits, softmax_target
from crossentropy.explanation._numbers import floats, logarithm, per_unit, unit_name
from crossentropy.explanation._outcome import Outcome, logarithms, softmax_of_logits, softmax_of_probabilities
from crossentropy.reference import activations, losses


def from_logits(value: object, target: object, base: float | None, nats: float) -> Derivation:
    """From logits over shift, exponentials, sum, probabilities, logarithm and pick to the loss."""
    z = softmax_logits(value)
    t = softmax_target(target, z.size)
    outcome = softmax_of_logits(z, t, nats)
    top = float(z.max())
    # A logit equal to the largest is at distance 0 from it, also where both are +inf.
    with np.errstate(over="ignore"):  # a distance beyond the largest float is -inf: its exponential is 0
        shift = np.subtract(z, top, out=np.zeros_like(z), where=z != top)
    exponentials = np.exp(shift)
    log_p = activations.log_softmax(z) / nats
    log = logarithm(base)
    steps = (
        Step("target", "t", "", floats(t)),
        Step("logits", "z", "", floats(z)),
        Step("largest logit", "m", "max z", top, note="The limit: its p is 1." if top == np.inf else ""),
        Step("shift", "z − m", "", floats(shift), note="A common offset changes nothing; e^(z − m) cannot overflow."),
        Step("exponentials", "e^(z − m)", "", floats(exponentials), note="1 for the largest logit, less for others."),
        Step("sum", "S", "Σ e^(z − m)", float(exponentials.sum())),
        Step("probabilities", "p", "e^(z − m) / S", floats(outcome.probabilities), note="They sum to 1."),
        Step(
            "logarithm",
            f"{log} p",
            "z − m − log S" if base is None else f"(z − m − log S){per_unit(base)}",
            floats(log_p),
            unit=unit_name(base),
            note="From the logits, not from a rounded p." + _note_on_zero(log_p),
        ),
    )
    return _derivation("logits", z, t, base, nats, outcome, (*steps, *_pick(t, log_p, log, outcome, base)))


def from_probabilities(value: object, target: object, base: float | None, nats: float) -> Derivation:
    """From probabilities over logarithm and pick to the loss."""
    p = distribution("probabilities", value)
    t = softmax_target(target, p.size)
    outcome = softmax_of_probabilities(p, t, nats)
    z = logarithms(p)
    log_p, log = z / nats, logarithm(base)
    steps = (
        Step("target", "t", "", floats(t)),
        Step("probabilities", "p", "", floats(p), note="Used as they are."),
        Step("logarithm", f"{log} p", "", floats(log_p), unit=unit_name(base), note=_note_on_zero(log_p).strip()),
    )
    return _derivation("probabilities", z, t, base, nats, outcome, (*steps, *_pick(t, log_p, log, outcome, base)))


def _note_on_zero(log_p: Row) -> str:
    return " log 0 is -inf; where t is 0 it costs nothing: 0·log 0 = 0." if np.any(log_p == -np.inf) else ""


def _pick(t: Row, log_p: Row, log: str, outcome: Outcome, base: float | None) -> tuple[Step, Step]:
    """What each class costs, and the sum of it: the loss."""
    unit = unit_name(base)
    cost = np.multiply(-t, log_p, out=np.zeros_like(t), where=t != 0.0)  # 0·log 0 = 0
    impossible = np.flatnonzero(np.isinf(cost))
    note = ""
    if impossible.size:
        note = f"The target's probability is 0 at class {impossible[0]}: the loss is +inf; no epsilon is added."
    picked = "The target picks its own class." if t.max() == 1.0 else "The target weighs the classes."
    return (
        Step("pick", f"−t·{log} p", "", floats(cost), unit=unit, note=picked),
        Step("loss", "ℓ", f"Σ −t·{log} p", outcome.loss, unit=unit, note=note),
    )


def _derivation(
    start: Start, z: Row, t: Row, base: float | None, nats: float, outcome: Outcome, steps: tuple[Step, ...]
) -> Derivation:
    labels = tuple(str(index) for index in range(z.size))
    sections = (
        Section(f"From {start} to the loss", "class", labels, steps),
        Section("The gradient of the cross-entropy", "class", labels, _gradient_steps(start, t, base, nats, outcome)),
        squared_error_section(
            outcome,
            label_name="class",
            labels=labels,
            chain=Step(
                "through the softmax",
                "∂E/∂z",
                "p·(∂E/∂p − Σ p·∂E/∂p)",
                floats(outcome.squared_error_gradient),
                note="The factor p remains: where the truth's p is small, so is its gradient.",
            ),
        ),
        *_mistake(z, t, nats, outcome, unit_name(base)),
    )
    true = f"target class {int(np.argmax(t))}" if t.max() == 1.0 else "a soft target"
    return Derivation(
        title=f"Softmax cross-entropy: {z.size} class{'' if z.size == 1 else 'es'}, {true}",
        kind="softmax",
        start=start,
        unit=unit_name(base),
        base=base,
        target=floats(t),
        loss=outcome.loss,
        gradient=floats(outcome.gradient),
        squared_error=outcome.squared_error,
        squared_error_gradient=floats(outcome.squared_error_gradient),
        sections=sections,
    )


def _gradient_steps(start: Start, t: Row, base: float | None, nats: float, outcome: Outcome) -> tuple[Step, ...]:
    scale = per_unit(base)
    steps = []
    if start == "probabilities":
        at_p = losses.categorical_cross_entropy_gradient(outcome.probabilities, t) / nats
        steps.append(Step("at the probabilities", "∂ℓ/∂p", f"−t / p{scale}", floats(at_p)))
    formula = f"(p − t){scale}" if scale else "p − t"
    note = "Softmax and logarithm cancel: the difference remains."
    if start == "probabilities":
        note += " (The logits are log p, up to an offset.)"
    steps.append(Step("at the logits", "∂ℓ/∂z", formula, floats(outcome.gradient), note=note))
    steps.append(Step("its size", "size ℓ", "max |∂ℓ/∂z|", largest(outcome.gradient)))
    return tuple(steps)


def _mistake(z: Row, t: Row, nats: float, outcome: Outcome, unit: str) -> tuple[Section, ...]:
    """Let the most overrated class lead all others; nothing where none can, or where the loss is infinite anyway."""
    true = int(np.argmax(t))
    rivals = np.isfinite(z) & (np.arange(z.size) != true)
    if not rivals.any() or np.max(z) == np.inf or not np.isfinite(outcome.loss):
        return ()
    wrong = int(np.argmax(np.where(rivals, outcome.difference, -np.inf)))
    with np.errstate(over="ignore"):
        others = z - np.max(np.delete(z, wrong))  # relative to their largest, so that no lead is rounded away
    rows = [others.copy() for _ in LEADS]
    for row, lead in zip(rows, LEADS, strict=True):
        row[wrong] = lead
    led = [softmax_of_logits(row, t, nats) for row in rows]
    section = mistake_section(
        outcome,
        led,
        truths=tuple(float(each.probabilities[true]) for each in (outcome, *led)),
        moved=wrong,
        change=f"Here the logit of class {wrong} leads all others by more and more.",
        unit=unit,
    )
    return (section,)
