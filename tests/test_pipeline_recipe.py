"""A recipe is read whole, its tables become stages, and the scratch student always stands beside the distilled one."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from edgestill.pipeline.chain import chain
from edgestill.pipeline.errors import BadRecipe
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.recipe_places import shipped
from edgestill.pipeline.stages import NAMES, name_of, stage_type

RECIPE = """
seed = 5
[data]
name = "digits"
[training]
threads = 1
[teacher]
model = "residual"
epochs = 3
[student]
model = "ds-cnn"
options = { width = 8 }
epochs = 7
batch = 32
[[stage]]
stage = "distill"
temperature = 3
[[stage]]
stage = "prune"
ratio = 0.25
[[stage]]
stage = "quantize"
"""


def written(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_reads_and_becomes_a_chain(name: str) -> None:
    assert chain(read_recipe(name)).steps


def test_the_scratch_student_and_the_distilled_one_have_an_equal_budget(tmp_path: Path) -> None:
    steps = {step.name: step for step in chain(read_recipe(written(tmp_path))).steps}
    scratch, distilled = vars(steps["scratch"].stage), vars(steps["distill"].stage)
    assert {key: distilled[key] for key in scratch} == scratch
    assert distilled["temperature"] == 3.0


def test_every_input_of_every_step_is_an_earlier_step_of_a_kind_it_takes(tmp_path: Path) -> None:
    gives: dict[str, str] = {}
    for step in chain(read_recipe(written(tmp_path))).steps:
        for name, source in step.inputs.items():
            assert gives[source] in step.stage.takes[name]
        gives[step.name] = step.stage.gives


def test_three_seeds_make_three_students_and_one_teacher(tmp_path: Path) -> None:
    made = chain(read_recipe(written(tmp_path, "seeds = 3" + RECIPE)))
    trained = [step for step in made.steps if name_of(step.stage) == "train"]
    assert len(trained) == 4
    assert sorted(vars(step.stage)["seed"] for step in trained) == [5, 5, 6, 7]
    assert {variant.name: len(variant.judged) for variant in made.variants} == {
        "teacher": 1,
        "student from scratch": 3,
        "distilled": 3,
        "+ pruned": 3,
        "+ int8": 3,
    }


TWIN = 'stage = "distill"\nmodel = "ds-cnn"\noptions = {{ {options} }}\n{more}'
UNFAIR = {
    "epochs is 20, but the student from scratch, the same net, has 7": TWIN.format(options="width = 8", more=""),
    "batch is 64, but the student": TWIN.format(options="depth = 4, width = 8", more="epochs = 7\n"),
    "initial would begin with 'scratch', which is the student's own net": 'stage = "distill"\ninitial = "channels"\n'
    'weights = "scratch"\n',
    "initial would begin with 'first', which is the student's own net": 'stage = "distill"\nname = "first"\n'
    '[[stage]]\nstage = "distill"\ninitial = "drop-layers"\nweights = "first"\n',
    "teacher and teacher_2 are one and the same, 'teacher outputs'": 'stage = "distill"\nteacher_2 = "teacher"\n'
    'teacher = "teacher"\n',
}


@pytest.mark.parametrize("said", UNFAIR)
def test_a_student_that_is_given_more_than_the_one_from_scratch_is_refused(said: str, tmp_path: Path) -> None:
    text = RECIPE.replace('stage = "distill"\ntemperature = 3\n', UNFAIR[said])
    with pytest.raises(BadRecipe, match=said):
        chain(read_recipe(written(tmp_path, text)))


def test_the_students_net_by_its_own_name_is_taught_where_its_budget_is_the_same(tmp_path: Path) -> None:
    same = TWIN.format(options="width = 8", more="epochs = 7\nbatch = 32\n")
    made = chain(read_recipe(written(tmp_path, RECIPE.replace('stage = "distill"\ntemperature = 3\n', same))))
    assert "distilled" in [row.name for row in made.variants]


def test_without_pruning_the_quantizer_takes_the_distilled_student(tmp_path: Path) -> None:
    text = RECIPE.replace('[[stage]]\nstage = "prune"\nratio = 0.25\n', "")
    steps = {step.name: step for step in chain(read_recipe(written(tmp_path, text))).steps}
    assert steps["quantize"].inputs["source"] == "distill onnx"


def test_a_named_input_may_be_any_stage_before(tmp_path: Path) -> None:
    text = RECIPE.replace('stage = "prune"', 'stage = "prune"\nsource = "scratch"')
    steps = {step.name: step for step in chain(read_recipe(written(tmp_path, text))).steps}
    assert steps["prune"].inputs["source"] == "scratch"


def test_a_recipe_of_only_a_student_needs_no_teacher(tmp_path: Path) -> None:
    text = '[data]\nname = "digits"\n[student]\nmodel = "ds-cnn"\n[[stage]]\nstage = "quantize"\n'
    assert [variant.name for variant in chain(read_recipe(written(tmp_path, text))).variants] == [
        "student from scratch",
        "+ int8",
    ]


def test_every_stage_follows_the_protocol_and_every_name_leads_to_one() -> None:
    for name in NAMES:
        kind = stage_type(name)
        for member in ("takes", "optional", "gives", "version", "libraries", "sources", "write"):
            assert hasattr(kind, member), f"{name} has no {member}"
        assert kind.optional <= set(kind.takes)


@pytest.mark.parametrize("threads", [0, 100_000])
def test_no_stage_takes_threads_that_a_process_cannot_have(threads: int) -> None:
    given = {"model": "ds-cnn", "text_encoder": "encoder", "latent_semantics": 8, "threads": threads}
    tried = 0
    for kind in map(stage_type, NAMES):
        named = {field.name for field in fields(kind)}  # type: ignore[arg-type]
        if "threads" in named:
            options: dict[str, Any] = {name: value for name, value in given.items() if name in named}
            with pytest.raises(ValueError, match=f"threads is {threads}; it must be at"):
                kind(**options)
            tried += 1
    assert tried > 5


def test_the_same_recipe_gives_the_same_chain(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert chain(read_recipe(path)) == chain(read_recipe(path))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[student]\nmodel = 'ds-cnn'\nlearning_rate = {huge}", r"learning_rate: 1000.* is too large a number"),
        ("[student]\nmodel = 'ds-cnn'\n[tune]\nalpha = [0, {huge}]", r"alpha: 1000.* is too large a number"),
        (
            "[student]\nmodel = 'ds-cnn'\n[teacher]\nfile = 'a.onnx'\nscaling = {{ divisor = {huge} }}",
            "scaling: int too large",
        ),
    ],
)
def test_a_number_without_end_is_told_where_it_stands(table: str, said: str, tmp_path: Path) -> None:
    text = '[data]\nname = "digits"\n' + table.format(huge="1" + 400 * "0") + "\n"
    with pytest.raises(BadRecipe, match=said):
        read_recipe(written(tmp_path, text))


def test_an_unknown_name_lists_the_recipes_there_are() -> None:
    with pytest.raises(BadRecipe, match="quickstart"):
        read_recipe("slowstart")
