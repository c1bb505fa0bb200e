"""A phone of the user's list of targets: its table, checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from ...pipeline.errors import BadInput, choices
from .phone import FOLDER, Phone, Runner

KEYS = ("serial", "runner", "benchmark_model", "cores", "folder")
MOST_CORES = 256


def phone_of(where: str, name: str, values: Mapping[str, Any]) -> Phone:
    """The phone of a table whose values have the right types; BadInput says which of them is wrong."""
    runner, serial, folder = values.get("runner", "bundle"), values.get("serial"), values.get("folder", FOLDER)
    if runner not in get_args(Runner):
        raise BadInput(f"{where}: runner is {runner!r}; there are {choices(get_args(Runner), runner)}")
    tool = Path(values["benchmark_model"]).expanduser() if "benchmark_model" in values else None
    if (runner == "benchmark_model") != (tool is not None):
        raise BadInput(f'{where}: runner = "benchmark_model" and benchmark_model = "the file of yours" go together')
    if serial is not None and (not serial or serial.startswith("-") or not serial.isprintable() or " " in serial):
        raise BadInput(f"{where}: serial is {serial!r}; it must be one that `adb devices` shows, or address:port")
    if not folder.startswith("/"):
        raise BadInput(f"{where}: folder is {folder!r}; on a phone it must begin with /, such as {FOLDER}")
    return Phone(name, serial, runner, tool, _cores(where, values.get("cores", "")), folder)


def _cores(where: str, text: str) -> tuple[int, ...]:
    """Of a text such as "4-7" or "0,4"."""
    found: list[int] = []
    try:
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except ValueError:
        found = [-1]
    if text and (not found or min(found) < 0 or max(found) >= MOST_CORES):
        raise BadInput(f"{where}: cores are {text!r}; they are numbered from 0 on, such as 4-7 or 0,4")
    return tuple(sorted(set(found)))
