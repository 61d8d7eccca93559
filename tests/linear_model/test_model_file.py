from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.exceptions import NotFittedError

from crossentropy.linear_model import SoftmaxRegression, TableModel, load_model, save_model

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
    model = SoftmaxRegression(C=np.float64(2.0), max_iter=np.int64(500), class_weight=weights).fit(X, labels)
    save_model(path, model)
    loaded = load_model(path)
    assert isinstance(loaded, SoftmaxRegression)
    assert loaded.get_params() == model.get_params()
    assert (loaded.n_iter_, loaded.objective_, loaded.n_features_in_) == (model.n_iter_, model.objective_, 2)
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert loaded.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_model_of_a_table_comes_back_as_it_was(path):
    model = TableModel.fit(TABLE, "fruit")
    save_model(path, model)
    loaded = load_model(path)
    assert isinstance(loaded, TableModel)
    assert (loaded.target, loaded.columns) == (model.target, model.columns)
    assert loaded.predict(TABLE).equals(model.predict(TABLE))


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
    assert (header["format"], header["version"]) == ("crossentropy-model", 1)
    assert header["model"]["classes"] == ["a", "b"]
    assert header["model"]["table"]["columns"][1]["categories"] == ["blue", "red"]


def refusal(path):
    """The message with which a file is refused, after its name."""
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: ") as caught:
        load_model(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_no_damage_goes_unnoticed(path):
    save_model(path, TableModel.fit(TABLE, "fruit"))
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        assert refusal(path).startswith("expected a "), position


def test_a_file_cut_anywhere_is_refused(path):
    save_model(path, TableModel.fit(TABLE, "fruit"))
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        assert re.fullmatch(
            r"expected a complete model file, got one that cannot be read \(.*\); fit and save the model again",
            refusal(path),
        )


def rewrite(path, change):
    """Change the description in a file, and leave the rest as it is."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()["crossentropy"])
    change(header)
    save_file(tensors, path, {"crossentropy": json.dumps(header)})


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
        (
            lambda path: rewrite(path, lambda header: header["model"].update(objective=1.0)),
            "expected a complete model file, got one whose contents do not match their checksum; "
            "fit and save the model again",
        ),
        (
            lambda path: rewrite(path, lambda header: header.update(version=2)),
            "expected a model file of version 1, got version 2; update crossentropy to read it",
        ),
    ],
    ids=["empty", "foreign", "edited", "later"],
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
