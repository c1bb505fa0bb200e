"""`python -m edgestill.benchmarks.mcu`: our C against a frozen yardstick; prints a table, keeps the JSON."""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ...pipeline.artifact import of_file
from ...pipeline.codegen.golden import seeded_inputs
from ...pipeline.graph.from_tflite import from_tflite
from ...pipeline.runtimes.runtime import run
from ...targets.catalog import find
from ..harness.measure import bench
from ..harness.result import Result
from ..tables.human import NONE, size

MODELS = ("kws_int8", "ic_int8", "vww_int8", "ad_int8")


@dataclass(frozen=True)
class Yardstick:
    """What the best open engine takes for the same file on the same board; None where it was not counted."""

    instructions: int
    ram_bytes: int
    flash_kb: float
    code_kb: float | None = None


@dataclass(frozen=True)
class Row:
    """One model on one board beside the yardstick; over so many `inputs`, `differing` bytes were not TFLite Micro's."""

    model: str
    result: Result
    yardstick: Yardstick | None
    inputs: int
    differing: int


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m edgestill.benchmarks.mcu", description=__doc__)
    parser.add_argument("--on", nargs="+", default=["emu:cortex-m4"], metavar="TARGET")
    parser.add_argument(
        "--models", type=Path, default=Path("tests/cases/mlperf-tiny"), help="where the .tflite files are"
    )
    parser.add_argument("--inputs", type=int, default=10, metavar="N", help="random inputs held to TFLite Micro (10)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="where mcu.json goes")
    chosen = parser.parse_args(arguments)
    rows = list(compared(chosen.models, chosen.on, chosen.inputs))
    chosen.out.mkdir(parents=True, exist_ok=True)
    found = {"schema": 1, "rows": [_as_json(row) for row in rows]}
    (chosen.out / "mcu.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    console.print(table(rows))
    for error in (row.result.error for row in rows if row.result.error):
        console.print(error.message, markup=False)


def compared(models: Path, targets: Sequence[str], inputs: int) -> Iterator[Row]:
    """Every model on every board."""
    known = yardsticks()
    for name in targets:
        for model in MODELS:
            path = models / f"{model}.tflite"
            (result,) = bench([path], [find(name)])
            yardstick = known.get((name.removeprefix("emu:"), model))
            yield Row(model, result, yardstick, inputs, 0 if result.error else differing(path, name, inputs))


def yardsticks() -> dict[tuple[str, str], Yardstick]:
    """By core and model."""
    read = tomllib.loads((resources.files(__package__) / "yardstick.toml").read_text(encoding="utf-8"))
    return {(core, model): Yardstick(**values) for core, models in read.items() for model, values in models.items()}


def differing(path: Path, target: str, count: int) -> int:
    """How many output bytes are not TFLite Micro's, over so many random inputs."""
    inputs = seeded_inputs(from_tflite(path.read_bytes(), path.name), count)
    with find(target).load(of_file(path)) as loaded:
        ours = loaded.infer(inputs)
    theirs = run(path, inputs, "tflite-micro").outputs
    return sum(int(np.count_nonzero(a != b)) for a, b in zip(ours, theirs, strict=True))


def table(rows: Sequence[Row]) -> Table:
    """Ours / theirs in every cell."""
    made = Table(title="ours / TFLite Micro + CMSIS-NN", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("model", "on", "instructions", "fewer", "RAM with stack", "code", "flash", "bit-exact"):
        made.add_column(title, justify="left" if title in ("model", "on") else "right", no_wrap=True)
    for row in rows:
        made.add_row(row.model, row.result.target, *_cells(row))
    return made


def _cells(row: Row) -> Iterator[str]:
    counts, theirs = row.result.counts, row.yardstick
    if counts is None:
        yield "[red]failed[/]"
        return
    spent = counts.instructions.total
    yield f"{spent:,} / {theirs.instructions:,}" if theirs else f"{spent:,}"
    yield f"{theirs.instructions / spent:.2f}×" if theirs else NONE
    yield f"{size(counts.ram_bytes.total)} / {size(theirs.ram_bytes)}" if theirs else size(counts.ram_bytes.total)
    code = size(counts.flash_bytes.code)
    yield f"{code} / {size(round(1000 * theirs.code_kb))}" if theirs and theirs.code_kb else code
    flash = size(counts.flash_bytes.total)
    yield f"{flash} / {size(round(1000 * theirs.flash_kb))}" if theirs else flash
    yield f"{row.inputs} inputs" if row.differing == 0 else f"[red]{row.differing} bytes differ[/]"


def _as_json(row: Row) -> dict[str, Any]:
    document = row.result.to_json()
    document["artifact"]["path"] = Path(document["artifact"]["path"]).name
    yardstick = asdict(row.yardstick) if row.yardstick else None
    exact = {"inputs": row.inputs, "differing": row.differing}
    return {**document, "model": row.model, "yardstick": yardstick, "exact": exact}


if __name__ == "__main__":
    main()
