"""The methods by name, their options read and never run: a recipe is checked before torch is imported."""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadRecipe, choices
from ...models.factory import check_options, options_of
from ...own_code import is_own, own_file, own_folder, own_function, own_sources
from ...task import TaskKind
from ..limits import HEAVIEST

if TYPE_CHECKING:
    from ..method import Method

NAMES = {
    "soft-targets": "soft_targets:SoftTargets",
    "logits": "soft_targets:MatchedLogits",
    "hard-labels": "hard_labels:HardLabels",
    "dkd": "decoupled:Decoupled",
    "dist": "pearson:Pearson",
    "hint": "hint:Hint",
    "factor-transfer": "factor_transfer:FactorTransfer",
    "vid": "variational:Variational",
    "attention": "attention_transfer:AttentionTransfer",
    "rkd-distance": "relational:Distances",
    "rkd-angle": "relational:Angles",
    "sp": "similarity:Similarities",
    "pkt": "similarity:Neighbours",
    "cc": "similarity:Correlations",
    "crd": "contrastive:Contrastive",
    "mutual": "mutual:Mutual",
    "deep-supervision": "deep_supervision:DeepSupervision",
    "mean-teacher": "mean_teacher:MeanTeacher",
    "adversarial": "adversarial:Adversarial",
    "adversarial-features": "adversarial:AdversarialFeatures",
    "hidden-states": "hidden_states:HiddenStates",
    "embeddings": "hidden_states:Embeddings",
    "attention-maps": "attention_maps:AttentionMaps",
    "minilm": "minilm:MiniLm",
}
WITHOUT_TEACHER = ("mutual", "deep-supervision", "mean-teacher")  # they learn from the student's own net, or its peers
FOR_CLASSES = ("hard-labels", "dkd", "dist")  # they compare probabilities


@dataclass(frozen=True)
class Chosen:
    """A method of a recipe: `weight` is None where the method's own stands."""

    name: str
    weight: float | None
    options: Mapping[str, Any]

    @property
    def teacher_taps(self) -> tuple[str, ...]:
        """The paths of the teacher's layers that it hears."""
        return tuple(self.options.get("teacher", known(self.name).get("teacher")) or ())


def chosen(table: Mapping[str, Any]) -> Chosen:
    """A method's table: `name`, `weight`, and its options; ValueError or BadRecipe for what it does not know."""
    options = dict(table)
    name, weight = options.pop("name", None), options.pop("weight", None)
    if not isinstance(name, str):
        raise ValueError(f"a method needs a name; there are {choices(NAMES)}, or module:Class for one of your own")
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if weight is not None and not (number and 0 <= weight <= HEAVIEST):
        raise ValueError(f"method {name!r}: weight is {weight!r}; it must be a number from 0 to {HEAVIEST:,}")
    check_options(options, known(name), f"method {name!r}")
    _check_pairs(name, {**known(name), **options})
    return Chosen(name, weight, options)


def check_task(chosen: Iterable[Chosen], kind: TaskKind, where: str) -> None:
    """BadRecipe, which starts with `where`, for a method that has no meaning for outputs of this task."""
    for choice in chosen:
        if choice.name in FOR_CLASSES and kind != "classify":
            raise BadRecipe(
                f'{where}: method {choice.name!r} compares probabilities of classes, but the task is "{kind}"; choose '
                "one that compares values or features, such as logits, hint or rkd-distance"
            )


def known(name: str) -> Mapping[str, Any]:
    """A method's options with their defaults; BadRecipe when no method has that name."""
    where = f"method {name!r}"
    if name in NAMES:
        module, _, attribute = NAMES[name].partition(":")
        return options_of(Path(__file__).parent / f"{module}.py", attribute, where, given=0)
    if not is_own(name):
        raise BadRecipe(
            f"no method is named {name!r}; there are {choices(NAMES, name, ', or module:Class for one of your own')}"
        )
    return options_of(own_file(name, where), name.partition(":")[2], where, given=0) if own_folder() else {}


def method(choice: Chosen) -> "Method":
    """The method itself; BadRecipe when the user's own is none."""
    from ..method import Method

    where = f"method {choice.name!r}"
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in choice.options.items()}
    made = own_function(choice.name, where) if is_own(choice.name) else _class(NAMES[choice.name])
    try:
        found = made(**options)
    except (ValueError, TypeError) as error:
        raise BadRecipe(f"{where}: {error}") from error
    if not isinstance(found, Method):
        raise BadRecipe(f"{where}: it is {type(found).__name__}; derive it from edgestill's Method")
    return found


def sources(choices: Iterable[Chosen]) -> list[Path]:
    """The user's own source files behind methods."""
    own = [choice.name for choice in choices if is_own(choice.name)]
    return [path for name in own for path in own_sources(name, f"method {name!r}")]


def _check_pairs(name: str, options: Mapping[str, Any]) -> None:
    own, theirs = options.get("student"), options.get("teacher")
    if own is not None and theirs is not None and len(own) != len(theirs):
        raise ValueError(
            f"method {name!r}: student names {len(own)} layers, teacher {len(theirs)}; they are matched in pairs"
        )


def _class(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(f".{module}", __package__), attribute)
