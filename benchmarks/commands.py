"""What each command of the command line does: calls the rooms below, prints for people or as one JSON document."""

import json
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..pipeline.artifact import of_file
from ..pipeline.errors import BadInput
from ..pipeline.progress import listening
from ..pipeline.recipe import read_recipe
from ..pipeline.store import Entry, Store
from ..targets.doctor import Finding, examine
from . import answers
from .human import size
from .terminal import Terminal


def run(arguments: Namespace) -> int:
    """`edgestill run`: the whole chain; exit code 1 when the parity of the INT8 files fails."""
    from .session import run_recipe
    from .table import print_report

    recipe = read_recipe(arguments.recipe)
    out = arguments.out or Path("runs") / recipe.name
    with Terminal() as terminal, listening(terminal):
        report = run_recipe(recipe, out, Store(), terminal, arguments.seeds, arguments.again)
        terminal.conclude()
    if arguments.json:
        _print_json(report.to_json())
    else:
        print_report(report, out)
    return 0 if all(parity.passed for parity in report.parity) else 1


def quantize(arguments: Namespace) -> int:
    """`edgestill quantize`: exit code 1 when more is lost than `--max-drop` allows, or any two files disagree."""
    from ..pipeline.quantization.quantize import QuantizationOptions
    from ..pipeline.quantization.quantize_file import material_for, quantize_file

    material = material_for(arguments.model, arguments.data, arguments.layout)
    if arguments.max_drop is not None and material.judging.y is None:
        raise BadInput(f"--max-drop needs labels: {arguments.data} has no array y")
    with Terminal() as terminal, listening(terminal), terminal.working("quantizing"):
        out = arguments.out or arguments.model.parent
        options = QuantizationOptions(ranges=arguments.ranges)
        made = quantize_file(arguments.model, material, out, options)
    gate = _drop_gate(made.drop, arguments.max_drop)
    if arguments.json:
        _print_json({"schema": 1, **made.to_json(), "gate": gate})
    else:
        answers.print_quantized(made, gate)
    return 1 if gate or not made.passed else 0


def verify(arguments: Namespace) -> int:
    """`edgestill verify`: exit code 1 when any file does not compute what the first one computes."""
    from ..pipeline.runtimes.parity import compare
    from ..pipeline.runtimes.samples import samples_for

    first, *others = arguments.files
    if not others:
        raise BadInput("verify: one file is nothing to compare; give at least two")
    samples = samples_for(arguments.files, arguments.data, arguments.layout) if arguments.data else None
    compared = [compare(first, other, samples) for other in others]
    if arguments.json:
        _print_json({"schema": 1, "compared": [parity.to_json() for parity in compared]})
    else:
        for parity in compared:
            answers.print_parity(parity)
    return 0 if all(parity.passed for parity in compared) else 1


def bench(arguments: Namespace) -> int:
    """`edgestill bench`: a file that fails is a row, and the exit code is 2; 3 where only tools are missing."""
    from ..targets.catalog import find
    from ..targets.target import Plan
    from .harness import bench as measure
    from .table import print_results

    found = [find(name) for name in arguments.on.split(",")]
    plan = Plan(arguments.warmup, arguments.runs, arguments.seconds, arguments.threads)
    for path in arguments.files:
        of_file(path)
    with Terminal() as terminal, listening(terminal), terminal.working("measuring"):
        results = measure(arguments.files, found, plan)
    if arguments.json:
        _print_json({"schema": 1, "results": [result.to_json() for result in results]})
    else:
        print_results(results)
    codes = {result.error.code for result in results if result.error}
    return 0 if not codes else 3 if codes == {"MissingTool"} else 2


def targets(arguments: Namespace) -> int:
    """`edgestill targets`: every target with its evidence and what it is."""
    from ..targets.catalog import available

    found = list(available())
    if arguments.json:
        rows = [
            {"name": target.name, "evidence": target.evidence, "facts": dict(device.facts)} for target, device in found
        ]
        _print_json({"schema": 1, "targets": rows})
        return 0
    table = Table("target", "evidence", "what it is", box=None, header_style="dim")
    for target, device in found:
        table.add_row(target.name, target.evidence, device.name)
    Console().print(table)
    return 0


