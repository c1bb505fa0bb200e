"""A recipe of a test, run in its process as far as the steps that the test wants."""

from collections.abc import Mapping
from pathlib import Path

from edgestill.pipeline.artifact import Artifact
from edgestill.pipeline.chain import Step, chain
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.run import run
from edgestill.pipeline.store import Made, Store


class Silent:
    """Follows a run and says nothing."""

    def begin(self, step: Step) -> None: ...

    def end(self, step: Step, made: Made) -> None: ...


def ran(text: str, folder: Path, *wanted: str) -> Mapping[str, Artifact]:
    """What these steps of the recipe gave, and all before them; what is made is kept in the folder's store."""
    (folder / "recipe.toml").write_text(text)
    with factories_in(folder):
        steps = {step.name: step for step in chain(read_recipe(folder / "recipe.toml")).steps}
        needed = set(wanted)
        for name in reversed(list(steps)):
            if name in needed:
                needed |= set(steps[name].inputs.values())
        chosen = [step for name, step in steps.items() if name in needed]
        return run(chosen, Store(folder / "store"), Silent())
