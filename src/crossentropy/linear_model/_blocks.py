"""Rows that are read a block at a time, each time they are gone through."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_X_y, validate_data

from crossentropy._linear import LinearLoss
from crossentropy._validation import sentence
from crossentropy.linear_model._input import ACCEPTED, check_dense
from crossentropy.linear_model._journal import Journal
from crossentropy.linear_model._labels import plain_labels
from crossentropy.linear_model._rows import Block, Outcome, Unkept
from crossentropy.linear_model._standardisation import Standardisation, Sums, add_rows
from crossentropy.linear_model._survey import Found, Survey
from crossentropy.linear_model._targets import LabelsToElements, LabelsToTargets, sample_weights

Floats = NDArray[np.float64]

#: Features, targets and weights of a block.
Given = tuple[Any, NDArray[Any], Floats]


class _Seal(NamedTuple):
    """By what a block is known again: its form, a digest of its first and last rows, and perhaps one of all."""

    rows: int
    columns: int
    kind: str
    names: list[str] | None
    targets: str
    digest: str
    whole: str

    @property
    def form(self) -> str:
        named = "" if self.names is None else f" named {', '.join(self.names)}"
        return f"{self.columns} columns of {self.kind}{named}, {self.targets}"


class Source:
    """Blocks (X, y) or (X, y, sample_weight) of an iterable that begins anew each time, held to be the same each time.

    No block is referred to from here when the next is asked for. ``kept``: the seals outlive this run, or come from one
    before, and so tell of all rows in its first pass.
    """

    def __init__(self, blocks: Iterable[Any], *, kept: bool) -> None:
        self._blocks, self._looks_at_all = blocks, kept
        #: Those of the first pass, once that is over.
        self.seals: list[_Seal] | None = None
        self._at = 0

    def __iter__(self) -> Iterator[Given]:
        seals: list[_Seal] = []
        for given in self._begun():
            self._at = len(seals)
            with self.naming():
                X, y, weight = _checked(given)
                names = _names(given[0])
            del given
            seals.append(_seal(X, y, weight, names, whole=self._looks_at_all))
            self._compare(seals)
            yield X, y, weight
            del X, y, weight
        if self.seals is None:
            self.seals = seals
        self._looks_at_all = False
        if len(seals) != len(self.seals) or not seals:
            raise ValueError(
                sentence(
                    "blocks",
                    expected=f"{len(self.seals)} of them, as before" if self.seals else "at least one",
                    received=str(len(seals)),
                    remedy="return the same blocks each time",
                )
            )

    def _begun(self) -> Iterator[Any]:
        iterator = iter(self._blocks) if hasattr(self._blocks, "__iter__") else None
        if iterator is None or iterator is self._blocks:
            raise TypeError(
                sentence(
                    "blocks",
                    expected="an iterable that begins anew each time, such as a list or a reader of crossentropy.io",
                    received=f"{type(self._blocks).__name__}, which can be gone through once at most",
                    remedy="pass an object whose __iter__ returns a new iterator",
                )
            )
        return iterator

    @contextlib.contextmanager
    def naming(self) -> Iterator[None]:
        """Whatever is wrong with the block at hand is said of that block."""
        try:
            yield
        except ValueError as error:
            raise ValueError(f"block {self._at} (counted from 0): {error}") from error

    def _compare(self, seals: list[_Seal]) -> None:
        """A block with the first of this pass, and with that of the first pass."""
        own = seals[-1]
        if own.form != seals[0].form:
            raise self._different(f"{seals[0].form}, as in block 0", own.form)
        if self.seals is None or len(seals) > len(self.seals):
            return
        known = self.seals[self._at]
        if (own.rows, own.form) != (known.rows, known.form):
            raise self._different(f"{known.rows} rows, {known.form}, as before", f"{own.rows} rows, {own.form}")
        if own.digest != known.digest or (own.whole and own.whole != known.whole):
            raise self._different("the numbers that it held before", "others")

    def _different(self, expected: str, received: str) -> ValueError:
        return ValueError(
            sentence(
                f"block {self._at} (counted from 0)",
                expected=expected,
                received=received,
                remedy="return the same blocks each time, all of one form",
            )
        )


class RowsInBlocks:
    """The rows of a source, with what was found of them in first passes."""

    first_passes = 2.0
    whole = None

    def __init__(
        self,
        source: Source,
        standardisation: Standardisation,
        targets: LabelsToTargets | LabelsToElements,
        weight: float,
        journal: Journal | Unkept,
    ) -> None:
        seals = source.seals or []
        self.shape = sum(seal.rows for seal in seals), seals[0].columns
        self.is_dense = seals[0].kind.startswith("dense")
        self.names = seals[0].names
        self.standardisation, self.weight, self.masses = standardisation, weight, targets.masses
        self.keep, self.clock = journal.keep, journal.clock
        self._source, self._targets = source, targets

    def __iter__(self) -> Iterator[Block]:
        for X, y, weight in self._source:
            with self._source.naming():
                targets = self._targets.of(y, weight)
                features = self.standardisation.features(X)
                block = Block(features, targets, LinearLoss(targets.problem, features))
            del X, y, weight, targets, features
            yield block
            block.release()


def survey_blocks(source: Source, journal: Journal | Unkept, *, exclusive: bool) -> Found:
    """The first pass: what the targets are, and how the blocks are known again."""

    def compute() -> Outcome:
        survey = Survey(exclusive=exclusive)
        for X, y, weight in source:
            with source.naming():
                survey.add(y, weight)
            del X, y, weight
        found = survey.found()
        classes, kind = found.classes, found.classes.dtype
        said = [plain_labels(classes), "str" if kind.kind == "U" else kind.name, found.is_soft, source.seals]
        return np.frombuffer(json.dumps(said).encode(), np.uint8), found.masses, np.array(found.total)

    text, masses, total = journal.keep(compute)
    classes, kind, is_soft, seals = json.loads(text.tobytes())
    source.seals = [_Seal(*seal) for seal in seals]
    return Found(np.array(classes, dtype=kind), is_soft, masses, float(total))


def rows_in_blocks(
    source: Source, targets: LabelsToTargets | LabelsToElements, journal: Journal | Unkept, *, centre: bool
) -> RowsInBlocks:
    """The second pass: the features' sums."""

    def compute() -> Outcome:
        found: Sums | None = None
        for X, y, weight in source:
            with source.naming():
                found = add_rows(found, X, targets.of(y, weight).row_weight, centre=centre, names=None)
            del X, y, weight
        return tuple(np.array(value) for value in found or ())

    weight, *about = journal.keep(compute)
    found = Sums(float(weight), *about)
    return RowsInBlocks(source, Standardisation.of_sums(found, centre=centre), targets, found.weight, journal)


