"""What decides what a trial scores: trials that differ in any of it do not stand in one journal."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ...pipeline.artifact import Artifact, canonical_json
from ...pipeline.chain import Step, chain
from ...pipeline.keeping.lineage import lineage_of
from ...pipeline.recipe import Recipe
from .settings import Range
from .trial import ends, leading_to

Basis = Mapping[str, str]  # a digest of each thing that decides, by what a user calls it


def basis_of(recipe: Recipe, space: Sequence[Range], data: Artifact) -> Basis:
    """As the steps that lead to the recipe's own student have it; the user's modules are found in `factories_in`."""
    steps = [step for step in leading_to(chain(recipe).steps, ends(recipe)[:1]) if step.name != "data"]
    lineages = {step.name: lineage_of(step.stage, {}) for step in steps}
    return {
        "data": data.sha256,
        "recipe": _digest([_wanted(step, lineages[step.name]) for step in steps]),
        "modules": _digest([lineage["sources"] for lineage in lineages.values()]),
        "versions": _digest([[lineage["version"], lineage["libraries"]] for lineage in lineages.values()]),
        "seeds": _digest([recipe.seed, recipe.seeds]),
        "[tune]": _digest([vars(one) for one in space]),
    }


def _wanted(step: Step, lineage: Mapping[str, Any]) -> list[Any]:
    return [step.name, lineage["stage"], lineage["options"], dict(step.inputs)]


def _digest(values: Any) -> str:
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()
