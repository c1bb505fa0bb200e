"""A whole run: the chain is made, its files are handed over and measured, and the report is written beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...pipeline.artifact import Artifact
from ...pipeline.chain import Chain, chain
from ...pipeline.disk import written_to
from ...pipeline.errors import BadInput
from ...pipeline.measure import Measure
from ...pipeline.own_code import factories_in
from ...pipeline.ranks import is_first
from ...pipeline.recipe import Recipe
from ...pipeline.run import run
from ...pipeline.scratch import scratch_folder
from ...pipeline.store import Store
from ...targets.catalog import find
from ...targets.emulation.microcontroller import Microcontroller
from ...targets.target import Device, Plan, Target
from ..harness.measure import bench
from ..harness.result import Result
from ..page import write_page
from ..report.assemble import assemble
from ..report.baseline import Baseline, same_samples, slim, times
from ..report.document import Report, read_report, write_report
from ..report.forewarning import Forewarning
from ..tables.human import counted
from ..tables.terminal import Terminal
from ..whole import only_writer, sweep_partial
from .handover import CURE, Handed, hand_over

CHANGING = ("load_average", "megahertz")  # facts of a device that are not what it is


def run_recipe(
    recipe: Recipe, out: Path, store: Store, terminal: Terminal, seeds: int | None = None, again: bool = False
) -> Report:
    """Everything a recipe asks for, in the folder `out`; what was made before is not made again.

    What was measured before is not measured again either, unless `again` says so.
    """
    if seeds is not None:
        recipe = with_seeds(recipe, seeds)
    steps = chain(recipe)
    prepare(recipe, out)
    with factories_in(recipe.folder):
        artifacts = run(steps.steps, store, Forewarning(terminal), recipe.name)
    if not is_first():
        raise SystemExit(0)  # it took its part
    with only_writer(out):
        return reported(recipe, out, steps, artifacts, terminal, again)


def prepare(recipe: Recipe, out: Path) -> None:
    """Before any work: errors where a target is not there or the output folder cannot be written."""
    for name in recipe.measure.targets:
        find(name)
    with written_to(out, CURE):
        out.mkdir(parents=True, exist_ok=True)
        with scratch_folder(out):
            pass


def reported(
    recipe: Recipe,
    out: Path,
    steps: Chain,
    artifacts: Mapping[str, Artifact],
    terminal: Terminal,
    again: bool,
    baseline: Report | None = None,
    **told: Any,
) -> Report:
    """The files handed over and measured, and the report beside them; `told` are fields that it has besides, `baseline`
    is an earlier report that it is held against."""
    targets, plan = [find(name) for name in recipe.measure.targets], _plan(recipe.measure)
    handed = hand_over(out, steps, artifacts, recipe.exports)
    device = targets[0].probe()
    before = None if again else _measured_before(out / "report.json", device, plan)
    results: list[Result] = []
    for target in targets:
        files = _files_for(target, handed)
        kept = _kept(before, target, files)
        if kept is None:
            before = None
            with terminal.working(f"measuring {counted(len(files), 'file')} on {target.name}"):
                kept = bench([file.path for file in files], [target], plan)
        results += kept
    report = replace(assemble(recipe, steps, artifacts, handed, device, plan, results), **told)
    if baseline is not None:
        report = replace(report, baseline=_baseline(baseline, report))
    if before is not None:
        report = replace(report, created=before.created, device=before.device)
    with written_to(out, CURE):
        for name in ("report.html", "report.json"):
            sweep_partial(out / name)
        write_page(report, out / "report.html")
        write_report(report, out / "report.json")  # last: whoever finds it finds everything
    return report


def with_seeds(recipe: Recipe, seeds: int) -> Recipe:
    """The recipe with another number of students of each kind."""
    if not 1 <= seeds <= 100:
        raise BadInput(f"--seeds is {seeds}; it must be 1 to 100")
    return replace(recipe, seeds=seeds)


def _plan(measure: Measure) -> Plan:
    return Plan(measure.warmup, measure.runs, measure.seconds, measure.threads, sustain=measure.sustain)


def _files_for(target: Target, handed: Sequence[Handed]) -> list[Handed]:
    """What a target is given of what was handed over: a microcontroller the C, all others the model files."""
    kinds = ("c",) if isinstance(target, Microcontroller) else ("onnx", "tflite")
    return [file for file in handed if file.role and file.artifact.kind in kinds]


def _measured_before(path: Path, device: Device, plan: Plan) -> Report | None:
    """The report that lies there, if it measured by this plan on this device and is as it was written."""
    try:
        found = read_report(path, sealed=True)
    except BadInput:
        return None
    return found if _measured_alike(found, device, plan) else None


def _measured_alike(found: Report, device: Device, plan: Plan) -> bool:
    return found.plan == plan and _lasting(found.device.facts) == _lasting(device.facts)


def _baseline(earlier: Report, report: Report) -> Baseline:
    """What is kept of an earlier report beside this one; of its times nothing where they were measured otherwise or
    elsewhere."""
    alike = _measured_alike(earlier, report.device, report.plan)
    return Baseline(
        recipe=earlier.recipe,
        data=earlier.data,
        created=earlier.created,
        variants=tuple(slim(row) for row in earlier.variants),
        times=times(earlier.variants, earlier.results) if alike else (),
        same_samples=same_samples(earlier.lineage, report.lineage),
    )


def _kept(before: Report | None, target: Target, files: Sequence[Handed]) -> list[Result] | None:
    """What an earlier report says of these very files on this target; None where one is missing or failed."""
    if before is None:
        return None
    found = [one for one in before.results if one.target == target.name]
    wanted = {file.artifact.sha256 for file in files}
    return found if {one.file.sha256 for one in found if not one.error} == wanted else None


def _lasting(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if name not in CHANGING}
