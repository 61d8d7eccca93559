"""The tables and the pictures of docs/softmax-regression.md and the README's extract, from the saved curves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import altair as alt
import vl_convert

from benchmarks.documents._blocks import table, with_block
from benchmarks.linear_models import memory, probe, results, scaling
from benchmarks.linear_models.cases import CASES, Case
from benchmarks.linear_models.contestants import LBFGS

DOCS = Path(__file__).parents[2] / "docs"

#: As near as a picture shows.
_NEAREST = 1e-9

_COLOURS = ["#c0392b", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f", "#e377c2"]


PAGE, README = DOCS / "softmax-regression.md", DOCS.parent / "README.md"

_CONDITIONS = (
    "{cpu}, {cores} cores, {threads} threads; instruction set {instruction_set}, compiler {compiler}; Python {python}, "
    "NumPy {numpy}, SciPy {scipy}, scikit-learn {scikit-learn}, its extension by Intel {scikit-learn-intelex}, "
    "PyTorch {torch}. Commit {commit}, {date}."
)

#: What is measured beside the cases, and told in tables alone.
OTHERS = (probe, memory, scaling)


def write() -> list[Path]:
    """Write the comparison into the page, its extract into the README, and a picture of each case that was measured."""
    for case, curves in _measured().items():
        picture = DOCS / _picture_of(case)
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(_picture(case, curves), encoding="utf-8")
    for path, name, text in ((PAGE, "comparison", comparison()), (README, "fits", summary())):
        path.write_text(with_block(path.read_text(encoding="utf-8"), name, text), encoding="utf-8")
    return [PAGE, README]


def comparison() -> str:
    """What was measured, and on what: of each case a table, a verdict, a picture, of all else a table and a verdict."""
    cases = [
        f"### {case.name}\n\n{_table(case, curves)}\n\n![{_said(case)}]({_picture_of(case)})"
        for case, curves in _measured().items()
    ]
    others = [
        f"### {other.NAME}\n\n{other.text(results.load_rows(other.KEY))}"
        for other in OTHERS
        if results.path(other.KEY).exists()
    ]
    return "\n\n".join(filter(None, [_conditions(), *cases, *others]))


def summary() -> str:
    """The cases in a table: seconds, and how many times as long scikit-learn's lbfgs and the best of all peers take."""
    rows = []
    for case, curves in _measured().items():
        taken = _taken(curves)
        ours = taken.pop(results.OURS).seconds
        name, best = min(taken.items(), key=lambda item: item[1].seconds)
        who = f" ({name})" if best.reached else ""
        rows.append([case.name, f"{ours:.3g}", taken[LBFGS].times(ours), best.times(ours) + who])
    return table(["", "s to 1e-6 ", f"{LBFGS}, × ", "the best peer, × "], rows)


def _conditions() -> str:
    """Machine, versions and date; of each group of cases where they were not measured under the same."""
    said: dict[str, list[str]] = {}
    for row in results.load_conditions():
        said.setdefault(_CONDITIONS.format_map(row), []).append(row["case"])
    return "\n".join(f"- {', '.join(keys)}: {text}" for text, keys in said.items()) if len(said) > 1 else "".join(said)


def _measured() -> dict[Case, results.Curves]:
    return {case: results.load(case) for case in CASES if results.path(case.key).exists()}


def _picture_of(case: Case) -> str:
    return f"pictures/{case.key}.svg"


class _Taken(NamedTuple):
    """Seconds until the target; until the end, if it was not reached."""

    seconds: float
    reached: bool

    def times(self, ours: float) -> str:
        """As a multiple of so many."""
        return f"{'' if self.reached else 'more than '}{self.seconds / ours:.3g}"


def _taken(curves: results.Curves) -> dict[str, _Taken]:
    """By each contestant."""
    return {
        found.contestant: _Taken(found.seconds, True)
        if math.isfinite(found.seconds)
        else _Taken(max(run.seconds[-1] for run in curves[found.contestant]), False)
        for found in results.summaries(curves)
    }


def _table(case: Case, curves: results.Curves) -> str:
    found, taken = {summary.contestant: summary for summary in results.summaries(curves)}, _taken(curves)
    rows = [
        [
            name,
            f"{one.seconds:.3g}" if one.reached else f"more than {one.seconds:.0f}",
            one.times(taken[results.OURS].seconds),
            "" if one.reached else f"{found[name].reached:.1e}",
        ]
        for name, one in taken.items()
    ]
    text = table(["", "s to 1e-6 ", "× crossentropy's ", "came within "], rows)
    ended = f"crossentropy's gap was proven, and its fit over, after {found[results.OURS].ended:.3g} s."
    return f"{text}\n\n{ended}{_verdict(case, taken)}"


def _verdict(case: Case, taken: dict[str, _Taken]) -> str:
    """The aims, if the case has any: each at least so many times the library's seconds."""

    def judged(who: str, names: list[str], aim: float) -> str:
        times = min(taken[name].seconds for name in names) / taken[results.OURS].seconds
        return f"{who} takes {times:.3g} ≥ {aim:g} {results.mark(times >= aim)} times as long"

    peers = [name for name in taken if name != results.OURS]
    aims = (("scikit-learn's lbfgs", [LBFGS], case.lbfgs), ("the best peer", peers, case.best))
    said = ", ".join(judged(*aim) for aim in aims if aim[-1])
    return f" Aims: {said}." if said else ""


def _said(case: Case) -> str:
    return f"How far each solver is above the best objective, by seconds: {case.name}"


def _picture(case: Case, curves: results.Curves) -> str:
    lowest = results.best(curves)
    points = []
    for contestant, runs in curves.items():
        run = runs[-1]
        for seconds, objective in zip(run.seconds, run.objective, strict=True):
            above = max(objective / lowest - 1.0, _NEAREST)
            points.append({"contestant": contestant, "seconds": max(seconds, 0.01), "above": above})
    names = list(curves)
    chart = (
        alt.Chart(alt.Data(values=points))
        .mark_line(interpolate="step-after", strokeWidth=1.8)
        .encode(
            x=alt.X("seconds:Q", scale=alt.Scale(type="log"), title="seconds"),
            y=alt.Y(
                "above:Q",
                scale=alt.Scale(type="log", domain=[_NEAREST, 10.0], clamp=True),
                axis=alt.Axis(format=".0e", values=[10.0**power for power in range(-9, 2, 2)]),
                title="above the best objective, relative to it",
            ),
            color=alt.Color(
                "contestant:N", sort=names, scale=alt.Scale(domain=names, range=_COLOURS[: len(names)]), title=None
            ),
        )
        .properties(width=560, height=300, title=case.name)
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return svg
