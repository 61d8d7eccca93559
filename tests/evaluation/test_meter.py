from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossentropy.evaluation import ClassLoss, LossMeter

LABELS = ("a", "b", "c")


def metered(labels=LABELS, **block):
    meter = LossMeter(labels)
    meter.update(**block)
    return meter


@pytest.fixture
def rows():
    generator = np.random.default_rng(7)
    logits = 3.0 * generator.standard_normal((200, 3))
    targets = np.where(generator.random(200) < 0.7, logits.argmax(axis=1), generator.integers(0, 3, 200))
    exponentials = np.exp(logits)
    return {
        "logits": logits,
        "probabilities": exponentials / exponentials.sum(axis=1, keepdims=True),
        "targets": targets,
        "sample_weight": generator.integers(0, 4, 200),
    }


def test_every_figure_is_what_its_definition_says(rows):
    p, y, s = rows["probabilities"], rows["targets"], rows["sample_weight"].astype(float)
    report = metered(probabilities=p, targets=y, sample_weight=s).report()
    losses, one_hot, kept = -np.log(p[np.arange(200), y]), np.eye(3)[y], s > 0
    frequencies = s @ one_hot / s.sum()
    mean = s @ losses / s.sum()
    assert report.rows == kept.sum()
    assert report.classes == LABELS
    assert report.labels_entropy == pytest.approx(-(frequencies @ np.log(frequencies)), rel=1e-14)
    assert report.cross_entropy == report.finite_cross_entropy == pytest.approx(mean, rel=1e-14)
    assert report.perplexity == pytest.approx(math.exp(mean), rel=1e-14)
    assert report.explained_share == pytest.approx(1 - mean / report.labels_entropy, rel=1e-13)
    n = kept.sum()
    error = math.sqrt(n / (n - 1) * (s**2 @ (losses - mean) ** 2)) / s.sum()
    assert report.cross_entropy_standard_error == pytest.approx(error, rel=1e-13)
    assert report.accuracy == pytest.approx(s @ (p.argmax(axis=1) == y) / s.sum(), rel=1e-14)
    assert report.brier_score == pytest.approx(s @ ((p - one_hot) ** 2).sum(axis=1) / s.sum(), rel=1e-14)
    for k, entry in enumerate(report.per_class):
        of_class = kept & (y == k)
        assert (entry.label, entry.rows) == (LABELS[k], of_class.sum())
        assert entry.cross_entropy == pytest.approx(s[of_class] @ losses[of_class] / s[of_class].sum(), rel=1e-14)
    for truth in range(3):
        for prediction in range(3):
            expected = (kept & (y == truth) & (p.argmax(axis=1) == prediction)).sum()
            assert report.confusion[truth][prediction] == expected
    assert (report.zero_probability_rows, report.first_zero_probability_row) == (0, None)


def test_reliability_bins_hold_the_rows_of_their_confidence(rows):
    p, y, s = rows["probabilities"], rows["targets"], rows["sample_weight"].astype(float)
    report = metered(probabilities=p, targets=y, sample_weight=s).report()
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    assert len(report.reliability) == 15
    assert sum(part.rows for part in report.reliability) == report.rows
    for part in report.reliability:
        inside = (s > 0) & (confidence > part.lower) & (confidence <= part.upper)
        assert part.rows == inside.sum()
        if part.rows:
            assert part.mean_confidence == pytest.approx(s[inside] @ confidence[inside] / s[inside].sum(), rel=1e-14)
            assert part.accuracy == pytest.approx(s[inside] @ right[inside] / s[inside].sum(), rel=1e-14)
        else:
            assert part.mean_confidence is None
            assert part.accuracy is None


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    report = metered("ab", probabilities=[[1.0, 0.0], [0.8, 0.2], [0.8 + 1e-9, 0.2 - 1e-9]], targets=[0, 0, 0]).report()
    assert [part.rows for part in report.reliability[-4:]] == [1, 1, 0, 1]
    assert [part.upper for part in report.reliability[-4:]] == pytest.approx([0.8, 13 / 15, 14 / 15, 1.0])


