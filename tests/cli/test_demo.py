from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from crossentropy.cli._app import app


def run(*arguments):
    return CliRunner().invoke(app, ["demo", *map(str, arguments)], env={"COLUMNS": "80", "TERM": "dumb"})


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    report = tmp_path_factory.mktemp("demo") / "report.html"
    return run("--output", report), report


def test_it_fits_explains_and_ends_with_a_table_and_the_path(demo):
    result, report = demo
    assert (result.exit_code, result.stderr) == (0, "")
    text = result.stdout
    assert text.startswith("Softmax regression: handwritten digits\nrows, classes           1,347, 10 ")
    worst = text.index("The worst-predicted digit: row ")
    assert worst < text.index("Softmax cross-entropy: 10 classes, target class ") < text.index("Loss report: ")
    table = text[text.index("Loss report: held-out digits\n") :].splitlines()
    assert table[1].split() == ["rows,", "classes", "450,", "10"]
    accuracy = next(line for line in table if line.startswith("accuracy"))
    assert float(accuracy.split()[1]) > 95.0
    assert table[-1] == f"Report: {report}"


def test_the_worst_row_is_that_of_the_highest_loss(demo):
    """The explained loss leads the gallery of the most surprising digits."""
    result, report = demo
    loss = re.search(r"^Loss: (\d+\.\d+) nats$", result.stdout, re.MULTILINE)[1]
    surprisals = [float(found) for found in re.findall(r"(\d+\.\d+) nats", gallery(report))]
    assert len(surprisals) == 12
    assert surprisals == sorted(surprisals, reverse=True)
    assert surprisals[0] == pytest.approx(float(loss), abs=5e-4)


def gallery(report):
    page = report.read_text(encoding="utf-8")
    start = page.index("Most surprising rows")
    return page[start : page.index("</section>", start)]


def test_the_page_is_whole_and_loads_nothing(demo):
    class Links(HTMLParser):
        def __init__(self):
            super().__init__()
            self.found = []

        def handle_starttag(self, tag, attributes):
            self.found += [value for name, value in attributes if name in ("src", "href")]

    page = demo[1].read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")
    for picture in ("Loss per iteration", "Reliability", "Confusion matrix", "Cross-entropy per class"):
        assert f"<h3>{picture}</h3>" in page
    assert 'class="derivation"' in page
    links = Links()
    links.feed(page)
    assert links.found
    assert [link for link in links.found if not link.startswith(("data:", "#"))] == []


def test_the_seed_splits_the_rows(demo, tmp_path):
    other = run("--output", tmp_path / "r.html", "--seed", 1)
    assert other.exit_code == 0

    def figures(text):
        return [line for line in text.splitlines() if not line.startswith(("iterations", "Report"))]

    assert figures(other.stdout) != figures(demo[0].stdout)
    again = run("--output", tmp_path / "r.html", "--seed", 0)
    assert figures(again.stdout) == figures(demo[0].stdout)
    assert (tmp_path / "r.html").read_bytes() == demo[1].read_bytes()


def test_promise_24_an_output_that_cannot_be_written_is_known_before_the_work(tmp_path):
    target = tmp_path / "nowhere" / "r.html"
    result = run("--output", target)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: {target}: expected a directory that exists, got {target.parent}; create it first, or write elsewhere\n"
    )
