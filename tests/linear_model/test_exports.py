"""A model that has left for scikit-learn, PyTorch or ONNX says what it said here."""

from __future__ import annotations

import re
import sys

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

import crossentropy as ce
from crossentropy.linear_model import LogisticRegression as SigmoidRegression
from crossentropy.linear_model import SoftmaxRegression

LABELS = {
    "two texts": np.array(["nein", "später 火"]),
    "five texts": np.array(["a", "b", "bb", "ça", ""]),
    "objects": np.array(["one", "two", "three"], dtype=object),
    "two integers": np.array([1, 2]),
    "five integers": np.array([0, 3, 4, 2**40, 2**62]),
    "bytes": np.arange(5, dtype=np.uint8),
    "negative": np.array([-7, -1]),
    "five negative": np.array([-(2**63), -5, -1, 0, 9]),
    "booleans": np.array([False, True]),
    "floats": np.array([-1.0, 0.0, 2.0]),
}

every_label = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
intercepts = pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
sizes = {"seed": st.integers(0, 2**32 - 1), "features": st.integers(1, 8)}


def drawn(labels, fit_intercept, seed, features):
    """A fitted model, and rows that are the same in float32 and float64."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(40, features)).astype(np.float32)
    codes = (2.0 * X @ random.normal(size=(features, len(labels)))).argmax(axis=1)
    codes[: len(labels)] = np.arange(len(labels))
    C = 10.0 ** random.uniform(-3, 1)
    return SoftmaxRegression(C=C, fit_intercept=fit_intercept).fit(X.astype(np.float64), labels[codes]), X


def check_labels(found, model, X, tolerance):
    """Equal to those of the model, but where its two best classes are as probable as each other."""
    probabilities = np.sort(model.predict_proba(X), axis=1)
    clear = probabilities[:, -1] - probabilities[:, -2] > 2 * tolerance
    assert clear.sum() >= len(X) / 2
    np.testing.assert_array_equal(np.asarray(found)[clear], model.predict(X)[clear])


@every_label
@intercepts
@settings(max_examples=20)
@given(**sizes)
def test_to_scikit_learn_and_back(labels, fit_intercept, seed, features):
    model, X = drawn(labels, fit_intercept, seed, features)
    X = X.astype(np.float64)
    theirs = model.to_sklearn()
    np.testing.assert_allclose(theirs.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-12)
    check_labels(theirs.predict(X), model, X, 1e-12)
    back = SoftmaxRegression.from_sklearn(theirs)
    np.testing.assert_allclose(back.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-12)
    assert back.get_params() == model.get_params()
    assert back.n_iter_ == model.n_iter_
    assert back.classes_.dtype == model.classes_.dtype


@every_label
@intercepts
@settings(max_examples=20)
@given(**sizes)
def test_to_torch(labels, fit_intercept, seed, features):
    model, X = drawn(labels, fit_intercept, seed, features)
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        linear = model.to_torch(dtype)
        logits = linear(torch.tensor(X, dtype=dtype)).detach()
        assert logits.dtype == dtype
        probabilities = logits.softmax(dim=1).numpy()
        np.testing.assert_allclose(probabilities, model.predict_proba(X.astype(np.float64)), rtol=0, atol=tolerance)
        check_labels(model.classes_[logits.argmax(dim=1).numpy()], model, X.astype(np.float64), tolerance)


@pytest.mark.parametrize("outputs", [1, 3])
@intercepts
def test_a_logistic_regression_leaves_too(outputs, fit_intercept):
    random = np.random.default_rng(outputs)
    X = random.normal(size=(60, 4)).astype(np.float32)
    y = (X @ random.normal(size=(4, outputs)) + random.normal(size=(60, outputs)) > 0.0).astype(int)
    model = SigmoidRegression(fit_intercept=fit_intercept).fit(
        X, y if outputs > 1 else np.array(["no", "yes"])[y[:, 0]]
    )
    probabilities = model.predict_proba(X.astype(np.float64))
    linear = model.to_torch()
    found = linear(torch.tensor(X)).sigmoid().detach().numpy()
    np.testing.assert_allclose(found, probabilities[:, -outputs:], rtol=0, atol=1e-6)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
        exported = model.to_onnx(dtype=dtype)
        onnx.checker.check_model(exported, full_check=True)
        label, found = session(exported).run(["label", "probabilities"], {"X": X.astype(dtype)})
        np.testing.assert_allclose(found, probabilities, rtol=0, atol=tolerance)
        np.testing.assert_array_equal(label, model.predict(X.astype(np.float64)))
    kinds = f"{outputs} labels" if outputs > 1 else "2 classes"
    assert exported.doc_string == f"Logistic regression: {kinds}, 4 features"


@intercepts
@pytest.mark.parametrize(
    "theirs",
    [
        {"C": 0.3},
        {"class_weight": {"a": 2.0, "b": 6.0}},
        {"C": 0.5, "l1_ratio": 0.5, "solver": "saga"},
        {"C": np.inf},
    ],
    ids=repr,
)
def test_a_logistic_regression_comes_from_scikit_learn_and_goes_back(theirs, fit_intercept):
    random = np.random.default_rng(5)
    X = random.normal(size=(80, 3))
    y = np.where(X.sum(axis=1) + random.normal(size=80) > 0.0, "b", "a")
    theirs = LogisticRegression(fit_intercept=fit_intercept, max_iter=10_000, tol=1e-8, **theirs).fit(X, y)
    ours = SigmoidRegression.from_sklearn(theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    # the same objective: here is nothing left to do
    again = clone(ours).set_params(tol=1e-9).fit(X, y)
    np.testing.assert_allclose(again.coef_, theirs.coef_, rtol=0, atol=1e-4)
    back = ours.to_sklearn()
    np.testing.assert_allclose(back.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_allclose(clone(back).set_params(tol=1e-8).fit(X, y).coef_, theirs.coef_, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("theirs", "labels", "message"),
    [
        ({}, 3, "expected one logit for two classes, got 3 classes; call SoftmaxRegression.from_sklearn"),
        (
            {"class_weight": "balanced"},
            2,
            "expected class weights that are known without the rows, got class_weight='balanced'; "
            "call SoftmaxRegression.from_sklearn, or set the model's class_weight to a dict of weights",
        ),
    ],
)
def test_promise_24_what_is_no_logistic_regression(theirs, labels, message):
    X = np.random.default_rng(6).normal(size=(30, 2))
    theirs = LogisticRegression(**theirs).fit(X, np.arange(30) % labels)
    with pytest.raises(ValueError, match=f"^{re.escape('model: ' + message)}$"):
        SigmoidRegression.from_sklearn(theirs)
    several = SigmoidRegression().fit(X, np.column_stack([np.arange(30) % 2, np.arange(30) % 3 == 0]))
    message = "model: expected two classes, got 2 labels that a row may share; fit one model to each label"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        several.to_sklearn()


def session(exported):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(exported.SerializeToString(), options, providers=["CPUExecutionProvider"])


@every_label
@intercepts
@settings(max_examples=10)
@given(**sizes)
def test_to_onnx(labels, fit_intercept, seed, features):
    model, X = drawn(labels, fit_intercept, seed, features)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
        exported = model.to_onnx(dtype=dtype)
        onnx.checker.check_model(exported, full_check=True)
        found, probabilities = session(exported).run(["label", "probabilities"], {"X": X.astype(dtype)})
        assert found.dtype == (object if labels.dtype.kind in "UO" else np.int64)
        assert probabilities.dtype == dtype
        np.testing.assert_allclose(probabilities, model.predict_proba(X.astype(np.float64)), rtol=0, atol=tolerance)
        check_labels(found, model, X.astype(np.float64), tolerance)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga", "liblinear"])
@pytest.mark.parametrize("classes", [2, 3])
@intercepts
def test_from_a_model_of_scikit_learn(solver, classes, fit_intercept):
    X, y = load_iris(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[y < classes], y[y < classes]
    theirs = LogisticRegression(C=0.1, solver=solver, fit_intercept=fit_intercept, max_iter=10_000)
    if (solver, classes) == ("liblinear", 3):
        theirs = OneVsRestClassifier(theirs)
        message = (
            "model: expected a softmax over all classes, got OneVsRestClassifier, which has one model for each class; "
            "fit a LogisticRegression with solver='lbfgs' to all of them"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            SoftmaxRegression.from_sklearn(theirs.fit(X, y))
        return
    theirs.fit(X, y)
    ours = SoftmaxRegression.from_sklearn(theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.n_iter_ == theirs.n_iter_.max()
    again = ours.to_sklearn()
    np.testing.assert_array_equal(again.coef_, theirs.coef_)
    np.testing.assert_array_equal(again.intercept_, np.ravel(theirs.intercept_))
    assert (again.C, again.fit_intercept, again.max_iter) == (0.1, fit_intercept, 10_000)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_objective_of_scikit_learn_is_the_same(classes):
    X, y = load_wine(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[y < classes], y[y < classes]
    for weights in ({}, {"class_weight": "balanced"}, {"class_weight": {0: 3.0}, "fit_intercept": False}):
        ours = SoftmaxRegression(C=0.5, tol=1e-12, **weights).fit(X, y)
        theirs = clone(ours.to_sklearn()).set_params(tol=1e-10).fit(X, y)
        np.testing.assert_allclose(ours.to_sklearn().coef_, theirs.coef_, rtol=0, atol=1e-6)
        # what scikit-learn found is a start that nothing is left to do from
        found = SoftmaxRegression.from_sklearn(theirs).set_params(tol=1e-9, warm_start=True).fit(X, y)
        assert found.n_iter_ == 0
        assert found.objective_ == pytest.approx(ours.objective_, rel=1e-9)


def test_sparse_coefficients_and_a_penalty_of_none():
    X, y = load_iris(return_X_y=True)
    theirs = LogisticRegression(C=np.inf, max_iter=10_000).fit(X, y)
    ours = SoftmaxRegression.from_sklearn(theirs)
    assert np.isinf(ours.C)
    assert np.isinf(ours.to_sklearn().C)
    np.testing.assert_array_equal(SoftmaxRegression.from_sklearn(theirs.sparsify()).coef_, ours.coef_)


def test_fits_of_older_versions_of_scikit_learn():
    """Before 1.8, ``multi_class`` and the solver chose between a softmax and one model for each class."""
    X, y = load_iris(return_X_y=True)
    three, two = LogisticRegression(max_iter=1000).fit(X, y), LogisticRegression().fit(X[y < 2], y[y < 2])
    for solver, multi_class, named in (
        ("liblinear", "auto", "solver='liblinear'"),
        ("lbfgs", "ovr", "multi_class='ovr'"),
    ):
        three.solver, three.multi_class = solver, multi_class
        message = (
            f"model: expected a softmax over all classes, got {named}, which fits 3 classes one by one; "
            "fit a LogisticRegression with solver='lbfgs' to all of them"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            SoftmaxRegression.from_sklearn(three)
    for multi_class, share in (("ovr", 0.5), ("multinomial", 1.0)):
        two.multi_class, two.penalty = multi_class, "l2"
        ours = SoftmaxRegression.from_sklearn(two)
        np.testing.assert_array_equal(ours.coef_, np.vstack([-share * two.coef_, share * two.coef_]))
        assert share == ours.C
    two.penalty = None
    assert np.isinf(SoftmaxRegression.from_sklearn(two).C)


def test_what_comes_from_elsewhere_has_no_numbers_of_a_fit():
    frame = pa.table({"width": [0.0, 1.0, 2.0], "height": [1.0, 0.0, 5.0]})
    theirs = LogisticRegression(class_weight={"a": 2.0}).fit(frame.to_pandas(), ["a", "b", "c"])
    ours = SoftmaxRegression.from_sklearn(theirs)
    assert not any(hasattr(ours, name) for name in ("objective_", "gap_", "history_"))
    assert ours.feature_names_in_.tolist() == ours.to_sklearn().feature_names_in_.tolist() == ["width", "height"]
    assert ours.n_features_in_ == ours.to_sklearn().n_features_in_ == 2
    theirs.class_weight["a"] = 5.0
    theirs.coef_[:] = theirs.intercept_[:] = np.nan
    assert ours.class_weight == {"a": 2.0}
    assert np.isfinite(ours.predict_proba(frame)).all()


@pytest.mark.parametrize(
    "model", [RidgeClassifier(), PCA(), LogisticRegressionCV(), LogisticRegression, None], ids=repr
)
def test_promise_24_another_estimator(model):
    message = (
        f"model: expected a LogisticRegression of scikit-learn, got {type(model).__name__}; "
        "pass one; of a pipeline, its last step"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        SoftmaxRegression.from_sklearn(model)


def test_promise_24_a_model_that_is_not_fitted(tmp_path):
    with pytest.raises(NotFittedError, match=r"^This LogisticRegression instance is not fitted yet"):
        SoftmaxRegression.from_sklearn(LogisticRegression())
    model = SoftmaxRegression()
    for leave in (model.to_sklearn, model.to_torch, model.to_onnx, lambda: model.save(tmp_path / "model")):
        with pytest.raises(NotFittedError, match=r"^This SoftmaxRegression instance is not fitted yet"):
            leave()
    assert list(tmp_path.iterdir()) == []


def fitted(labels=("a", "b"), factor=1.0):
    model = SoftmaxRegression().fit(np.array([[0.0], [1.0], [2.0], [3.0]]), np.repeat(np.array(labels), 2))
    model.coef_ *= factor
    return model


def test_a_linear_layer_like_any_other():
    model, state = fitted(), torch.get_rng_state()
    linear = model.to_torch()
    assert torch.equal(torch.get_rng_state(), state)
    assert type(linear) is torch.nn.Linear
    assert not linear.training
    assert [(name, p.dtype, p.requires_grad) for name, p in linear.named_parameters()] == [
        ("weight", torch.float32, True),
        ("bias", torch.float32, True),
    ]
    linear(torch.ones(1, 1)).sum().backward()
    with torch.no_grad():
        linear.weight.zero_()
    assert model.coef_.any()
    np.testing.assert_array_equal(model.to_torch(torch.float64).weight.detach().numpy(), model.coef_)


def test_the_onnx_file_is_the_model(tmp_path):
    model, path = fitted(), tmp_path / "model.onnx"
    exported = model.to_onnx(path)
    assert path.read_bytes() == exported.SerializeToString() == model.to_onnx().SerializeToString()
    assert list(tmp_path.iterdir()) == [path]
    onnx.checker.check_model(path, full_check=True)
    assert (exported.producer_name, exported.producer_version) == ("crossentropy", ce.__version__)
    assert exported.doc_string == "Softmax regression: 2 classes, 1 features"
    assert [(entry.domain, entry.version) for entry in exported.opset_import] == [("", 15)]
    label, probabilities = session(exported).run(None, {"X": np.empty((0, 1), np.float32)})
    assert (label.shape, probabilities.shape) == ((0,), (0, 2))


def test_of_equally_probable_classes_the_first():
    model = fitted(labels=("b", "a"))
    model.coef_[:] = model.intercept_[:] = 0.0
    X = np.ones((1, 1), np.float32)
    assert model.predict(X).tolist() == session(model.to_onnx()).run(["label"], {"X": X})[0].tolist() == ["a"]


@pytest.mark.parametrize(
    ("leave", "kind", "message"),
    [
        (
            lambda: fitted().to_torch(torch.int64),
            TypeError,
            "dtype: expected a floating-point dtype of PyTorch, got torch.int64; pass torch.float32 or torch.float64",
        ),
        (
            lambda: fitted().to_torch("float64"),
            TypeError,
            "dtype: expected a floating-point dtype of PyTorch, got 'float64'; pass torch.float32 or torch.float64",
        ),
        (
            lambda: fitted(factor=1e6).to_torch(torch.float16),
            ValueError,
            "dtype: expected one that can hold the coefficients, got float16 for one of size SIZE; pass a wider one",
        ),
        (
            lambda: fitted(factor=1e60).to_onnx(),
            ValueError,
            "dtype: expected one that can hold the coefficients, got float32 for one of size SIZE; pass a wider one",
        ),
        (
            lambda: fitted().to_onnx(dtype="float16"),
            ValueError,
            "dtype: expected one of 'float32', 'float64', got 'float16'; pass one of these words",
        ),
        (
            lambda: fitted(labels=np.array([0, 2**63], np.uint64)).to_onnx(),
            ValueError,
            "model: expected classes that are text, booleans or whole numbers of 64 bits, got the class "
            "9223372036854775808; fit it with such labels",
        ),
        (
            lambda: fitted(labels=np.array(["2020", "2021"], "datetime64[ns]")).to_onnx(),
            TypeError,
            "model: expected classes that are text, numbers or booleans, got dtype datetime64[ns]; "
            "fit it with such labels",
        ),
        (
            lambda: fitted().to_onnx("nowhere/model.onnx"),
            FileNotFoundError,
            "nowhere/model.onnx: expected a directory that exists, got DIRECTORY; create it first, or write elsewhere",
        ),
    ],
)
def test_promise_24_what_cannot_leave(leave, kind, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pattern = re.escape(message).replace("DIRECTORY", re.escape(str(tmp_path / "nowhere"))).replace("SIZE", "[0-9.e+]+")
    with pytest.raises(kind, match=f"^{pattern}$"):
        leave()


@pytest.mark.parametrize(
    ("method", "module", "message"),
    [
        ("to_torch", "torch", "to_torch: expected PyTorch, got none; install it: pip install 'crossentropy[torch]'"),
        (
            "to_onnx",
            "onnx",
            "to_onnx: expected the package onnx, got none; install it: pip install 'crossentropy[onnx]'",
        ),
    ],
)
def test_promise_24_what_is_not_installed(method, module, message, monkeypatch):
    model = fitted()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
        getattr(model, method)()
