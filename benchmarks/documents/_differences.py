"""Peers' answers beside the library's, as a page and as the README's extract."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.differences import DIFFERENCES, Difference, answer, exact, namespace
from benchmarks.documents._blocks import table

_DISTRIBUTIONS = {"PyTorch": "torch", "scikit-learn": "scikit-learn", "SciPy": "scipy"}


@dataclass(frozen=True)
class Answers:
    """What a run printed."""

    difference: Difference
    peer: str  # with its version
    theirs: str
    ours: str
    exact: str


def run() -> list[Answers]:
    """Ask everyone."""
    names = namespace(with_torch=True)
    return [
        Answers(
            difference,
            f"{difference.peer} {version(_DISTRIBUTIONS[difference.peer])}",
            answer(difference.theirs, names),
            answer(difference.ours, names),
            exact(difference.exact) if difference.exact else "",
        )
        for difference in DIFFERENCES
    ]


def readme_table(answers: list[Answers]) -> str:
    """One line for each question."""
    rows = [[a.difference.title, a.peer, a.theirs, _short(a.ours)] for a in answers]
    return table(["", "peer", "its answer ", "crossentropy "], rows)


def page(answers: list[Answers]) -> str:
    """The calls and all their digits."""
    return _PAGE.format(sections="\n\n".join(map(_section, answers)))


def _section(a: Answers) -> str:
    rows = [
        [a.peer, f"`{a.difference.theirs}`", a.theirs],
        ["crossentropy", f"`{a.difference.ours}`", a.ours],
    ]
    if a.exact:
        rows.append(["exact", f"`{a.difference.exact}`", a.exact])
    promise = f"Conventions {a.difference.promise}."
    return f"## {a.difference.title}\n\n{a.difference.reason} {promise}\n\n{table(['', 'call', 'answer '], rows)}"


def _short(ours: str) -> str:
    return "ValueError" if ours.startswith("ValueError") else ours


_PAGE = """# How it differs from its peers

Calls whose answers differ, each run by `python -m benchmarks --write-docs`; no answer is typed by hand. The numbers
name the lines of [conventions.md](conventions.md) that decide the matter. `exact` is evaluated with 50 digits by
mpmath. `gradient(f, z, y)` is the gradient of `f(z, y)` with respect to z by autograd; `F` is `torch.nn.functional`.

{sections}
"""
