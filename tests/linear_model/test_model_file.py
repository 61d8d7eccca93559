from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression as Theirs

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression, TableModel, load_model, save_model
from crossentropy.linear_model._model_file import _digest

X = np.array([[0.0, 1.0], [1.0, 0.5], [2.0, 4.0], [3.0, 1.0]])
TABLE = pa.table({"size": [1.0, 2.0, 4.0, 5.0], "colour": ["red", "blue", "red", "blue"], "fruit": list("abab")})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    "labels",
    [
        ["cat", "dog", "cat", "épagneul"],
        np.array(["cat", "dog", "cat", "dog"], dtype=object),
        [3, 1, 3, 2],
        np.array([3, 1, 3, 2], dtype=np.uint8),
        [True, False, True, False],
        [0.0, 1.0, 0.0, 1.0],
    ],
    ids=["text", "objects", "integers", "bytes", "booleans", "floats"],
)
def test_a_model_of_arrays_comes_back_as_it_was(path, labels):
    labels = np.asarray(labels)
    weights = {labels.tolist()[0]: 2.0}
    parameters = {"C": np.float64(2.0), "max_iter": np.int64(500), "label_smoothing": 0.1, "warm_start": True}
    model = SoftmaxRegression(class_weight=weights, **parameters).fit(X, labels)
    model.save(path)
    loaded = SoftmaxRegression.load(path)
    assert loaded.get_params() == model.get_params()
    for name in ("n_iter_", "objective_", "gap_", "n_features_in_"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert loaded.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("labels", "parameters"),
    [
        (["cat", "dog", "cat", "dog"], {"C": 3.0}),
        (np.array([[0, 1], [1, 1], [0, 0], [1, 0]]), {"pos_weight": np.array([1.0, 2.5]), "fit_intercept": False}),
        ([0.25, 0.5, 1.0, 0.0], {"pos_weight": 2.0}),
    ],
)
def test_a_logistic_regression_comes_back_as_it_was(path, labels, parameters):
    model = LogisticRegression(**parameters).fit(X, labels)
    model.save(path)
    loaded = LogisticRegression.load(path)
    plain = {name: np.asarray(value).tolist() for name, value in model.get_params().items()}
    assert {name: np.asarray(value).tolist() for name, value in loaded.get_params().items()} == plain
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    message = (
        "expected a SoftmaxRegression, got a LogisticRegression; read it with crossentropy.linear_model.load_model"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
        SoftmaxRegression.load(path)


def test_a_model_of_a_table_comes_back_as_it_was(path):
    model = TableModel.fit(TABLE, "fruit")
    save_model(path, model)
    loaded = load_model(path)
    assert isinstance(loaded, TableModel)
    assert (loaded.target, loaded.columns) == (model.target, model.columns)
    assert loaded.predict(TABLE).equals(model.predict(TABLE))
    message = "expected a SoftmaxRegression, got a TableModel; read it with crossentropy.linear_model.load_model"
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
        SoftmaxRegression.load(path)


def test_what_is_not_known_of_a_model_is_not_in_its_file(path):
    theirs = Theirs(C=np.inf, fit_intercept=False).fit(X, [0, 1, 0, 1])
    SoftmaxRegression.from_sklearn(theirs).save(path)
    loaded = SoftmaxRegression.load(path)
    assert np.isinf(loaded.C)
    assert not hasattr(loaded, "objective_")
    assert not hasattr(loaded, "gap_")
    np.testing.assert_allclose(loaded.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-12)


def test_the_names_of_a_data_frame_are_kept(path):
    save_model(path, SoftmaxRegression().fit(pa.table({"a": X[:, 0], "b": X[:, 1]}), [0, 1, 0, 1]))
    loaded = load_model(path)
    assert loaded.feature_names_in_.tolist() == ["a", "b"]
    assert loaded.feature_names_in_.dtype == object


def test_the_file_is_open_to_other_programs_and_the_same_every_time(path, tmp_path):
    model = TableModel.fit(TABLE, "fruit")
    save_model(path, model)
    save_model(tmp_path / "again.safetensors", TableModel.fit(TABLE, "fruit"))
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["crossentropy"])
        np.testing.assert_array_equal(file.get_tensor("coef"), model.regression.coef_)
        np.testing.assert_array_equal(file.get_tensor("mean"), [3.0])
    assert (header["format"], header["version"]) == ("crossentropy-model", 3)
    assert header["model"]["classes"] == ["a", "b"]
    assert header["model"]["table"]["columns"][1]["categories"] == ["blue", "red"]


def refusal(path):
    """The message with which a file is refused, after its name."""
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: ") as caught:
        load_model(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("flipped", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_no_damage_goes_unnoticed(path, flipped):
    save_model(path, TableModel.fit(TABLE, "fruit"))
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= flipped
        path.write_bytes(damaged)
        assert re.fullmatch("expected a .*, got .*; fit and save the model again.*", refusal(path)), position


@settings(max_examples=300)
@given(st.data())
def test_nor_does_any_other_change(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    save_model(path, TableModel.fit(TABLE, "fruit"))
    whole = path.read_bytes()
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2), "from, to"))
    changed = whole[:first] + data.draw(st.binary(max_size=40), "bytes") + whole[last:]
    if changed != whole:
        path.write_bytes(changed)
        assert refusal(path).startswith("expected a ")


