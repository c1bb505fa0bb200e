"""`edgestill tune`: what the command line gave, and what it prints."""

from argparse import Namespace
from pathlib import Path

from ..plain import print_json


def tune(arguments: Namespace) -> int:
    """Exit code 0: also where nothing beats the recipe's own settings, for that is an answer."""
    from ...pipeline.progress import listening
    from ...pipeline.recipe import read_recipe
    from ...pipeline.store import Store
    from ..tables.terminal import Terminal
    from .session import Asked
    from .session import tune as work
    from .table import print_tuned

    asked = Asked(arguments.trials, arguments.jobs, arguments.ray, arguments.seeds)
    recipe = read_recipe(arguments.recipe)
    out = arguments.out or Path("runs") / f"{recipe.name}-tuned"
    with Terminal() as terminal, listening(terminal):
        tuned = work(recipe, out, Store(), terminal, asked)
    if arguments.json:
        print_json(tuned.to_json())
    else:
        print_tuned(tuned, out)
    return 0
