"""A whole run: the chain is made, its files are handed over and measured, and the report is written beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..pipeline.artifact import Artifact
from ..pipeline.chain import Chain, chain
from ..pipeline.disk import written_to
from ..pipeline.errors import BadInput
from ..pipeline.own_code import factories_in
from ..pipeline.recipe import Measure, Recipe
from ..pipeline.run import run
from ..pipeline.scratch import scratch_folder
from ..pipeline.store import Store
from ..targets.catalog import find
from ..targets.target import Device, Plan
from .assemble import assemble
from .forewarning import Forewarning
from .handover import CURE, Handed, hand_over
from .harness import bench
from .page import write_page
from .report import Report, read_report, write_report
from .result import Result
from .terminal import Terminal
from .whole import only_writer, sweep_partial

CHANGING = ("load_average", "megahertz")  # facts of a device that are not what it is


def run_recipe(
    recipe: Recipe, out: Path, store: Store, terminal: Terminal, seeds: int | None = None, again: bool = False
) -> Report:
    """Everything a recipe asks for, in the folder `out`; what was made before is not made again.

    What was measured before is not measured again either, unless `again` says so.
    """
    if seeds is not None:
        recipe = _with_seeds(recipe, seeds)
    for name in recipe.measure.targets:
        find(name)
    steps = chain(recipe)
    _writable(out)
    with factories_in(recipe.folder):
        artifacts = run(steps.steps, store, Forewarning(terminal), recipe.name)
    with only_writer(out):
        return _reported(recipe, out, steps, artifacts, terminal, again)


def _reported(
    recipe: Recipe, out: Path, steps: Chain, artifacts: Mapping[str, Artifact], terminal: Terminal, again: bool
) -> Report:
    """The files handed over and measured, and the report beside them."""
    targets, plan = [find(name) for name in recipe.measure.targets], _plan(recipe.measure)
    handed = hand_over(out, steps, artifacts, recipe.exports)
    files = [file.path for file in handed if file.role and file.artifact.kind != "c"]
    device = targets[0].probe()
    before = None if again else _measured_before(out / "report.json", handed, device, plan)
    if before is None:
        with terminal.working(f"measuring {len(files)} files"):
            results: Sequence[Result] = bench(files, targets, plan)
    else:
        results = before.results
    report = assemble(recipe, steps, artifacts, handed, device, plan, results)
    if before is not None:
        report = replace(report, created=before.created, device=before.device)
    with written_to(out, CURE):
        for name in ("report.html", "report.json"):
            sweep_partial(out / name)
        write_page(report, out / "report.html")
        write_report(report, out / "report.json")  # last: whoever finds it finds everything
    return report


def _with_seeds(recipe: Recipe, seeds: int) -> Recipe:
    if not 1 <= seeds <= 100:
        raise BadInput(f"--seeds is {seeds}; it must be 1 to 100")
    return replace(recipe, seeds=seeds)


def _plan(measure: Measure) -> Plan:
    return Plan(measure.warmup, measure.runs, measure.seconds, measure.threads)


def _writable(out: Path) -> None:
    """Before any work: whether the output folder can be written."""
    with written_to(out, CURE):
        out.mkdir(parents=True, exist_ok=True)
        with scratch_folder(out):
            pass


def _measured_before(path: Path, handed: Sequence[Handed], device: Device, plan: Plan) -> Report | None:
    """The report that lies there, if it measured these very files by this plan on this device, and none failed."""
    try:
        found = read_report(path)
    except BadInput:
        return None
    wanted = {file.artifact.sha256 for file in handed if file.role and file.artifact.kind != "c"}
    same = (
        {result.file.sha256 for result in found.results if not result.error} == wanted
        and found.plan == plan
        and _lasting(found.device.facts) == _lasting(device.facts)
    )
    return found if same else None


def _lasting(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if name not in CHANGING}