def test_a_file_cut_anywhere_is_refused(path):
    save_model(path, TableModel.fit(TABLE, "fruit"))
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        assert re.fullmatch(
            r"expected a complete model file, got one that cannot be read \(.*\); fit and save the model again",
            refusal(path),
        )


@pytest.mark.parametrize("contents", [b"\0", b"\0" * 4096, b"{}", b"\x80\x04N.", b"PK\x03\x04" * 9, bytes(range(256))])
def test_a_file_of_another_kind_is_refused(path, contents):
    path.write_bytes(contents)
    assert refusal(path).startswith("expected a complete model file, got one that cannot be read (")


@pytest.mark.parametrize("text", ["[]", "1", "null", '{"format": "another"}'])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float8_e4m3fn])  # NumPy has only the first
def test_a_safetensors_file_of_another_program_is_refused(path, text, dtype):
    save_tensors({"coef": torch.zeros(2, dtype=dtype)}, path, {"crossentropy": text})
    assert refusal(path) == (
        "expected a model file of crossentropy, got a safetensors file of another program; fit and save the model again"
    )


def rewrite(path, change=lambda header: None, *, tensors=lambda tensors: None, sign=False):
    """Change the description in a file or its tensors, and leave the rest as it is; ``sign``: but for the checksum."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()["crossentropy"])
    change(header)
    tensors(arrays)
    if sign:
        header["sha256"] = _digest(header["model"], arrays)
    save_file(arrays, path, {"crossentropy": json.dumps(header, sort_keys=True)})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"change": lambda header: header["model"].pop("classes")}, "'classes'"),
        (
            {"change": lambda header: header["model"].update(classes=[0])},
            "coef, intercept and classes differ in length",
        ),
        ({"change": lambda header: header["model"].update(classes=[0, 2**70])}, ".*"),
        ({"change": lambda header: header.update(model=[])}, ".*"),
        ({"change": lambda header: header["model"]["parameters"].update(D=1.0)}, ".*unexpected keyword argument 'D'"),
        ({"change": lambda header: header["model"].update(table={"target": "a"})}, "'columns'"),
        ({"tensors": lambda tensors: tensors.pop("intercept")}, "'intercept'"),
        ({"tensors": lambda tensors: tensors.update(coef=np.zeros(2))}, ".*"),
    ],
)
def test_a_description_that_makes_no_model_is_refused(path, changes, reason):
    save_model(path, SoftmaxRegression().fit(X, [0, 1, 0, 1]))
    rewrite(path, sign=True, **changes)
    said = rf"expected a complete model file, got one that cannot be read \({reason}\); fit and save the model again"
    assert re.fullmatch(said, refusal(path))


def test_a_header_nested_without_end_is_refused(path):
    save_file({"coef": np.zeros(2)}, path, {"crossentropy": "[" * 100_000})
    assert refusal(path).startswith("expected a complete model file, got one that cannot be read (maximum recursion")


OF_ANOTHER_VERSION = "fit and save the model again, or read it with the crossentropy that wrote it"
EDITED = (
    "expected a complete model file, got one whose contents do not match their checksum; fit and save the model again"
)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.write_bytes(b""),
            "expected a complete model file, got an empty file; fit and save the model again",
        ),
        (
            lambda path: save_file({"coef": np.zeros((2, 2))}, path),
            "expected a model file of crossentropy, got a safetensors file of another program; "
            "fit and save the model again",
        ),
        (lambda path: rewrite(path, lambda header: header["model"].update(objective=1.0)), EDITED),
        (
            lambda path: rewrite(path, tensors=lambda tensors: tensors.update(coef=tensors["coef"].reshape(1, 4))),
            EDITED,
        ),
        (lambda path: rewrite(path, tensors=lambda tensors: tensors.update(coef=tensors["coef"].view(int))), EDITED),
        (
            lambda path: rewrite(path, lambda header: header.update(version=2)),
            f"expected a model file of version 3, got version 2; {OF_ANOTHER_VERSION}",
        ),
        (
            lambda path: rewrite(path, lambda header: header.update(version=4)),
            f"expected a model file of version 3, got version 4; {OF_ANOTHER_VERSION}",
        ),
    ],
    ids=["empty", "foreign", "edited", "reshaped", "retyped", "earlier", "later"],
)
def test_promise_24_a_file_that_is_no_model(path, damage, message):
    save_model(path, SoftmaxRegression().fit(X, [0, 1, 0, 1]))
    damage(path)
    assert refusal(path) == message


def test_promise_24_a_file_that_is_not_there(path):
    message = f"{path}: expected a file, got a path where there is none; check the path"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_model(path)


def test_a_failed_save_leaves_the_old_file(path):
    save_model(path, SoftmaxRegression().fit(X, [0, 1, 0, 1]))
    before = path.read_bytes()
    labels = np.array(["2020", "2021"] * 2, dtype="datetime64[Y]")
    message = (
        "model: expected classes that are text, numbers or booleans, got dtype datetime64[Y]; fit it with such labels"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        save_model(path, SoftmaxRegression().fit(X, labels))
    with pytest.raises(NotFittedError, match=r"^This SoftmaxRegression instance is not fitted yet"):
        save_model(path, SoftmaxRegression())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
