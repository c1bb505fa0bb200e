"""What each command of the command line does: calls the rooms below, prints for people or as one JSON document."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..plain import print_json

if TYPE_CHECKING:
    from ...targets.setup.doctor import Finding
    from ...targets.target import Target
    from ..harness.result import Result

ANOTHER_FILE = "name another file with --html"


def run(arguments: Namespace) -> int:
    """`edgestill run`: the whole chain; exit code 1 when the parity of the INT8 files fails."""
    from ...pipeline.progress import listening
    from ...pipeline.ranks import joined, silent_unless_first
    from ...pipeline.recipe import read_recipe
    from ...pipeline.store import Store
    from ..tables.table import print_report
    from ..tables.terminal import Terminal
    from .session import run_recipe

    recipe = read_recipe(arguments.recipe)
    out = arguments.out or Path("runs") / recipe.name
    with joined(), silent_unless_first(), Terminal() as terminal, listening(terminal):
        report = run_recipe(recipe, out, Store(), terminal, arguments.seeds, arguments.again)
        terminal.conclude()
    if arguments.json:
        print_json(report.to_json())
    else:
        print_report(report, out)
    return 0 if all(parity.passed for parity in report.parity) else 1


def compare(arguments: Namespace) -> int:
    """`edgestill compare`: exit code 1 when the parity of the INT8 files fails."""
    from ..comparison.command import compare as serve

    return serve(arguments)


def tune(arguments: Namespace) -> int:
    """`edgestill tune`: exit code 0, also where nothing beats the recipe's own settings."""
    from ..tuning.command import tune as serve

    return serve(arguments)


def quantize(arguments: Namespace) -> int:
    """`edgestill quantize`: exit code 1 when more is lost than `--max-drop` allows, or any two files disagree."""
    from .quantizing import quantize as serve

    return serve(arguments)


def compile(arguments: Namespace) -> int:
    """`edgestill compile`: a C package beside the model, or where `--out` says."""
    from ...pipeline.codegen.compile_file import compile_file
    from ...pipeline.codegen.preference import CodeOptions
    from ..tables import answers

    package = compile_file(arguments.model, arguments.core, options=CodeOptions(arguments.prefer))
    out = arguments.out or arguments.model.with_name(package.manifest.name)
    package.write(out)
    if arguments.json:
        print_json({**package.manifest.to_json(), "path": str(out)})
    else:
        answers.print_package(package.manifest, out)
    return 0


def verify(arguments: Namespace) -> int:
    """`edgestill verify`: exit code 1 when any file does not compute what the first one computes."""
    from ...pipeline.graph.fixed_shape import fixed
    from ...pipeline.runtimes.parity import compare
    from ...pipeline.runtimes.runtime import survive
    from ...pipeline.runtimes.samples import samples_for
    from ...pipeline.scratch import scratch_folder
    from ..tables import answers
    from .compared import pairs

    for path in arguments.files:
        survive(path)
    compared = []
    with scratch_folder() as scratch, fixed(arguments.files, arguments.shape) as files:
        for path in files if arguments.shape else ():
            survive(path)
        for pair in pairs(files, scratch, fed=bool(arguments.data)):
            both = (pair.first, pair.second)
            samples = samples_for(both, arguments.data, arguments.layout) if arguments.data else None
            compared.append(replace(compare(pair.first, pair.second, samples), first=pair.name))
    if arguments.json:
        print_json({"schema": 1, "compared": [parity.to_json() for parity in compared]})
    else:
        for parity in compared:
            answers.print_parity(parity)
    return 0 if all(parity.passed for parity in compared) else 1


