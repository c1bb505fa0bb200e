"""`python -m edgestill.benchmarks.peers`: seven nets through everybody's quantizer; prints a table, keeps the JSON."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file, save_file

from ...pipeline.artifact import digest
from .contenders import CONTENDERS, Contender, python_of, quantized
from .judge import Judged, judge
from .zoo import CALIBRATION, JUDGED, SUBJECTS, samples, trained


@dataclass(frozen=True)
class Row:
    """One file of one contender, or why there is none."""

    net: str
    contender: str
    configuration: str
    format: str
    seconds: float | None
    from_onnx_seconds: float | None
    judged: Judged | None
    error: str = ""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m edgestill.benchmarks.peers", description=__doc__)
    parser.add_argument("--nets", nargs="+", default=list(SUBJECTS), choices=list(SUBJECTS))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="where peers.json goes")
    parser.add_argument(
        "--work", type=Path, default=user_cache_path("edgestill") / "peers", help="weights, environments"
    )
    chosen = parser.parse_args(arguments)
    progress = Console(stderr=True)
    rows = []
    for name in chosen.nets:
        prepare(name, chosen.work / "material")
        for contender in CONTENDERS:
            progress.print(f"{name}: {contender.name}", highlight=False)
            rows += list(compared(name, contender, chosen.work))
    chosen.out.mkdir(parents=True, exist_ok=True)
    found = {"schema": 1, "weights": _weights(chosen.nets, chosen.work), "rows": [asdict(row) for row in rows]}
    (chosen.out / "peers.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    Console(width=None if sys.stdout.isatty() else 150).print(table(rows))


def prepare(name: str, material: Path) -> None:
    """The net's weights and samples, made once: every contender gets the same."""
    weights, arrays = material / f"{name}.safetensors", material / f"{name}.npz"
    if weights.is_file() and arrays.is_file():
        return
    material.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    net = trained(name)
    subject = SUBJECTS[name]
    calibration, _ = samples(subject, CALIBRATION, seed=5)
    judged, _ = samples(subject, JUDGED, seed=99)
    with torch.inference_mode():
        exact = net(judged)
    np.savez(arrays, calibration=calibration.numpy(), judged=judged.numpy(), exact=exact.numpy())
    save_file(net.state_dict(), weights)


def compared(name: str, contender: Contender, work: Path) -> Iterator[Row]:
    """Every file that the contender makes of the net, judged on the same samples."""
    material = np.load(work / "material" / f"{name}.npz")
    python = python_of(contender, work / "environments")
    out = work / "files" / contender.script
    for made in quantized(contender, python, work / "material", name, out):
        if "error" in made:
            yield Row(name, contender.name, made["configuration"], "", None, None, None, made["error"])
            continue
        file = Path(made["file"])
        judged = judge(file, material["judged"], material["exact"], SUBJECTS[name].classes)
        told = (made["configuration"], file.suffix[1:], made["seconds"], made.get("from_onnx_seconds"))
        yield Row(name, contender.name, *told, judged)


def table(rows: Sequence[Row]) -> Table:
    """The rows for people's eyes; the arena is TFLite Micro's own account of a file."""
    shown = Table(box=None, title="SQNR and agreement against the same float net; seconds from the torch module")
    for heading in ("net", "tool", "configuration", "file"):
        shown.add_column(heading)
    for heading in ("s", "KiB", "dB", "agree", "arena"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(row.net, row.contender, row.configuration, row.format, *_figures(row))
    return shown


def _figures(row: Row) -> list[str]:
    if row.judged is None:
        return ["–", "–", row.error[:40], "–", "–"]
    agreement = "–" if row.judged.agreement is None else f"{row.judged.agreement:.3f}"
    arena = "–" if row.judged.arena is None else f"{row.judged.arena:,}"
    return [f"{row.seconds:.2f}", f"{row.judged.bytes / 1024:.1f}", f"{row.judged.sqnr_db:.1f}", agreement, arena]


def _weights(nets: Sequence[str], work: Path) -> dict[str, Any]:
    """The digest and the number of parameters of each net that was compared."""
    files = {net: work / "material" / f"{net}.safetensors" for net in nets}
    return {net: {"sha256": digest(path), "values": _values(path)} for net, path in files.items()}


def _values(path: Path) -> int:
    return sum(tensor.numel() for tensor in load_file(path).values())


if __name__ == "__main__":
    main()
