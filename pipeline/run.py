"""The fold: every step is made from the artifacts before it, or found in the store."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from .artifact import Artifact
from .chain import Step
from .errors import EdgestillError
from .store import Made, Store


class Watcher(Protocol):
    """Who follows a run, step by step."""

    def begin(self, step: Step) -> None: ...

    def end(self, step: Step, made: Made) -> None: ...


def run(steps: Iterable[Step], store: Store, watcher: Watcher) -> Mapping[str, Artifact]:
    """Every step's artifact by the step's name. Killed at any point, the next run goes on where this one stopped."""
    artifacts: dict[str, Artifact] = {}
    for step in steps:
        watcher.begin(step)
        try:
            made = store.make(step.stage, {name: artifacts[source] for name, source in step.inputs.items()})
        except EdgestillError as error:
            error.args = (f"{step.name}: {error}",)
            raise
        artifacts[step.name] = made.artifact
        watcher.end(step, made)
    return artifacts