def bench(arguments: Namespace) -> int:
    """`edgestill bench`: a file that fails is a row, and the exit code is 2; 3 where only tools or devices lack; 1
    where outputs elsewhere are not those of the reference.
    """
    from ...pipeline.artifact import of_file
    from ...pipeline.disk import written_to
    from ...pipeline.progress import listening
    from ...targets.target import Plan
    from ..harness.earlier import against, read_earlier
    from ..harness.measure import bench as measure
    from ..harness.readings import to_json
    from ..tables.table import print_results
    from ..tables.terminal import Terminal

    found = [target for name in dict.fromkeys(arguments.on.split(",")) for target in _named(name, arguments)]
    plan = Plan(
        warmup=arguments.warmup,
        runs=arguments.runs,
        seconds=arguments.seconds,
        threads=arguments.threads,
        cores=arguments.cores,
        cool_down=arguments.cool_down,
        cool_to=arguments.cool_to,
        sustain=arguments.sustain,
    )
    for path in arguments.files:
        of_file(path)
    if arguments.html:
        with written_to(arguments.html.parent, ANOTHER_FILE):
            arguments.html.parent.mkdir(parents=True, exist_ok=True)
    earlier = read_earlier(arguments.against) if arguments.against else []
    with Terminal() as terminal, listening(terminal), terminal.working("measuring"):
        results = measure(arguments.files, found, plan)
    compared = list(against(results, earlier, arguments.against.name)) if arguments.against else []
    if arguments.json:
        rows = [result.to_json() for result in results]
        print_json({"schema": 1, "results": rows, **to_json(results), "against": [one.to_json() for one in compared]})
    else:
        print_results(results, compared=[str(one) for one in compared])
    if arguments.html:
        _write_bench_page(arguments, results, [str(one) for one in compared])
    errors = [result.error for result in results if result.error]
    if errors:
        return 3 if all(error.is_missing for error in errors) else 2
    return 1 if any(result.is_wrong for result in results) else 0


def _write_bench_page(arguments: Namespace, results: "Sequence[Result]", compared: Sequence[str]) -> None:
    from ...pipeline.disk import written_to
    from ..page.bench import write_bench_page

    with written_to(arguments.html.parent, ANOTHER_FILE):
        write_bench_page(results, compared, shlex.join(("edgestill", *sys.argv[1:])), arguments.html)


def _named(name: str, arguments: Namespace) -> "Sequence[Target]":
    """The target of this name; of browsers as many as are to join."""
    from ...targets.catalog import find
    from ...targets.web.browser import browsers
    from ...targets.web.run import Door

    if name != "web":
        return [find(name)]
    return browsers(Door(arguments.lan, arguments.https, arguments.wait, arguments.page_port), arguments.phones)


def targets(arguments: Namespace) -> int:
    """`edgestill targets`: every target with its evidence and what it is; `add` writes one of the user's, `clean` takes
    off what we keep on one."""
    from .targets import targets as serve

    return serve(arguments)


def doctor(arguments: Namespace) -> int:
    """`edgestill doctor`: exit code 3 when something that is needed is missing. It works where nothing is installed."""
    from ...targets.setup.doctor import TARGETS, examine

    if arguments.target in (None, *TARGETS):
        findings = list(examine(arguments.target))
    else:
        from ...targets.catalog import find
        from ...targets.devices.findings import examine_device
        from ...targets.web.browser import Browser

        target = find(arguments.target)
        findings = list(examine("web") if isinstance(target, Browser) else examine_device(target))
    if arguments.json:
        print_json({"schema": 1, "findings": [finding.to_json() for finding in findings]})
    else:
        _print_findings(findings)
    return 0 if all(finding.healthy for finding in findings) else 3


def _print_findings(findings: "list[Finding]") -> None:
    """A line for each; then every cure once, with the names of what it cures."""
    cures: dict[str, list[str]] = {}
    for finding in findings:
        mark = "✓" if finding.fine else "✗" if finding.needed else "–"
        found = f"{finding.found or 'missing'}{f': {finding.problem}' if finding.problem else ''}"
        print(f"{mark} {finding.what:<22} {found:<18}  {finding.serves}")
        if not finding.fine:
            cures.setdefault(finding.cure, []).append(finding.what)
    for cure, names in cures.items():
        print(f"\ncure of {', '.join(names)}:\n  {cure}")


def store(arguments: Namespace) -> int:
    """`edgestill store`: list, verify, prune, path; exit code 1 when verify finds damage."""
    from .stored import store as serve

    return serve(arguments)
