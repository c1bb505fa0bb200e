"""`python -m edgestill.benchmarks.peers`: seven nets through everybody's quantizer; two tables, and the JSON."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path
from rich.console import Console
from safetensors import safe_open

from ...pipeline.artifact import digest
from ...targets.machine import facts
from .contenders import CONTENDERS, python_of, versions
from .material import Material, prepare
from .rounds import compared
from .row import Row
from .standing import standings
from .tables import files_table, standings_table
from .zoo import SUBJECTS


def main(arguments: Sequence[str] | None = None) -> None:
    chosen = _parsed(arguments)
    progress = Console(stderr=True)
    rows: list[Row] = []
    prepared = [prepare(name, chosen.work, chosen.draw) for name in chosen.nets]
    for material in prepared:
        progress.print(material.net, highlight=False)
        rows += compared(material, chosen.work, chosen.rounds)
    chosen.out.mkdir(parents=True, exist_ok=True)
    found = {
        "schema": 1,
        "draw": chosen.draw,
        "machine": facts(),
        "versions": {one.name: versions(one, python_of(one, chosen.work / "environments")) for one in CONTENDERS},
        "nets": {material.net: _identity(material) for material in prepared},
        "rows": [asdict(row) for row in rows],
        "derived": [asdict(standing) for standing in standings(rows)],
    }
    name = f"peers-draw-{chosen.draw}.json" if chosen.draw else "peers.json"
    (chosen.out / name).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(files_table(rows))
    console.print(standings_table(standings(rows)))


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edgestill.benchmarks.peers", description=__doc__)
    parser.add_argument("--nets", nargs="+", default=list(SUBJECTS), choices=list(SUBJECTS))
    parser.add_argument("--rounds", type=int, default=5, help="how often each tool makes each net, in turn")
    parser.add_argument("--draw", type=int, default=0, help="which draw of samples calibrates and judges")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/results"), help="where peers.json, or peers-draw-N.json, goes"
    )
    parser.add_argument(
        "--work", type=Path, default=user_cache_path("edgestill") / "peers", help="weights, samples, environments"
    )
    return parser.parse_args(arguments)


def _identity(material: Material) -> dict[str, Any]:
    """What the figures of a net depend on: digests of its weights and its samples, and how many weights there are."""
    with safe_open(material.weights, "numpy") as stored:
        values = sum(stored.get_tensor(name).size for name in stored.keys())  # noqa: SIM118
    return {"weights": digest(material.weights), "samples": digest(material.samples), "values": values}


if __name__ == "__main__":
    main()