def doctor(arguments: Namespace) -> int:
    """`edgestill doctor`: exit code 3 when something that is needed is missing."""
    from ..targets.catalog import find

    if arguments.target:
        find(arguments.target)
    findings = list(examine(arguments.target))
    if arguments.json:
        _print_json({"schema": 1, "findings": [finding.to_json() for finding in findings]})
    else:
        console = Console(highlight=False)
        for finding in findings:
            console.print(_finding_line(finding), soft_wrap=True)
    return 0 if all(finding.healthy for finding in findings) else 3


def _finding_line(finding: Finding) -> Text:
    mark = ("✓", "green") if finding.found else ("✗", "red") if finding.needed else ("–", "yellow")
    found = f" {finding.what:<16} {finding.found or 'missing':<20} "
    cure = ("", "") if finding.found else (f"   cure: {finding.cure}", "bold")
    return Text.assemble(mark, found, (finding.serves, "dim"), cure)


def store(arguments: Namespace) -> int:
    """`edgestill store`: list, verify, prune, path; exit code 1 when verify finds damage."""
    kept = Store()
    if arguments.action == "path":
        _print_json({"schema": 1, "path": str(kept.root)}) if arguments.json else print(kept.root)
        return 0
    if arguments.action == "prune":
        return _prune(kept, arguments)
    entries = list(kept.entries())
    damages = {entry.key: kept.damage(entry) for entry in entries} if arguments.action == "verify" else {}
    if arguments.json:
        _print_json({"schema": 1, "entries": [_entry_json(entry, damages.get(entry.key)) for entry in entries]})
    else:
        _print_entries(kept, entries, damages)
    return 1 if any(damages.values()) else 0


def _prune(kept: Store, arguments: Namespace) -> int:
    oldest = time.time() - (0 if arguments.all else arguments.older * 86400)
    doomed = [entry for entry in kept.entries() if arguments.all or entry.used < oldest]
    for entry in doomed:
        kept.remove(entry)
    kept.sweep()
    freed = sum(entry.bytes for entry in doomed)
    if arguments.json:
        _print_json({"schema": 1, "removed": [entry.key for entry in doomed], "bytes": freed})
    else:
        print(f"removed {len(doomed)} of what {kept.root} kept, {size(freed)}")
    return 0


def _entry_json(entry: Entry, damage: str | None) -> dict[str, Any]:
    return {"key": entry.key, "stage": entry.stage, "bytes": entry.bytes, "seconds": entry.seconds, "damage": damage}


def _print_entries(kept: Store, entries: list[Entry], damages: dict[str, str | None]) -> None:
    console = Console(highlight=False)
    table = Table("key", "stage", "size", "made in", "used", box=None, header_style="dim")
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        table.add_row(entry.key[:12], entry.stage, size(entry.bytes), f"{entry.seconds:.1f} s", used)
    if entries:
        console.print(table)
    kept_in_all = f"{len(entries)} artifacts, {size(sum(entry.bytes for entry in entries))}, in {kept.root}"
    console.print(Text(kept_in_all), soft_wrap=True)
    for damage in filter(None, damages.values()):
        console.print(Text.assemble(("✗ ", "red"), damage), soft_wrap=True)
    if damages and not any(damages.values()):
        console.print("[green]✓[/] every byte is as it was written")


def _drop_gate(drop: float | None, allowed: float | None) -> str | None:
    """Why the gate is shut; None when it is open or nobody asked."""
    if drop is None or allowed is None or drop <= allowed:
        return None
    return f"accuracy drops by {drop:.4g} points; --max-drop allows {allowed:g}"


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=1, sort_keys=True, allow_nan=False)
    print()
