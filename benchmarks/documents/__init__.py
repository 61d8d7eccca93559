"""The parts of the documents that are written by programs, never by hand."""

from __future__ import annotations

from pathlib import Path

from benchmarks import aims, results
from benchmarks.documents import _differences, _functions, _speed
from benchmarks.documents._blocks import with_block
from benchmarks.explanations import EXPLANATIONS

ROOT = Path(__file__).parents[2]


def write() -> list[Path]:
    """Write docs/benchmarks.md and docs/peers.md anew, and the README's tables between their markers.

    Raises AimsError, and writes nothing, unless every case is measured and every missed aim explained.
    """
    found, conditions = results.load(results.newest())
    aims.check(aims.judged(found), EXPLANATIONS)
    answers = _differences.run()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, text in (
        ("functions", _functions.table()),
        ("speed", _speed.readme_table(found, conditions)),
        ("peers", _differences.readme_table(answers)),
    ):
        readme = with_block(readme, name, text)
    texts = {
        ROOT / "README.md": readme,
        ROOT / "docs/benchmarks.md": _speed.page(found, conditions),
        ROOT / "docs/peers.md": _differences.page(answers),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)
