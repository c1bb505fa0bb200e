"""What is searched: temperature, alpha and weights of the stage that distils, and the recipe with other ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...pipeline.distillation.guiding import Guiding
from ...pipeline.distillation.limits import HEAVIEST
from ...pipeline.distillation.methods.catalog import method
from ...pipeline.errors import BadRecipe, choices
from ...pipeline.recipe import Recipe, StageTable
from ...pipeline.stages import name_of

Settings = Mapping[str, float]  # by the names of ranges
DIGITS = 4  # that count of a value: what is tried is what the file of the best recipe says
WEIGHT = "weight of "


@dataclass(frozen=True)
class Range:
    """One setting's lowest and highest value, on a logarithmic scale or not, and what the recipe has (`own`)."""

    name: str
    low: float
    high: float
    log: bool
    own: float


def tuned_stage(recipe: Recipe) -> StageTable:
    """The stage whose settings are searched; BadRecipe where there is none."""
    distilling = [table for table in recipe.stages if name_of(table.stage) == "distill"]
    where = f"{recipe.path.name}: [tune]"
    if not distilling:
        raise BadRecipe(f"{where}: the recipe has no [[stage]] that distils: there is nothing to tune")
    named = {table.name: table for table in distilling}
    if recipe.tune.stage and recipe.tune.stage not in named:
        raise BadRecipe(
            f"{where}: no stage that distils is named {recipe.tune.stage!r}; there are "
            + choices(named, recipe.tune.stage)
        )
    return named[recipe.tune.stage] if recipe.tune.stage else distilling[-1]


def ranges(recipe: Recipe) -> tuple[Range, ...]:
    """All that is searched; BadRecipe where nothing is left to search."""
    guiding, space = _guiding(tuned_stage(recipe)), recipe.tune
    found: list[Range] = []
    if space.temperature:
        found.append(Range("temperature", space.temperature[0], space.temperature[1], True, guiding.temperature))
    if space.alpha:
        found.append(Range("alpha", space.alpha[0], space.alpha[1], False, guiding.alpha))
    found += _weights(guiding, recipe)
    if not found:
        raise BadRecipe(f"{recipe.path.name}: [tune]: every range is empty: there is nothing to search")
    return tuple(found)


def _weights(guiding: Guiding, recipe: Recipe) -> Iterator[Range]:
    """A range for every method that has one in the recipe, or that shares the loss with others."""
    given = dict(recipe.tune.weights)
    for key, choice in zip(_keys(guiding), guiding.chosen, strict=True):
        own = method(choice).weight if choice.weight is None else choice.weight
        between = given.pop(choice.name, None)
        if between is None and len(guiding.chosen) > 1 and own > 0:
            between = [own / 10, min(own * 10, HEAVIEST)]
        if between:
            yield Range(key, float(between[0]), float(between[1]), log=True, own=own)
    if given:
        names = {choice.name for choice in guiding.chosen}
        raise BadRecipe(
            f"{recipe.path.name}: [tune]: weights: the stage has no method {next(iter(given))!r}; there are "
            f"{choices(names, next(iter(given)))}"
        )


def _keys(guiding: Guiding) -> list[str]:
    """A name for the weight of each method; the second of one kind is numbered."""
    names = [choice.name for choice in guiding.chosen]
    return [
        f"{WEIGHT}{name}" + (f" {names[:place].count(name) + 1}" if name in names[:place] else "")
        for place, name in enumerate(names)
    ]


def with_settings(recipe: Recipe, settings: Settings) -> Recipe:
    """The recipe with these settings in its tuned stage."""
    table = tuned_stage(recipe)
    stage = replace(table.stage, **changed(table, settings))  # type: ignore[type-var]
    stages = tuple(replace(one, stage=stage) if one is table else one for one in recipe.stages)
    return replace(recipe, stages=stages)


def changed(table: StageTable, settings: Settings) -> dict[str, Any]:
    """The keys of the stage that the settings change, as a recipe writes them."""
    guiding = _guiding(table)
    plain = {name: value for name, value in settings.items() if not name.startswith(WEIGHT)}
    if len(plain) == len(settings):
        return plain
    methods = guiding.methods or ({"name": "soft-targets"},)
    pairs = zip(_keys(guiding), methods, strict=True)
    weighed = tuple({**one, "weight": settings[key]} if key in settings else dict(one) for key, one in pairs)
    return {**plain, "methods": weighed}


def rounded(settings: Settings) -> dict[str, float]:
    """As many digits as a recipe is written with."""
    return {name: float(f"{value:.{DIGITS}g}") for name, value in settings.items()}


def _guiding(table: StageTable) -> Guiding:
    assert isinstance(table.stage, Guiding)
    return table.stage
