"""Calibration: a classifier's logits, scaled so that their softmax means what it says; as scikit-learn estimators."""

from __future__ import annotations

from crossentropy.calibration.matrix_scaling import MatrixScaling
from crossentropy.calibration.temperature_scaling import TemperatureScaling
from crossentropy.calibration.vector_scaling import VectorScaling

__all__ = ["MatrixScaling", "TemperatureScaling", "VectorScaling"]
