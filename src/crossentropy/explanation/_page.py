"""A derivation as a page that opens anywhere: one file, no script, nothing loaded."""

from __future__ import annotations

from html import escape

from crossentropy.explanation._chart import MOST_ROWS, gradient_chart, shown_rows
from crossentropy.explanation._derivation import Derivation, Section, Step, equation, row_labels
from crossentropy.explanation._numbers import written

_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: light-dark(#fdfdfc, #16181c); color: light-dark(#1c2024, #e4e6ea);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.1rem; font-weight: 600; margin: 0; opacity: 0.7; }
"""

_STYLE = """
.derivation { --ours: #1b6fb5; --theirs: #c4571b; --line: #8885; --soft: #8881; }
@media (prefers-color-scheme: dark) { .derivation { --ours: #6db4f2; --theirs: #f2a05e; } }
.derivation h2 { font-size: 1.6rem; line-height: 1.25; margin: 0.2rem 0 0.5rem; }
.derivation h3 { font-size: 1.15rem; margin: 2.5rem 0 0.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
.derivation .loss { font-size: 1.15rem; margin: 0; }
.derivation figure { margin: 1.5rem 0 0; }
.derivation svg { width: 100%; max-width: 40rem; height: auto; }
.derivation svg text { font-size: 13px; fill: currentColor; font-variant-numeric: tabular-nums; }
.derivation svg line { stroke: currentColor; stroke-width: 1; }
.derivation rect.cross-entropy { fill: var(--ours); }
.derivation rect.squared-error { fill: var(--theirs); }
.derivation .key::before { content: ""; display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; }
.derivation .key.cross-entropy::before { background: var(--ours); }
.derivation .key.squared-error::before { background: var(--theirs); }
.derivation .key { margin-right: 1.2em; white-space: nowrap; }
.derivation ol { padding-left: 2.2em; margin: 0.5rem 0 1rem; }
.derivation li { margin: 0.3rem 0; }
.derivation li::marker { font-variant-numeric: tabular-nums; opacity: 0.7; }
.derivation code { font-family: "DejaVu Sans Mono", ui-monospace, monospace; font-size: 0.9em; background: var(--soft);
  padding: 0.1em 0.35em; border-radius: 3px; }
.derivation .note { display: block; opacity: 0.75; }
.derivation .scroll { overflow-x: auto; }
.derivation table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
.derivation th, .derivation td { text-align: right; padding: 0.25rem 0 0.25rem 1.4rem; font-weight: 400; }
.derivation th:first-child { padding-left: 0; }
.derivation thead th { border-bottom: 1px solid var(--line); vertical-align: bottom; }
.derivation thead small { display: block; opacity: 0.6; }
"""


def render_page(derivation: Derivation) -> str:
    """The derivation as a whole HTML page: light or dark as the reader's system is, without scripts or other files.

    >>> from crossentropy.explanation import explain
    >>> render_page(explain(logits=[2.0, -1.0, 0.5], target=0)).splitlines()[0]
    '<!DOCTYPE html>'
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(derivation.title)}</title>
<link rel="icon" href="data:,">
<style>{_PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>Why the loss is what it is</h1>
{render_fragment(derivation)}
</main>
</body>
</html>
"""


def render_fragment(derivation: Derivation) -> str:
    """The same as one ``<section>`` with its own style, to stand inside another page (headings h2 and h3).

    >>> from crossentropy.explanation import explain
    >>> render_fragment(explain(logits=[2.0, -1.0, 0.5], target=0)).splitlines()[0]
    '<section class="derivation">'
    """
    parts = [
        '<section class="derivation">',
        f"<style>{_STYLE}</style>",
        f"<h2>{escape(derivation.title)}</h2>",
        f'<p class="loss">Loss: <strong>{written(derivation.loss)} {escape(derivation.unit)}</strong></p>',
    ]
    if any(derivation.gradient):
        parts.append(_figure(derivation))
    number = 1
    for section in derivation.sections:
        parts.append(_section(derivation, section, number))
        number += len(section.steps)
    return "\n".join([*parts, "</section>"])


def _figure(derivation: Derivation) -> str:
    shown, total = len(shown_rows(derivation)), len(derivation.gradient)
    left_out = f" The {MOST_ROWS} largest of {total} are shown." if shown < total else ""
    return f"""<figure>
<figcaption>How hard each loss pulls at each logit: its gradient, to one scale.{left_out}<br>
<span class="key cross-entropy">cross-entropy ({escape(derivation.unit)})</span>
<span class="key squared-error">squared error</span></figcaption>
{gradient_chart(derivation)}
</figure>"""


def _section(derivation: Derivation, section: Section, number: int) -> str:
    note = f"<p>{escape(section.note)}</p>\n" if section.note else ""
    steps = "\n".join(_step(step) for step in section.steps)
    return f"""<h3>{escape(section.title)}</h3>
{note}<ol start="{number}">
{steps}
</ol>
{_table(row_labels(derivation, section), section.steps, number)}"""


def _step(step: Step) -> str:
    note = f'<span class="note">{escape(step.note)}</span>' if step.note else ""
    return f"<li>{escape(step.name)} <code>{escape(equation(step))}</code>{note}</li>"


def _table(labels: tuple[str, ...], steps: tuple[Step, ...], number: int) -> str:
    """One row per label, one column per step that has a number for each."""
    columns = [
        (f"<small>{number + offset}</small>{escape(step.symbol)}", step.value)
        for offset, step in enumerate(steps)
        if isinstance(step.value, tuple)
    ]
    head = "".join(f'<th scope="col">{header}</th>' for header in (escape(labels[0]), *(name for name, _ in columns)))
    rows = "\n".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(f"<td>{written(values[row])}</td>" for _, values in columns)
        + "</tr>"
        for row, label in enumerate(labels[1:])
    )
    return f"""<div class="scroll"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>"""
