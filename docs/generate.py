"""Writes docs/api.md from the public list, and docs/formulas.md from the losses' contracts: `make docs`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import crossentropy as ce
from crossentropy._loss import LOSSES

HERE = Path(__file__).parent
SECTIONS = {
    "Measures": ("_measures", "_differential_entropy"),
    "Losses": ("_losses", "_targets"),
    "Heads": ("_heads",),
    "Activations": ("_activations",),
    "Choices and facts": ("_checked", "_dispatch", "_memory", "_config"),
}


def api() -> str:
    """Signature and docstring of every public object, in the order of the public list."""
    lines = [
        "# API",
        "",
        "Generated from the docstrings by `make docs`. The conventions: [conventions.md](conventions.md).",
        "",
    ]
    for section, modules in SECTIONS.items():
        lines += [f"## {section}", ""]
        for name in ce.__all__:
            thing = getattr(ce, name)
            if thing.__module__.removeprefix("crossentropy.") not in modules:
                continue
            lines += [f"### {name}", "", "```text", _call(name, thing), "", inspect.getdoc(thing) or "", "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _call(name: str, thing: object) -> str:
    """The signature, one argument a line where it is long; annotations as they are written."""
    parameters = [re.sub(r": '([^']*)'", r": \1", str(p)) for p in inspect.signature(thing).parameters.values()]
    kinds = [p.kind for p in inspect.signature(thing).parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        parameters.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    line = f"{name}({', '.join(parameters)})"
    return line if len(line) <= 120 else f"{name}(\n    " + ",\n    ".join(parameters) + ",\n)"


def formulas() -> str:
    """One row for each registered loss: what it takes, its formula, where it stands in the reference."""
    lines = [
        "# Formulas",
        "",
        "Generated from the losses' contracts by `make docs`. Each formula is a float64 function to be read, in",
        "`src/crossentropy/reference/`: [measures](../src/crossentropy/reference/measures.py),",
        "[activations](../src/crossentropy/reference/activations.py),",
        "[losses](../src/crossentropy/reference/losses.py), [heads](../src/crossentropy/reference/heads.py). The",
        "compiled core is held against these, and these against mpmath at 50 digits.",
        "",
        "| loss | formula of a row or element | predictions | targets |",
        "| --- | --- | --- | --- |",
    ]
    for name, loss in LOSSES.items():
        contract = loss.contract
        lines.append(f"| `{name}` | `{contract.formula}` | {contract.domain} | {', '.join(contract.target_kinds)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (HERE / "api.md").write_text(api())
    (HERE / "formulas.md").write_text(formulas())
