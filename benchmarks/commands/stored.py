"""What `edgestill store` does: lists what is kept, verifies every byte, makes room."""

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...pipeline.errors import BadInput, choices
from ...pipeline.keeping.entry import Entry
from ...pipeline.keeping.eviction import leaving
from ...pipeline.stages import NAMES
from ...pipeline.store import Store
from ..plain import print_json
from ..tables.human import counted, size
from ..tables.remark import print_remark

DAY = 86400.0
UNUSED_DAYS = 30.0  # what `prune` removes when it is told nothing else
PIPED_WIDTH = 160  # columns of a table that no terminal shows
NUMBERS = ("size", "last used", "made in")
SORTED: dict[str, Callable[[Entry], Any]] = {
    "age": lambda entry: -entry.used,
    "size": lambda entry: -entry.bytes,
    "stage": lambda entry: (entry.stage, entry.made_for),
    "made-for": lambda entry: (entry.made_for, entry.stage),
    "key": lambda entry: entry.key,
}


def store(arguments: Namespace) -> int:
    """Exit code 1 when verify finds damage."""
    kept = Store()
    actions = {"list": _list, "verify": _verify, "prune": _prune, "path": _path}
    return actions[arguments.action](kept, arguments)


def _path(kept: Store, arguments: Namespace) -> int:
    print_json({"schema": 1, "path": str(kept.root)}) if arguments.json else print(kept.root)
    return 0


def _list(kept: Store, arguments: Namespace) -> int:
    entries = _chosen(kept, arguments)
    if arguments.json:
        print_json({"schema": 1, "entries": [_plain(entry) for entry in entries]})
    else:
        _print(entries, f"{_summed(entries)}, in {kept.root}")
    return 0


def _verify(kept: Store, arguments: Namespace) -> int:
    """Reads every byte; the next run reads the user's own files anew as well."""
    entries = _chosen(kept, arguments)
    damages = {entry.key: kept.damage(entry) for entry in entries}
    kept.forget_sources()
    if arguments.json:
        rows = [{**_plain(entry), "damage": damages[entry.key]} for entry in entries]
        print_json({"schema": 1, "entries": rows})
    else:
        _print_damages(entries, [damage for damage in damages.values() if damage])
    return 1 if any(damages.values()) else 0


def _prune(kept: Store, arguments: Namespace) -> int:
    """Removes what was asked for, but for what a running edgestill uses; with --dry-run, only says so."""
    used = kept.in_use()
    asked = _doomed(kept, arguments, used)
    going = [entry for entry in asked if entry.key not in used]
    gone = going if arguments.dry_run else kept.remove(going)
    if arguments.all and not arguments.dry_run:
        kept.sweep(unfinished=True)
    freed, staying = sum(entry.bytes for entry in gone), len(asked) - len(gone)
    if arguments.json:
        document = {"removed": [entry.key for entry in gone], "bytes": freed, "in_use": staying}
        print_json({"schema": 1, "dry_run": arguments.dry_run, **document})
        return 0
    if arguments.dry_run:
        _print(gone, f"would remove {_summed(gone)}, from {kept.root}")
    else:
        print(f"removed {_summed(gone)}, from {kept.root}")
    if staying:
        print(f"{counted(staying, 'artifact')} stayed: a running edgestill uses them")
    return 0


def _doomed(kept: Store, arguments: Namespace, used: frozenset[str]) -> list[Entry]:
    if arguments.all:
        return list(kept.entries())
    asked = (arguments.older, arguments.stage, arguments.larger, arguments.to)
    if all(value is None for value in asked):
        arguments.older = UNUSED_DAYS
    entries = _chosen(kept, arguments)
    if arguments.to is None:
        return entries
    stays = {entry.key for entry in kept.entries()} - {entry.key for entry in entries}
    return leaving(kept.entries(), arguments.to, stays | used)


def _chosen(kept: Store, arguments: Namespace) -> list[Entry]:
    """The entries that the flags ask for, in the order that they ask for."""
    entries, now = list(kept.entries()), time.time()
    stages = {*NAMES, *(entry.stage for entry in entries)}
    for stage in arguments.stage or ():
        if stage not in stages:
            raise BadInput(f"no stage is named {stage!r}; there are {choices(stages, stage)}")
    return sorted(
        (
            entry
            for entry in entries
            if (arguments.older is None or now - entry.used > arguments.older * DAY)
            and (arguments.larger is None or entry.bytes > arguments.larger)
            and (arguments.stage is None or entry.stage in arguments.stage)
        ),
        key=SORTED[arguments.sort],
    )


def _plain(entry: Entry) -> dict[str, Any]:
    """The entry as JSON values; its age in seconds beside the time at which it was last used."""
    return {**asdict(entry), "folder": str(entry.folder), "age_seconds": round(time.time() - entry.used, 1)}


def _print(entries: Sequence[Entry], closing: str) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    table = Table(box=None, header_style="dim")
    for column in ("stage", "made for", "size", "last used", "made in", "key"):
        table.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=True)
    for entry in entries:
        cells = (entry.stage, entry.made_for, size(entry.bytes), _ago(entry.used), f"{entry.seconds:.1f} s")
        table.add_row(*map(Text, cells), Text(entry.key[:12], style="dim"))
    if entries:
        console.print(table)
    console.print(Text(closing), soft_wrap=True)


def _print_damages(entries: Sequence[Entry], damages: Sequence[str]) -> None:
    console = Console(highlight=False)
    for damage in damages:
        print_remark(console, "failed", damage)
    if damages:
        console.print(
            f"{len(damages)} of {counted(len(entries), 'artifact')} damaged; the next run that needs one makes it again"
        )
    else:
        print_remark(console, "passed", f"every byte is as it was written: {_summed(entries)}")


def _summed(entries: Sequence[Entry]) -> str:
    return f"{counted(len(entries), 'artifact')}, {size(sum(entry.bytes for entry in entries))}"


def _ago(moment: float) -> str:
    """12 s ago, 3 min ago, 5 h ago, 2 days ago."""
    seconds = max(0.0, time.time() - moment)
    for length, unit in ((DAY, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
