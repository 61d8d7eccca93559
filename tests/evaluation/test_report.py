from __future__ import annotations

import dataclasses
import json
import math

import pytest

from crossentropy.evaluation import LossMeter


def report_of(probabilities, targets):
    meter = LossMeter(["a", "b"])
    meter.update(probabilities=probabilities, targets=targets)
    return meter.report()


def test_the_dictionary_is_json_with_infinity_as_text_and_the_undefined_as_null():
    report = report_of([[0.0, 1.0]], [0])
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["unit"] == "nats"
    assert plain["cross_entropy"] == plain["cross_entropy_bits"] == plain["perplexity"] == "inf"
    assert plain["finite_cross_entropy"] is plain["explained_share"] is None
    assert plain["per_class"] == [
        {"label": "a", "rows": 1, "cross_entropy": "inf"},
        {"label": "b", "rows": 0, "cross_entropy": None},
    ]
    assert plain["confusion"] == [[0, 1], [0, 0]]
    assert len(plain["reliability"]) == 15


def test_the_dictionary_has_every_field():
    report = report_of([[0.5, 0.5], [0.1, 0.9]], [0, 1])
    fields = {field.name for field in dataclasses.fields(report)}
    assert set(report.to_dict()) == fields | {"unit", "cross_entropy_bits", "labels_entropy_bits"}


def test_minus_infinity_is_text_too():
    assert report_of([[0.0, 1.0], [0.0, 1.0]], [0, 1]).to_dict()["explained_share"] == "-inf"


def test_bits_are_nats_over_log_two():
    report = report_of([[0.5, 0.5], [0.25, 0.75]], [0, 0])
    assert report.cross_entropy_bits == pytest.approx(1.5, rel=1e-15)
    assert report_of([[0.5, 0.5], [0.5, 0.5]], [0, 1]).labels_entropy_bits == pytest.approx(1.0, rel=1e-15)


def test_a_report_is_frozen():
    report = report_of([[0.5, 0.5]], [0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.rows = 2
    assert math.isclose(report.cross_entropy, math.log(2))
