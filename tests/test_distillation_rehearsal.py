"""A lesson that cannot be given is told before anybody is trained: where, whose layer, what there is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from edgestill.pipeline.chain import Step, chain
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.methods.catalog import NAMES, WITHOUT_TEACHER
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.planned import Net, Planned
from edgestill.pipeline.distillation.rehearsal import rehearse
from edgestill.pipeline.distillation.train import trained
from edgestill.pipeline.errors import BadRecipe
from edgestill.pipeline.models.checkpoint import save_checkpoint
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.recipe_places import shipped
from edgestill.pipeline.run import run
from edgestill.pipeline.store import Made, Store

torch.set_num_threads(1)
HEAD = """
[data]
name = "digits"
train = 200
[teacher]
model = "residual"
options = { widths = [8, 16] }
epochs = 3
[student]
model = "ds-cnn"
options = { width = 8, depth = 1 }
epochs = 1
"""
LESSON = '[[stage]]\nstage = "distill"\n'
STUDENT = Net("ds-cnn", {"width": 8, "depth": 1})
TEACHER = Net("residual", {"widths": [8, 16]})
READER = Net("transformer", {"width": 16, "buckets": 64})  # of token ids, for methods from inside a transformer
OF_POSITIONS = ("hidden-states", "embeddings", "attention-maps", "minilm")
OWN = {
    "straight": """
from edgestill.pipeline.distillation.method import Method

class Straight(Method):
    def __init__(self, student: tuple[str, ...] = ("features",), teacher: tuple[str, ...] = ("features",)) -> None:
        super().__init__(student, teacher)

    def forward(self, lesson):
        return sum((own - theirs).square().mean() for own, theirs in self.heard(lesson))
""",
    "endless": """
from edgestill.pipeline.distillation.method import Method

class Endless(Method):
    def forward(self, lesson):
        return lesson.student.outputs.sum() * float("inf")
""",
    "late": """
from edgestill.pipeline.distillation.method import Method

class Late(Method):
    def forward(self, lesson):
        if lesson.progress == 1:
            raise LookupError("the end was not thought of")
        return lesson.student.outputs.square().mean()
""",
    "bare": """
from torch import nn

def build(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))
""",
    "idle": """
from torch import nn

