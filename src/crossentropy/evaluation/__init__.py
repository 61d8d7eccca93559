"""Evaluating predictions: streaming meters that merge, the loss report they end in, and its page."""

from __future__ import annotations

from crossentropy.evaluation._gallery import SurprisingRow
from crossentropy.evaluation._meter import LossMeter
from crossentropy.evaluation._page import render_page
from crossentropy.evaluation._report import ClassLoss, LossReport, ReliabilityBin

__all__ = ["ClassLoss", "LossMeter", "LossReport", "ReliabilityBin", "SurprisingRow", "render_page"]
