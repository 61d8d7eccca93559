"""What logits, labels and weights may be, what comes back, and what is said of the rest."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

import crossentropy as ce
from crossentropy.calibration import MatrixScaling, TemperatureScaling, VectorScaling
from crossentropy.calibration._as_linear import FromIdentity
from tests.calibration.test_optimum import SCALINGS, data

NAMES = np.array(["lynx", "ape", "cat", "dog"])


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_comes_back_has_the_dtype_and_shape_of_the_logits(scaling, dtype):
    logits, y, _ = data()
    logits = logits.astype(dtype)
    model, wide = scaling().fit(logits, y), scaling().fit(logits.astype(np.float64), y)
    assert model.objective_ == wide.objective_
    for method in ("transform", "predict_proba", "predict_log_proba"):
        found, exact = getattr(model, method)(logits), getattr(wide, method)(logits.astype(np.float64))
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, exact.astype(dtype))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_predictions_agree_with_one_another(scaling):
    logits, y, s = data()
    labels = np.sort(NAMES)[y]
    model = scaling().fit(logits, labels, s)
    z = model.transform(logits)
    if scaling is TemperatureScaling:
        np.testing.assert_array_equal(z, logits / model.temperature_)
    else:
        centred = logits - logits.mean(axis=1, keepdims=True)
        by_hand = centred * model.coef_ if scaling is VectorScaling else centred @ model.coef_.T
        np.testing.assert_allclose(z, by_hand + model.intercept_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(logits), softmax(z, axis=1), rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(logits), log_softmax(z, axis=1), rtol=1e-12)
    assert model.classes_.tolist() == sorted(NAMES)
    assert model.predict(logits).tolist() == model.classes_[z.argmax(axis=1)].tolist()
    assert model.loss(logits, labels, s) == pytest.approx(
        log_loss(labels, softmax(z, axis=1), sample_weight=s), rel=1e-12
    )
    soft = np.full(logits.shape, 0.25)
    assert model.loss(logits, soft) == pytest.approx(ce.softmax_cross_entropy(z, soft), rel=1e-12)
    assert model.score(logits, labels) == np.mean(model.predict(logits) == labels)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_labels_are_the_classes_of_columns_in_any_order(scaling):
    logits, y, _ = data()
    of_numbers = scaling().fit(logits, y)
    of_names = scaling(classes=NAMES).fit(logits, NAMES[y])
    assert of_names.classes_.tolist() == NAMES.tolist()
    np.testing.assert_array_equal(of_names.predict_proba(logits), of_numbers.predict_proba(logits))
    np.testing.assert_array_equal(of_names.predict(logits), NAMES[of_numbers.predict(logits)])
    assert scaling(classes=NAMES).fit(logits, np.eye(4)[y]).classes_.tolist() == NAMES.tolist()
    shuffled = scaling(classes=range(4, 0, -1)).fit(logits[:, ::-1], y + 1)
    np.testing.assert_allclose(shuffled.predict_proba(logits[:, ::-1])[:, ::-1], of_numbers.predict_proba(logits))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_rows_may_lack_a_class(scaling):
    logits, y, _ = data()
    model = scaling(classes=range(4)).fit(logits[y != 2], y[y != 2])
    assert model.classes_.tolist() == [0, 1, 2, 3]
    assert np.isfinite(model.transform(logits)).all()


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda z: np.repeat(z, 2, axis=0)[::2], lambda z: z.astype(">f8")],
    ids=["Fortran order", "strided", "byte-swapped"],
)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_promise_22_the_layout_changes_nothing(scaling, change):
    logits, y, _ = data()
    changed = change(logits)
    changed.flags.writeable = False
    np.testing.assert_array_equal(
        scaling().fit(changed, y).transform(changed), scaling().fit(logits, y).transform(logits)
    )


def test_promise_22_logits_may_lie_in_a_file(tmp_path):
    logits, y, _ = data()
    np.save(tmp_path / "logits.npy", logits)
    mapped = np.load(tmp_path / "logits.npy", mmap_mode="r")
    model = TemperatureScaling().fit(mapped, y)
    assert model.temperature_ == TemperatureScaling().fit(logits, y).temperature_
    assert type(model.transform(mapped)) is np.ndarray


@pytest.mark.parametrize("scaling", SCALINGS)
def test_promise_23_fitting_changes_no_input(scaling):
    inputs = data()
    copies = [array.copy() for array in inputs]
    scaling().fit(*inputs).predict(inputs[0])
    for array, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_beside_the_logits_there_is_a_block_of_rows(scaling):
    logits, y, _ = data(200_000, 30)
    logits = logits.astype(np.float32)
    scaling(tol=0.1).fit(logits[:1000], y[:1000])  # what is imported on the way does not count
    tracemalloc.start()
    try:
        scaling(tol=0.1).fit(logits, y)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.2 * logits.nbytes  # float64 logits would be twice as many


@pytest.mark.parametrize("scaling", [TemperatureScaling, VectorScaling])
def test_promise_6_an_impossible_class_stays_impossible(scaling):
    logits, y, s = data()
    logits[::3, 1] = -np.inf
    y[::3] = np.where(y[::3] == 1, 0, y[::3])
    model = scaling(tol=1e-12).fit(logits, y, s)
    assert np.isneginf(model.transform(logits)[::3, 1]).all()
    assert (model.predict_proba(logits)[::3, 1] == 0.0).all()
    assert np.isfinite(model.transform(logits)[1::3]).all()
    # a class so unlikely that it is as good as impossible
    mean = np.where(np.isneginf(logits), np.nan, logits)
    far = np.where(np.isneginf(logits), np.nanmean(mean, axis=1, keepdims=True) - 1e4, logits)
    if scaling is TemperatureScaling:
        assert scaling(tol=1e-12).fit(far, y, s).temperature_ == pytest.approx(model.temperature_, rel=1e-9)
    assert model.loss(logits[:1], [1]) == np.inf
    # a row whose target is impossible, but which weighs nothing
    y[0], s[0] = 1, 0.0
    assert scaling(tol=1e-12).fit(logits, y, s).objective_ == pytest.approx(
        scaling(tol=1e-12).fit(logits[1:], y[1:], s[1:]).objective_, rel=1e-9
    )


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_promise_6_whatever_the_factor(factor):
    model = VectorScaling().fit([[1.0, 0.0], [0.0, 1.0]], [0, 1])
    model.coef_ = np.array([1.0, factor])
    assert model.predict_proba([[3.0, -np.inf]]).tolist() == [[1.0, 0.0]]


def test_a_probability_below_float64_keeps_its_logarithm():
    model = TemperatureScaling().fit([[1.0, 0.0], [0.0, 1.0], [0.5, 0.0]], [0, 1, 1])
    far = [[1e6, 0.0]]
    assert model.predict_proba(far)[0, 1] == 0.0
    assert np.isfinite(model.predict_log_proba(far)).all()


@pytest.mark.parametrize(
    ("scaling", "parameters", "remedy"),
    [
        (VectorScaling, {"max_iter": 1, "tol": 1e-12}, "raise max_iter, or tol if that is close enough"),
        *(
            (scaling, {"tol": 1e-300}, "the objective no longer decreases in float64, so raise tol above that number")
            for scaling in (VectorScaling, MatrixScaling)
        ),
    ],
)
def test_stopping_short_is_a_warning_that_says_how_far(scaling, parameters, remedy):
    logits, y, s = data()
    expected = f"{scaling.__name__}: expected an objective within {parameters['tol']:g} of its minimum"
    message = rf"^{expected}, got one within [0-9.e-]+, after \d+ iterations; {remedy}$"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        model = scaling(**parameters).fit(logits, y, s)
    assert caught[0].filename == __file__
    assert model.objective_ - scaling(tol=1e-13).fit(logits, y, s).objective_ <= model.gap_ + 1e-10


def test_an_interrupted_fit_makes_no_model(monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    logits, y, s = data()
    model = MatrixScaling()
    monkeypatch.setattr(FromIdentity, "_logits", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(logits, y, s)
    assert not hasattr(model, "coef_")