def _checked(given: Any) -> Given:
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        raise ValueError(
            sentence(
                "blocks",
                expected="tuples (X, y) or (X, y, sample_weight)",
                received=type(given).__name__ if not isinstance(given, tuple) else f"{len(given)} of them",
                remedy="yield such tuples",
            )
        )
    check_dense(given[1])
    X, y = check_X_y(given[0], given[1], multi_output=True, **ACCEPTED)
    return X, y, sample_weights(given[2] if len(given) == 3 else None, len(y))


def _names(X: Any) -> list[str] | None:
    """Those of a data frame's columns that are text, as ``fit`` has them."""
    reader = BaseEstimator()
    validate_data(reader, X, skip_check_array=True)
    names = getattr(reader, "feature_names_in_", None)
    return None if names is None else list(names)


def _seal(X: Any, y: NDArray[Any], weight: Floats, names: list[str] | None, *, whole: bool) -> _Seal:
    ends = [0, -1]
    return _Seal(
        rows=X.shape[0],
        columns=X.shape[1],
        kind=f"{'dense' if isinstance(X, np.ndarray) else 'CSR'} {X.dtype.name}",
        names=names,
        targets=f"targets of kind {y.dtype.kind!r}" + (f" in {y.shape[1]} columns" if y.ndim == 2 else ""),
        digest=_digest(X[ends], y[ends], weight[ends], 0 if isinstance(X, np.ndarray) else X.nnz),
        whole=_digest(X, y, weight) if whole else "",
    )


def _digest(X: Any, y: NDArray[Any], weight: Floats, elements: int = 0) -> str:
    digest = hashlib.sha256(str(elements).encode())
    features = [X] if isinstance(X, np.ndarray) else [X.data, X.indices, X.indptr]
    for part in (*features, y, weight):
        # of objects the bytes would be addresses
        numbers = None if part.dtype == object else np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
        digest.update(repr(part.tolist()).encode() if numbers is None else numbers)
    return digest.hexdigest()
