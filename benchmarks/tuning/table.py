"""The terminal's table of a search: the best trials first, what the best is worth, and what noise allows to say."""

import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ...pipeline.task import Metric
from ..report.sentences import between
from ..tables.human import NONE, change, counted, score, score_and_unit, share
from ..tables.remark import print_remark
from ..tables.table import PIPED_WIDTH
from .trial import Trial
from .tuned import Tuned

SHOWN = 10


def print_tuned(tuned: Tuned, out: Path, console: Console | None = None) -> None:
    """The table, the verdict, and where everything lies."""
    console = console or Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print()
    console.print(trials_table(tuned))
    console.print()
    for kind, text in words(tuned):
        print_remark(console, kind, text)
    where = f"\nrecipe  {out / 'best.toml'}\nreport  {out / 'tuned.html'}"
    console.print(where, markup=False, highlight=False, soft_wrap=True)


def ordered(tuned: Tuned) -> list[Trial]:
    """Own and trials that have a score, the best first."""
    scored = [one for one in (tuned.own, *tuned.trials) if one.validation]
    return sorted(scored, key=lambda one: -tuned.metric.sign * one.mean)


def trials_table(tuned: Tuned) -> Table:
    """The ten best, and the recipe's own wherever it stands."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("trial", no_wrap=True)
    measured = f"{tuned.metric.name} {tuned.metric.unit}".rstrip()
    titles = (*(one.name.replace(" of ", " of\n") for one in tuned.space), f"validation\n{measured}", "training\ns")
    for title in titles:
        table.add_column(title, justify="right")
    for place, one in enumerate(ordered(tuned)):
        if place < SHOWN or one is tuned.own:
            table.add_row(*cells(one, tuned), style="bold" if one is tuned.best else "")
    return table


def cells(one: Trial, tuned: Tuned) -> Iterator[str]:
    """A row: name, settings, score, seconds of one training."""
    yield str(one.number) if one.number else "the recipe's own"
    values = one.values
    yield from (f"{values[each.name]:.4g}" for each in tuned.space)
    yield score(one.validation, tuned.metric)
    yield f"{sum(one.seconds) / len(one.seconds):.1f}" if one.seconds else NONE


def line(one: Trial, metric: Metric) -> str:
    """temperature 4, alpha 0.9: 97.1 ± 0.3 %."""
    said = ", ".join(f"{each.name} {each.value:.3g}" for each in one.settings)
    return f"{said}: {one.error or score_and_unit(one.validation, metric)}"


def words(tuned: Tuned) -> Iterator[tuple[str, str]]:
    """What follows from it, each with the kind of its mark."""
    best, found = tuned.best, tuned.over_own
    of = f"of {counted(len(tuned.trials), 'trial')}, {counted(tuned.seeds, 'seed')} each"
    if best is tuned.own:
        yield "fact", f"Best on validation ({of}): the recipe's own settings."
    else:
        yield "fact", f"Best on validation ({of}): {line(best, tuned.metric)}."
    if found is not None:
        worth = change(found.estimate, tuned.metric, best.mean)
        interval = f" (95 % interval {between(found, tuned.metric, best.mean)})" if found.low is not None else ""
        interval = " (the same in every seed)" if found.alike else interval
        yield "fact", f"Against the recipe's own settings there: {worth}{interval}."
        if tuned.within_noise:
            few = "one seed tells nothing of it; " if tuned.seeds < 2 else ""
            yield "warning", f"within noise of the recipe's own settings: {few}more seeds tell more (--seeds)"
        yield (
            "fact",
            f"The best of {len(tuned.trials)} flatters itself, for it was picked on these very samples: "
            "what it is worth on test tells `edgestill compare best.toml`.",
        )
    if tuned.importance:
        said = ", ".join(f"{name} {share(part)}" for name, part in tuned.importance.items())
        yield "fact", f"What decides of the score: {said}."
    failed = [one for one in tuned.trials if one.error]
    if failed:
        yield "warning", f"{counted(len(failed), 'trial')} failed, trial {failed[0].number}: {failed[0].error}"
