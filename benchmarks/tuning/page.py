"""The page of a search: every trial, every setting against the score, and what decides of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..page.markup import Html, element, join, table
from ..page.page import document
from ..page.section import Figure, Section, colour, label, paragraphs, symbol
from ..stats import spread
from ..tables.human import named, score_and_unit, share
from ..whole import written_whole
from .settings import Range
from .table import cells, ordered, words
from .trial import Trial
from .tuned import Tuned


def write_page(tuned: Tuned, path: Path) -> None:
    """One HTML file that needs nothing else."""
    with written_whole(path) as beside:
        beside.write_text(page(tuned), encoding="utf-8")


def page(tuned: Tuned) -> Html:
    """The page itself."""
    shown = [_trials(tuned), *(_setting(tuned, one) for one in tuned.space), _table(tuned), _again(tuned)]
    return document(f"{tuned.recipe}, tuned · edgestill", _top(tuned), shown, "tuned.json")


def _top(tuned: Tuned) -> Html:
    above = element("p", element("b", "edgestill"), f" · {tuned.recipe} · {tuned.data}", class_="above")
    best = score_and_unit(tuned.best.validation, tuned.metric)
    lead = "The recipe's own settings are the best" if tuned.best is tuned.own else f"Trial {tuned.best.number} is best"
    told = f"{lead}: {best} on validation. Test was not looked at."
    return element("header", above, element("h1", f"{len(tuned.trials)} trials"), element("p", told, class_="lead"))


def _trials(tuned: Tuned) -> Section:
    said = [text for _, text in words(tuned)]
    axis = {"title": {"text": "trial; 0 is the recipe's own"}}
    figure = Figure([_points(tuned, None), *_best_so_far(tuned)], _layout(tuned, axis), " ".join(said))
    note = element("p", "Bars: deviation over the seeds. Line: the best so far.", class_="note")
    return Section("trials", "Trials", paragraphs(*said), note, figure)


def _setting(tuned: Tuned, one: Range) -> Section:
    axis = {"title": {"text": label(one.name)}, "type": "log" if one.log else "linear"}
    decides = tuned.importance.get(one.name)
    said = f"{one.name}: {share(decides)} of what decides." if decides is not None else None
    figure = Figure([_points(tuned, one)], _layout(tuned, axis), f"{named(tuned.metric)} against {one.name}")
    anchor = one.name.replace(" ", "-")
    return Section(anchor, one.name.capitalize(), paragraphs(said), figure=figure)


def _layout(tuned: Tuned, axis: dict[str, Any]) -> dict[str, Any]:
    title = {"text": label(f"{named(tuned.metric)}, on validation")}
    return {"xaxis": axis, "yaxis": {"title": title}, "height": 380, "showlegend": False}


def _points(tuned: Tuned, against: Range | None) -> dict[str, Any]:
    """Every trial at its number, or at the value of a setting."""
    told = [one for one in (tuned.own, *tuned.trials) if one.validation]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [one.values[against.name] if against else one.number for one in told],
        "y": [one.mean for one in told],
        "error_y": {"type": "data", "array": [spread(one.validation).deviation or 0.0 for one in told], "thickness": 1},
        "marker": {
            "size": [12 if one in (tuned.own, tuned.best) else 8 for one in told],
            "color": [colour(_kind(one, tuned)) for one in told],
            "symbol": [symbol(_kind(one, tuned)) for one in told],
        },
        "hovertext": [label(" · ".join(cells(one, tuned))) for one in told],
        "hoverinfo": "text",
    }


def _kind(one: Trial, tuned: Tuned) -> int:
    """The place of its colour and its marker: the recipe's own, the best, the others."""
    return 1 if one is tuned.own else 3 if one is tuned.best else 2


def _best_so_far(tuned: Tuned) -> Iterator[dict[str, Any]]:
    told = [one for one in (tuned.own, *tuned.trials) if one.validation]
    best = [max(told[: place + 1], key=lambda one: tuned.metric.sign * one.mean).mean for place in range(len(told))]
    line = {"width": 1.5, "dash": "dot", "color": "var(--faint)", "shape": "hv"}
    numbers = [one.number for one in told]
    yield {"type": "scatter", "mode": "lines", "x": numbers, "y": best, "line": line, "hoverinfo": "skip"}


def _table(tuned: Tuned) -> Section:
    titles = ["trial", *(one.name for one in tuned.space), f"{named(tuned.metric)}, on validation", "training, s"]
    return Section("table", "Every trial", table(titles, [list(cells(one, tuned)) for one in ordered(tuned)]))


def _again(tuned: Tuned) -> Section:
    facts = element("p", f"recipe sha-256 {tuned.recipe_sha256}", class_="note")
    return Section("reproduce", "Do it again", join([element("pre", element("code", tuned.command)), facts]))
