"""`edgestill compare`: what the command line gave, and what it prints."""

from argparse import Namespace
from pathlib import Path

from ...pipeline.errors import BadInput
from ..plain import print_json


def compare(arguments: Namespace) -> int:
    """Exit code 1 when the parity of INT8 files fails."""
    from ...pipeline.progress import listening
    from ...pipeline.recipe import read_recipe
    from ...pipeline.store import Store
    from ..tables.table import print_report
    from ..tables.terminal import Terminal
    from .session import Asked
    from .session import compare as work

    recipe = read_recipe(arguments.recipe)
    out = arguments.out or Path("runs") / f"{recipe.name}-compared"
    asked = Asked(
        seeds=arguments.seeds,
        methods=tuple(arguments.methods.split(",")) if arguments.methods else (),
        shuffled=arguments.shuffled_teacher,
        baseline=arguments.baseline,
        again=arguments.again,
    )
    if not all(asked.methods):
        raise BadInput(f"--methods is {arguments.methods!r}; names with commas between them are wanted")
    with Terminal() as terminal, listening(terminal):
        report = work(recipe, out, Store(), terminal, asked)
        terminal.conclude()
    if arguments.json:
        print_json(report.to_json())
    else:
        print_report(report, out)
    return 0 if all(parity.passed for parity in report.parity) else 1
