"""The derivation of a sigmoid cross-entropy: yes or no, once (binary) or once per label (multi-label)."""

from __future__ import annotations

import numpy as np

from crossentropy.explanation._contrast import LEADS, largest, mistake_section, squared_error_section
from crossentropy.explanation._derivation import Derivation, Section, Start, Step
from crossentropy.explanation._inputs import Row, as_row, fractions, sigmoid_target
from crossentropy.explanation._numbers import floats, logarithm, per_unit, unit_name
from crossentropy.explanation._outcome import Outcome, logarithms, sigmoid_of_logits, sigmoid_of_probabilities
from crossentropy.reference import activations, losses


def from_logits(value: object, target: object, base: float | None, nats: float) -> Derivation:
    """From logits over sigmoid and softplus to the loss."""
    z = as_row("logits", value, noun="label").astype(np.float64)
    t = sigmoid_target(target, z.size)
    outcome = sigmoid_of_logits(z, t, nats)
    cost_of_yes, cost_of_no = activations.softplus(-z), activations.softplus(z)
    steps = (
        Step("target", "t", "", floats(t)),
        Step("logits", "z", "", floats(z)),
        Step("sigmoid", "p", "1 / (1 + e^−z)", floats(outcome.probabilities), note="The probability of yes."),
        Step("softplus of −z", "sp(−z)", "log(1 + e^−z)", floats(cost_of_yes), unit="nats", note="It is −log p."),
        Step("softplus of z", "sp(z)", "log(1 + e^z)", floats(cost_of_no), unit="nats", note="It is −log(1 − p)."),
    )
    formula = "t·sp(−z) + (1 − t)·sp(z)"
    pick = _pick(t, cost_of_yes / nats, cost_of_no / nats, formula, per_unit(base), outcome, base)
    return _derivation("logits", z, t, base, nats, outcome, (*steps, *pick))


def from_probabilities(value: object, target: object, base: float | None, nats: float) -> Derivation:
    """From probabilities over their logarithms to the loss."""
    p = fractions("probabilities", value)
    t = sigmoid_target(target, p.size)
    outcome = sigmoid_of_probabilities(p, t, nats)
    log_p, log_not_p = logarithms(p), logarithms(1.0 - p)
    log, unit = logarithm(base), unit_name(base)
    yes, no = f"{log} p", f"{log}(1 − p)"
    steps = (
        Step("target", "t", "", floats(t)),
        Step("probabilities", "p", "", floats(p), note="Of yes; used as they are."),
        Step("logarithm of yes", yes, "", floats(log_p / nats), unit=unit),
        Step("logarithm of no", no, "", floats(log_not_p / nats), unit=unit),
    )
    formula = f"−t·{yes} − (1 − t)·{no}"
    pick = _pick(t, -log_p / nats, -log_not_p / nats, formula, "", outcome, base)
    return _derivation("probabilities", log_p - log_not_p, t, base, nats, outcome, (*steps, *pick))


def _pick(
    t: Row, cost_of_yes: Row, cost_of_no: Row, formula: str, scale: str, outcome: Outcome, base: float | None
) -> tuple[Step, Step]:
    """What each label costs, and the mean of it: the loss."""
    unit = unit_name(base)
    yes = np.multiply(t, cost_of_yes, out=np.zeros_like(t), where=t != 0.0)  # 0·log 0 = 0
    no = np.multiply(1.0 - t, cost_of_no, out=np.zeros_like(t), where=t != 1.0)
    cost = yes + no
    impossible = np.flatnonzero(np.isinf(cost))
    note = ""
    if impossible.size:
        note = f"The target's probability is 0 at label {impossible[0]}: the loss is +inf; no epsilon is added."
    return (
        Step("pick", "ℓ_k", f"({formula}){scale}" if scale else formula, floats(cost), unit=unit),
        Step("loss", "ℓ", "ℓ_k" if t.size == 1 else f"Σ ℓ_k / {t.size}", outcome.loss, unit=unit, note=note),
    )


def _derivation(
    start: Start, z: Row, t: Row, base: float | None, nats: float, outcome: Outcome, steps: tuple[Step, ...]
) -> Derivation:
    labels = tuple(str(index) for index in range(z.size))
    sections = (
        Section(f"From {start} to the loss", "label", labels, steps),
        Section("The gradient of the cross-entropy", "label", labels, _gradient_steps(start, t, base, nats, outcome)),
        squared_error_section(
            outcome,
            label_name="label",
            labels=labels,
            chain=Step(
                "through the sigmoid",
                "∂E/∂z",
                "∂E/∂p · p·(1 − p)",
                floats(outcome.squared_error_gradient),
                note="The factor p·(1 − p) remains: it vanishes where p is nearly 0 or 1, wrong answers included.",
            ),
        ),
        *_mistake(z, t, nats, outcome, unit_name(base)),
    )
    if z.size == 1:
        title = f"Binary cross-entropy: target {t[0]:g}"
    else:
        title = f"Sigmoid cross-entropy: the mean over {z.size} labels"
    return Derivation(
        title=title,
        kind="sigmoid",
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
    count = t.size
    mean = "" if count == 1 else f" / {count}"
    scale = mean + per_unit(base)
    steps = []
    if start == "probabilities":
        at_p = losses.binary_cross_entropy_gradient(outcome.probabilities, t) / count / nats
        formula = "−t / p + (1 − t) / (1 − p)"
        formula = f"({formula}){scale}" if scale else formula
        steps.append(Step("at the probabilities", "∂ℓ/∂p", formula, floats(at_p)))
    formula = f"(p − t){scale}" if scale else "p − t"
    note = "Sigmoid and logarithm cancel: the difference remains."
    steps.append(Step("at the logits", "∂ℓ/∂z", formula, floats(outcome.gradient), note=note))
    steps.append(Step("its size", "size ℓ", "max |∂ℓ/∂z|", largest(outcome.gradient)))
    return tuple(steps)


def _mistake(z: Row, t: Row, nats: float, outcome: Outcome, unit: str) -> tuple[Section, ...]:
    """Let the label that is furthest on the wrong side lead that way; nothing where the loss is infinite anyway."""
    if not (np.isfinite(outcome.loss) and np.all(np.isfinite(z))):
        return ()
    wrong_way = np.where(t < 0.5, 1.0, -1.0)
    worst = int(np.argmax(wrong_way * z))
    rows = [z.copy() for _ in LEADS]
    for row, lead in zip(rows, LEADS, strict=True):
        row[worst] = wrong_way[worst] * lead
    truths = activations.sigmoid(np.array([-wrong_way[worst] * row[worst] for row in (z, *rows)]))
    section = mistake_section(
        outcome,
        [sigmoid_of_logits(row, t, nats) for row in rows],
        truths=floats(truths),
        moved=worst,
        change=f"Here the logit of label {worst} goes further and further to the wrong side of 0.",
        unit=unit,
    )
    return (section,)