def test_a_sum_a_little_above_one_stays_in_the_last_bin():
    report = metered("ab", probabilities=[[1.0 + 1e-8, 0.0]], targets=[0]).report()
    assert report.reliability[-1].rows == 1


def test_the_three_forms_agree(rows):
    y = rows["targets"]
    reports = [
        metered(probabilities=rows["probabilities"], targets=y).report(),
        metered(log_probabilities=np.log(rows["probabilities"]), targets=y).report(),
        metered(logits=rows["logits"], targets=y).report(),
    ]
    for report in reports[1:]:
        assert report.cross_entropy == pytest.approx(reports[0].cross_entropy, rel=1e-14)
        assert report.brier_score == pytest.approx(reports[0].brier_score, rel=1e-13)
        assert report.confusion == reports[0].confusion


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sums_of_the_dtype_the_predictions_are_in_are_within_its_tolerance(rows, dtype):
    """Promise 3."""
    p = rows["probabilities"].astype(dtype)
    report = metered(probabilities=p, targets=rows["targets"]).report()
    expected = -np.log(p.astype(np.float64)[np.arange(200), rows["targets"]]).mean()
    assert report.cross_entropy == pytest.approx(expected, rel=1e-14)


@given(st.lists(st.integers(0, 200), max_size=6), st.randoms(use_true_random=False))
def test_promise_21_blocks_and_merges_change_no_bit(cuts, random):
    generator = np.random.default_rng(11)
    p = generator.dirichlet([0.1, 0.2, 0.3], size=200)
    p[generator.random(200) < 0.02] = [1.0, 0.0, 0.0]
    y, s = generator.integers(0, 3, 200), generator.random(200)
    whole = metered(probabilities=p, targets=y, sample_weight=s)
    meters = []
    edges = [0, *sorted(cuts), 200]
    for start, stop in itertools.pairwise(edges):
        meters.append(metered(probabilities=p[start:stop], targets=y[start:stop], sample_weight=s[start:stop]))
    while len(meters) > 1:
        place = random.randrange(len(meters) - 1)
        meters[place : place + 2] = [meters[place].merge(meters[place + 1])]
    assert meters[0].report() == whole.report()


def test_merging_changes_neither_meter():
    first = metered("ab", probabilities=[[0.5, 0.5]], targets=[0])
    second = metered("ab", probabilities=[[0.25, 0.75]], targets=[0])
    before = first.report(), second.report()
    both = first.merge(second)
    both.update(probabilities=[[0.0, 1.0]], targets=[0])
    assert (first.report(), second.report()) == before
    assert both.report().rows == 3


def test_an_empty_meter_is_the_identity_of_merging():
    meter = metered("ab", probabilities=[[0.0, 1.0]], targets=[0])
    empty = LossMeter("ab")
    assert empty.merge(meter).report() == meter.merge(empty).report() == meter.report()


def test_a_meter_travels_between_processes():
    meter = metered("ab", probabilities=[[0.5, 0.5]], targets=[0])
    assert pickle.loads(pickle.dumps(meter)).report() == meter.report()


def test_promise_2_infinite_rows_are_counted_and_the_finite_part_is_given():
    p = [[0.5, 0.5], [0.0, 1.0], [0.25, 0.75], [1.0, 0.0]]
    report = metered("ab", probabilities=p, targets=[0, 0, 0, 1]).report()
    assert report.cross_entropy == report.perplexity == math.inf
    assert report.explained_share == -math.inf
    assert report.finite_cross_entropy == pytest.approx((math.log(2) + math.log(4)) / 2, rel=1e-15)
    assert report.cross_entropy_standard_error == pytest.approx(math.log(2) / 2, rel=1e-15)
    assert (report.zero_probability_rows, report.first_zero_probability_row) == (2, 1)
    assert report.per_class == (ClassLoss("a", 3, math.inf), ClassLoss("b", 1, math.inf))


