"""Why a loss is what it is: a derivation as data, and its renderers for the terminal and the browser."""

from crossentropy.explanation._derivation import Derivation, Section, Step
from crossentropy.explanation._explain import explain
from crossentropy.explanation._page import render_fragment, render_page
from crossentropy.explanation._terminal import render_terminal

__all__ = ["Derivation", "Section", "Step", "explain", "render_fragment", "render_page", "render_terminal"]
