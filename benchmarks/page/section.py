"""What every part of the page is: a title, markup, and at most one figure in Plotly's own JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .markup import Html, element

COLOURS = ("--grey", "--amber", "--blue", "--green", "--pink", "--violet")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "hexagon")


@dataclass(frozen=True)
class Figure:
    """Plotly's traces and layout; a colour `var(--name)` is resolved in the page, so that it follows light and dark.

    `label` says in words what a person sees, for those who do not.
    """

    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    label: str


@dataclass(frozen=True)
class Section:
    """One part of the page; `before` stands above its figure, `after` below."""

    anchor: str
    title: str
    before: Html = Html()
    after: Html = Html()
    figure: Figure | None = None


def colour(index: int) -> str:
    """The colour of a row of the table, the same in every figure."""
    return f"var({COLOURS[index % len(COLOURS)]})"


def symbol(index: int) -> str:
    """The marker of a row, so that colour alone never tells rows apart."""
    return SYMBOLS[index % len(SYMBOLS)]


def label(text: str) -> str:
    """A text for Plotly, which would read tags in it."""
    return escape(text, quote=False)


def paragraphs(*texts: str | None) -> Html:
    """A paragraph for every text there is."""
    return Html("".join(element("p", text) for text in texts if text))