def test_the_first_infinite_row_is_counted_over_blocks_and_merges():
    plain = {"probabilities": [[0.5, 0.5], [0.5, 0.5]], "targets": [0, 1], "sample_weight": [0.0, 1.0]}
    zero = {"probabilities": [[0.5, 0.5], [0.0, 1.0]], "targets": [0, 0]}
    meter = metered("ab", **plain)
    meter.update(**zero)
    meter.update(**zero)
    assert meter.report().first_zero_probability_row == 3
    assert metered("ab", **plain).merge(meter).report().first_zero_probability_row == 5


def test_dropped_rows_count_for_the_place_of_the_first_infinite_row():
    p, weights = [[0.5, 0.5], [0.0, 1.0], [0.0, 1.0]], [0.0, 0.0, 1.0]
    report = metered("ab", probabilities=p, targets=[0, 0, 0], sample_weight=weights).report()
    assert (report.zero_probability_rows, report.first_zero_probability_row) == (1, 2)


def test_a_row_of_weight_zero_is_dropped():
    """Promise 15: with an infinite loss, too."""
    p, y = [[0.5, 0.5], [0.0, 1.0]], [0, 0]
    report = metered("ab", probabilities=p, targets=y, sample_weight=[2.0, 0.0]).report()
    assert (report.rows, report.cross_entropy, report.zero_probability_rows) == (1, math.log(2), 0)
    assert report.confusion == ((1, 0), (0, 0))


def test_a_logit_of_minus_infinity_is_probability_zero():
    """Promise 6."""
    report = metered("abc", logits=[[0.0, -math.inf, 0.0], [0.0, 0.0, -math.inf]], targets=[1, 1]).report()
    assert (report.cross_entropy, report.finite_cross_entropy) == (math.inf, math.log(2))


def test_a_large_loss_is_finite_though_its_probability_underflows():
    report = metered("ab", logits=[[0.0, 2000.0]], targets=[0]).report()
    assert (report.cross_entropy, report.zero_probability_rows) == (2000.0, 0)
    assert report.perplexity == math.inf


def test_all_rows_infinite():
    report = metered("ab", probabilities=[[0.0, 1.0]], targets=[0]).report()
    assert (report.cross_entropy, report.finite_cross_entropy) == (math.inf, None)
    assert report.cross_entropy_standard_error is None


def test_one_class_only_has_no_share():
    report = metered("ab", probabilities=[[0.5, 0.5]], targets=[0]).report()
    assert (report.labels_entropy, report.explained_share) == (0.0, None)
    assert report.per_class[1] == ClassLoss("b", 0, None)
    assert report.cross_entropy_standard_error is None


def test_equal_losses_have_no_standard_error():
    report = metered("ab", probabilities=[[0.1, 0.9]] * 7, targets=[0] * 7).report()
    assert report.cross_entropy_standard_error == 0.0


def test_equally_probable_classes_go_to_the_first():
    report = metered("ab", probabilities=[[0.5, 0.5], [0.5, 0.5]], targets=[0, 1]).report()
    assert report.confusion == ((1, 0), (1, 0))


def test_no_row_is_no_report():
    meter = metered("ab", probabilities=np.zeros((0, 2)), targets=np.zeros(0, dtype=int))
    with pytest.raises(ValueError) as raised:
        meter.report()
    assert str(raised.value) == "report: expected at least one row, got none; update the meter first"


