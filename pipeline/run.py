"""The fold: every step is made from the artifacts before it, or found in the store."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from .artifact import Artifact
from .chain import Step
from .distillation.options import Training
from .errors import EdgestillError
from .ranks import as_the_first_says, is_first, wait, world
from .stages.stage import Stage
from .store import Made, Store


class Watcher(Protocol):
    """Who follows a run, step by step."""

    def begin(self, step: Step) -> None: ...

    def end(self, step: Step, made: Made) -> None: ...


def run(
    steps: Sequence[Step],
    store: Store,
    watcher: Watcher,
    recipe: str = "",
    made_before: Mapping[str, Artifact] | None = None,
) -> Mapping[str, Artifact]:
    """Every step's artifact by the step's name. Killed at any point, the next run goes on where this one stopped.

    `recipe` is the name under which the store notes what it keeps; `made_before` is what a run of fewer of these steps
    gave.
    """
    store.sweep()
    _claim(steps, store)
    artifacts = dict(made_before or {})
    for step in steps:
        if step.name in artifacts:
            continue
        watcher.begin(step)
        inputs = {name: artifacts[source] for name, source in step.inputs.items()}
        try:
            made = _made(step.stage, inputs, store, f"{recipe}: {step.name}")
        except EdgestillError as error:
            gone = [name for name, artifact in inputs.items() if not artifact.path.exists()]
            why = f"its {gone[0]} was taken out of the store meanwhile; run the same command again" if gone else error
            error.args = (f"{step.name}: {why}",)
            raise
        artifacts[step.name] = made.artifact
        watcher.end(step, made)
    return artifacts


def _made(stage: Stage, inputs: Mapping[str, Artifact], store: Store, note: str) -> Made:
    """By the first of several processes; the others take their part in a training, and find the rest in the store."""
    held = as_the_first_says(store.holds(stage, inputs) if world() > 1 and is_first() else False)
    if not is_first():
        if not held and isinstance(stage, Training):
            store.take_part(stage, inputs)
        wait()
        return store.found(stage, inputs)
    made = store.make(stage, inputs, note)
    wait()
    return made


def _claim(steps: Sequence[Step], store: Store) -> None:
    """Everything that is there already for these steps: it must not make room for what is made before its turn."""
    told: dict[str, Artifact] = {}
    for step in steps:
        if told.keys() >= set(step.inputs.values()):
            found = store.told(step.stage, {name: told[source] for name, source in step.inputs.items()})
            if found:
                told[step.name] = found
