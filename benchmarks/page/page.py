"""One HTML file that needs nothing else: no network, no server, no second file."""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from ..report.document import Report
from ..whole import written_whole
from . import (
    boards,
    calls,
    confidence,
    files,
    learning,
    machine,
    mistakes,
    parity,
    separation,
    sizes,
    sustained,
    teaching,
    told,
    variants,
)
from .markup import Html, element, join
from .section import Section
from .top import header

SECTIONS: tuple[Callable[[Report], Section | None], ...] = (
    teaching.section,
    variants.section,
    files.doubts,
    sizes.section,
    calls.section,
    sustained.section,
    boards.section,
    learning.section,
    confidence.section,
    mistakes.section,
    told.section,
    separation.section,
    parity.section,
    files.section,
    machine.section,
    machine.reproduce,
)
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"
)


def write_page(report: Report, path: Path) -> None:
    """Writes the page of a report."""
    with written_whole(path) as beside:
        beside.write_text(page(report), encoding="utf-8")


def page(report: Report) -> Html:
    """The page of a report."""
    shown = [made for make in SECTIONS if (made := make(report))]
    return document(f"{report.recipe} · edgestill", header(report), shown, "report.json")


def document(title: str, top: Html, shown: list[Section], raw: str) -> Html:
    """A page of these sections, figures drawn by the Plotly that stands in it; `raw` says where the raw samples are."""
    from plotly.offline import get_plotlyjs

    scripts = (
        [_script(get_plotlyjs()), _data(shown), _script(_file("page.js"))] if any(one.figure for one in shown) else []
    )
    links = (element("a", one.anchor.capitalize(), href=f"#{one.anchor}") for one in shown)
    body = element("body", top, element("nav", *links), element("main", *map(_section, shown)), _footer(raw), *scripts)
    return join([Html("<!doctype html>\n"), element("html", _head(title), body, lang="en")])


def _head(title: str) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(_file("page.css"))),
    )


def _section(one: Section) -> Html:
    return element("section", element("h2", one.title), one.before, _figure(one), one.after, id=one.anchor)


def _figure(one: Section) -> Html | None:
    if one.figure is None:
        return None
    height = f"height:{one.figure.layout['height']}px"
    return element(
        "div", class_="figure", data_figure=one.anchor, style=height, role="img", aria_label=one.figure.label
    )


def _data(shown: list[Section]) -> Html:
    """The figures as JSON in which nothing can end the element."""
    figures = {one.anchor: {"data": one.figure.data, "layout": one.figure.layout} for one in shown if one.figure}
    text = json.dumps(figures, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return element("script", Html(text), type="application/json", id="figures")


def _script(text: str) -> Html:
    return element("script", Html(text))


def _footer(raw: str) -> Html:
    said = f"Every figure on this page was measured or counted, or is called an estimate; the raw samples are in {raw}."
    return element("footer", element("p", said))


def _file(name: str) -> str:
    return (resources.files("edgestill.benchmarks.page") / name).read_text(encoding="utf-8")