class Idle(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.features = nn.Flatten()
        self.spare = nn.Linear(64, 8)
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        return self.head(self.features(x))

def build(shape, classes):
    return Idle(classes)
""",
}


class Noted:
    """Remembers which steps were begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def begin(self, step: Step) -> None:
        self.begun.append(step.name)

    def end(self, step: Step, made: Made) -> None:
        pass


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return read_data("digits", seed=0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all recipes: their data are prepared once."""
    return tmp_path_factory.mktemp("store")


def planned(*methods: dict[str, Any], **others: Any) -> Planned:
    how = Guiding(methods=methods, balance=others.pop("balance", "fixed"))
    given = {"student": STUDENT, "teachers": (TEACHER,), **others}
    return Planned(where="mine.toml: stage 1 (distill)", how=how, training=Training(), **given)


def lessons(text: str, folder: Path) -> tuple[Planned, ...]:
    """What a recipe rehearses."""
    (folder / "mine.toml").write_text(text)
    steps = {step.name: step for step in chain(read_recipe(folder / "mine.toml")).steps}
    found: tuple[Planned, ...] = vars(steps["rehearsal"].stage)["lessons"]
    return found


def message(text: str, folder: Path, store: Path) -> str:
    """What a user is told of a recipe that is wrong; nothing but the data is there by then."""
    (folder / "mine.toml").write_text(text)
    for name, source in OWN.items():
        (folder / f"{name}.py").write_text(source)
    recipe, watcher = read_recipe(folder / "mine.toml"), Noted()
    with factories_in(folder), pytest.raises(BadRecipe) as refusal:
        run(chain(recipe).steps, Store(store), watcher)
    assert watcher.begun == ["data", "rehearsal"]
    return str(refusal.value)


HINT = LESSON + 'methods = [{ name = "soft-targets" }, { name = "hint", '
WRONG = {
    "a layer that the student does not have": (
        HEAD + HINT + 'student = ["featurs"] }]\n',
        ["method 'hint': the student, model 'ds-cnn': no layer", "'featurs'", "did you mean 'features'?"],
    ),
    "a layer that the teacher does not have": (
        HEAD + HINT + 'teacher = ["features.9"] }]\n',
        ["method 'hint': the teacher, model 'residual': no layer", "there are 'embedding'", "did you mean 'features."],
    ),
    "a layer that the net never runs": (
        HEAD.replace('"ds-cnn"\noptions = { width = 8, depth = 1 }', '"idle:build"')
        + HINT + 'student = ["spare"] }]\n',
        ["the student, model 'idle:build': layer 'spare' is there, but the net does not run it"],
    ),
    "a teacher that nothing can be made from": (
        HEAD.replace('"residual"\noptions = { widths = [8, 16] }', '"bare:build"')
        + '[[stage]]\nstage = "invert"\n' + LESSON + 'data = "invert"\n',
        ["stage 1 (invert): the teacher 'bare:build' has no batch norm"],
    ),
    "fewer inputs than classes": (
        HEAD + '[[stage]]\nstage = "invert"\ncount = 4\n' + LESSON + 'data = "invert"\n',
        ["stage 1 (invert): count is 4, but there are 10 classes; each needs an input"],
    ),
    "fewer inputs than a batch": (
        HEAD + '[[stage]]\nstage = "invert"\ncount = 20\n' + LESSON + 'data = "invert"\n',
        ["stage 1 (invert): count is 20, but what learns from these inputs takes", "at a step; raise count"],
    ),
    "an option that the method refuses": (
        HEAD + LESSON + 'methods = [{ name = "factor-transfer", ahead = 1.5 }]\n',
        ["method 'factor-transfer': ahead is 1.5; it is"],
    ),
    "layers that cannot be matched": (
        HEAD + LESSON + 'methods = [{ name = "hidden-states", student = ["features"], teacher = ["features"] }]\n',
        ["layer 'features' of the student gives (8, 4, 4) a sample, the teacher's (16, 4, 4)", "hear other layers"],
    ),
    "layers with nowhere to look": (
        HEAD + LESSON + 'methods = [{ name = "attention", student = ["embedding"], teacher = ["embedding"] }]\n',
        ["method 'attention': layer 'embedding' of the student gives (8,)", "one place in common"],
    ),
    "a method of one's own that fits other nets": (
        HEAD + LESSON + 'methods = [{ name = "straight:Straight" }]\n',
        ["method 'straight:Straight': RuntimeError: The size of tensor", "the student gives 'features' (8, 4, 4)",
         "the teacher gives 'features' (16, 4, 4)"],
    ),
    "a loss that is no number": (
        HEAD + LESSON + 'methods = [{ name = "endless:Endless" }]\n',
        ["method 'endless:Endless': its loss is", "with untrained nets"],
    ),
    "a method that fails in the end": (
        HEAD + LESSON + 'methods = [{ name = "late:Late" }]\n',
        ["method 'late:Late': LookupError: ", "the end was not thought of"],
    ),
    "first weights of other layers": (
        HEAD + LESSON + 'initial = "drop-layers"\n',
        ["initial: ", "of the student has shape", "is not there; \"drop-layers\" wants the same net"],
    ),
    "first weights of a narrower net": (
        HEAD.replace('"residual"\noptions = { widths = [8, 16] }', '"ds-cnn"\noptions = { width = 6, depth = 1 }')
        + LESSON + 'initial = "channels"\n',
        ["initial: layer ", "of the student has 8 channels, the teacher's 6"],
    ),
    "a layer of an assistant that it does not have": (
        HEAD + LESSON + 'name = "assistant"\nmodel = "ds-cnn"\noptions = { width = 12 }\n'
        + LESSON + 'name = "assisted"\nteacher = "assistant"\nmethods = [{ name = "hint", teacher = ["feature"] }]\n',
        ["stage 2 (distill): method 'hint': the teacher, model 'ds-cnn': no layer", "did you mean 'features'?"],
    ),
    "a layer that a pruned student does not have": (
        HEAD + LESSON + '[[stage]]\nstage = "prune"\nmethods = [{ name = "hint", student = ["feature"] }]\n',
        ["stage 2 (prune): method 'hint': the student, model 'ds-cnn': no layer"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_what_cannot_be_taught_is_told_before_anybody_is_trained(why: str, tmp_path: Path, store: Path) -> None:
    text, says = WRONG[why]
    told = message(text, tmp_path, store)
    assert told.startswith("rehearsal: mine.toml: stage "), told
    for words in says:
        assert words in told


def test_a_layer_of_a_teacher_that_is_a_file_is_refused(tmp_path: Path, digits: DataSet) -> None:
    with pytest.raises(BadRecipe, match="its teacher is no net of torch's, so that its layer 'features' cannot"):
        rehearse(planned({"name": "hint"}, teachers=(None,)), digits)
    rehearse(planned({"name": "soft-targets"}, teachers=(None, TEACHER)), digits)


def test_a_file_as_the_teacher_is_known_to_be_no_net(tmp_path: Path) -> None:
    (tmp_path / "teacher.onnx").write_bytes(b"")
    text = HEAD.replace('model = "residual"\noptions = { widths = [8, 16] }\nepochs = 3', 'file = "teacher.onnx"')
    (found,) = lessons(text + LESSON, tmp_path)
    assert found.teachers == (None,) and found.student == STUDENT


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_POSITIONS])
@pytest.mark.parametrize("balance", ["fixed", "uncertainty", "gradient"])
def test_every_method_that_can_be_given_is_let_through(name: str, balance: str, digits: DataSet) -> None:
    rehearse(planned({"name": name}, balance=balance, teachers=() if name in WITHOUT_TEACHER else (TEACHER,)), digits)


@pytest.mark.parametrize("name", OF_POSITIONS)
def test_every_method_from_inside_a_transformer_is_let_through(name: str, tmp_path: Path) -> None:
    for number in range(60):
        folder = tmp_path / ("odd" if number % 2 else "even")
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(" ".join(f"word{number * step}" for step in range(1, 9)))
    texts = read_data("texts", 0, {"folder": str(tmp_path), "buckets": 64, "length": 12})
    rehearse(planned({"name": name}, student=READER, teachers=(READER,)), texts)


def test_weights_in_a_checkpoint_are_read_as_they_are(tmp_path: Path, digits: DataSet) -> None:
    short = Training(epochs=1, batch=512)
    save_checkpoint(tmp_path / "wide.safetensors", trained("ds-cnn", {"width": 12, "depth": 1}, digits, short))
    text = HEAD.replace(
        'model = "residual"\noptions = { widths = [8, 16] }\nepochs = 3', 'checkpoint = "wide.safetensors"'
    )
    (found,) = lessons(text + LESSON + 'initial = "channels"\n', tmp_path)
    assert found.teachers == (found.weights,) == (Net(checkpoint="wide.safetensors"),)
    with factories_in(tmp_path):
        assert [path.name for path in found.sources()] == ["wide.safetensors"] * 2
        rehearse(found, digits)


def test_a_rehearsal_leaves_torchs_random_numbers_and_threads_as_they_were(digits: DataSet) -> None:
    torch.manual_seed(3)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    rehearse(
        planned(
            {"name": "crd"}, {"name": "mutual"}, initial="channels", weights=Net("ds-cnn", {"width": 16, "depth": 1})
        ),
        digits,
    )
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_students_come_out_the_same_bit_for_bit_with_a_rehearsal_and_without(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HEAD + HINT + 'student = ["features"] }, { name = "mutual" }]\n')
    wanted = ("dataset", "checkpoint", "teacher-outputs", "report")
    whole = chain(read_recipe(tmp_path / "mine.toml")).steps
    steps = [step for step in whole if step.stage.gives in wanted and not step.name.endswith("score")]
    unrehearsed = [step for step in steps if step.name != "rehearsal"]
    made = [run(each, Store(tmp_path / str(len(each))), Noted()) for each in (unrehearsed, steps)]
    assert "rehearsal" in made[1] and "rehearsal" not in made[0]
    for name in ("teacher", "scratch", "distill"):
        assert made[0][name].sha256 == made[1][name].sha256


def test_what_is_planned_says_nothing_of_how_much_and_how_long(tmp_path: Path) -> None:
    """So a search over weights and temperatures rehearses once."""
    own = 'temperature = 3.0\nalpha = 0.5\nmethods = [{ name = "hint", weight = 7.0 }]\n'
    others = 'temperature = 9.0\nalpha = 0.1\nmethods = [{ name = "hint", weight = 2.0 }]\n'
    assert lessons(HEAD + LESSON + own, tmp_path) == lessons(HEAD + LESSON + others, tmp_path)


def test_lessons_that_are_the_same_are_rehearsed_once(tmp_path: Path) -> None:
    text = HEAD + LESSON + LESSON + 'name = "hotter"\ntemperature = 9.0\n' + '[[stage]]\nstage = "prune"\n'
    (found,) = lessons(text, tmp_path)
    assert found.where == "mine.toml: stage 1 (distill)"


def test_first_weights_of_a_pruned_net_are_not_guessed_at(tmp_path: Path) -> None:
    text = HEAD + '[[stage]]\nstage = "prune"\nsource = "teacher"\n' + LESSON
    _, found = lessons(text + 'initial = "channels"\nweights = "prune"\nmodel = "ds-cnn"\n', tmp_path)
    assert found.weights is None and not found.initial and found.teachers == (TEACHER,)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_plans_lessons(name: str) -> None:
    steps = {step.name: step for step in chain(read_recipe(name)).steps}
    assert vars(steps["rehearsal"].stage)["lessons"]


def test_a_search_is_refused_before_its_first_trial_too(tmp_path: Path, edgestill: Callable[..., Any]) -> None:
    pytest.importorskip("optuna", reason="pip install 'edgestill[tune]'")
    (tmp_path / "mine.toml").write_text(HEAD + HINT + 'student = ["featurs"] }]\n')
    asked = ["tune", str(tmp_path / "mine.toml"), "--trials", "1", "--out", str(tmp_path / "out")]
    ended = edgestill(asked, tmp_path / "store")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr, ended.stderr
    assert "rehearsal: mine.toml: stage 1 (distill): method 'hint': the student" in " ".join(ended.stderr.split())
    assert "own settings" not in ended.stderr