@pytest.mark.parametrize(
    ("error", "block", "message"),
    [
        (
            TypeError,
            {"targets": [0]},
            "update: expected one of probabilities, log_probabilities, logits, got none of them; "
            "pass the predictions in one form",
        ),
        (
            TypeError,
            {"targets": [0], "logits": [[0.0, 0.0]], "probabilities": [[0.5, 0.5]]},
            "update: expected one of probabilities, log_probabilities, logits, got probabilities and logits; "
            "pass the predictions in one form",
        ),
        (
            ValueError,
            {"targets": [0], "logits": [[0.0, 0.0, 0.0]]},
            "logits: expected shape (1, 2) (one row per target, one column per class), got shape (1, 3); "
            "reshape or broadcast it yourself, so that nothing is paired by accident",
        ),
        (
            ValueError,
            {"targets": [0, 1], "logits": [[0.0, 0.0]]},
            "targets: expected shape (1,) (one class index per row of the predictions), got shape (2,); "
            "reshape or broadcast it yourself, so that nothing is paired by accident",
        ),
        (
            TypeError,
            {"targets": [0.0], "logits": [[0.0, 0.0]]},
            "targets: expected class indices (integers), got dtype float64; "
            "map each label to its position among the classes",
        ),
        (
            IndexError,
            {"targets": [0, 2], "logits": [[0.0, 0.0]] * 2},
            "targets, row 1: expected a class index in [0, 2), got 2; remove the row or correct its label",
        ),
        (
            IndexError,
            {"targets": [-1], "logits": [[0.0, 0.0]]},
            "targets, row 0: expected a class index in [0, 2), got -1; remove the row or correct its label",
        ),
        (
            ValueError,
            {"targets": [0, 0], "probabilities": [[0.5, 0.5], [0.5, 0.4]]},
            "probabilities, row 1: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.9; "
            "divide each row by its sum",
        ),
        (
            ValueError,
            {"targets": [0], "probabilities": [[1.5, -0.5]]},
            "probabilities, row 0: expected probabilities of at least 0, got -0.5 at class 1; "
            "remove or correct that entry",
        ),
        (
            ValueError,
            {"targets": [0], "log_probabilities": [[0.0, 0.0]]},
            "log_probabilities, row 0: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 2; "
            "subtract each row's logsumexp, or pass logits",
        ),
        (
            ValueError,
            {"targets": [0, 0], "logits": [[0.0, 0.0], [0.0, math.nan]]},
            "logits, row 1: expected a row whose softmax exists, got NaN, +inf twice or nothing but -inf; "
            "remove or correct that row",
        ),
        (
            ValueError,
            {"targets": [0, 0], "logits": [[0.0, 0.0]] * 2, "sample_weight": [1.0, -1.0]},
            "sample_weight, row 1: expected a finite weight of at least 0, got -1; "
            "correct it, or pass 0 to drop the row",
        ),
        (
            ValueError,
            {"targets": [0], "logits": [[0.0, 1e10]], "sample_weight": [1e300]},
            "sample_weight: expected weights whose products with the losses are finite numbers, "
            "got an overflow at row 0; scale the weights down",
        ),
    ],
)
def test_a_refused_block_changes_nothing(error, block, message):
    """Promise 24."""
    meter = metered("ab", probabilities=[[0.5, 0.5]], targets=[0])
    before = meter.report()
    with pytest.raises(error) as raised:
        meter.update(**block)
    assert str(raised.value) == message
    assert meter.report() == before


def test_promise_23_inputs_are_not_changed(rows):
    copies = {name: array.copy() for name, array in rows.items()}
    for form in ("probabilities", "logits"):
        metered(targets=rows["targets"], sample_weight=rows["sample_weight"], **{form: rows[form]})
    for name, array in rows.items():
        np.testing.assert_array_equal(array, copies[name])


@pytest.mark.parametrize(("classes", "received"), [([], "none"), ([1, "1"], "'1', '1'")])
def test_classes_are_named_once(classes, received):
    with pytest.raises(ValueError) as raised:
        LossMeter(classes)
    assert str(raised.value) == (
        f"classes: expected one label or more, all different as text, got {received}; name each class once"
    )


def test_only_meters_of_the_same_classes_merge():
    with pytest.raises(ValueError) as raised:
        LossMeter("ab").merge(LossMeter("ba"))
    assert str(raised.value) == (
        "other: expected a meter of the classes a, b, got one of b, a; "
        "merge meters of the same classes in the same order"
    )
