"""A rehearsal of lessons: a step of each with untrained nets, so that what cannot be taught is told within seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..data.dataset import DataSet, Split
from ..data.labels import is_labelled
from ..errors import BadInput, BadRecipe, EdgestillError
from ..models.catalog import build
from ..models.checkpoint import About, Checkpoint, load_checkpoint
from .answers import Answers
from .batches import Batch
from .guidance import Guidance
from .guiding import Guiding
from .initial import from_teacher
from .inversion import check_invertible
from .method import Method
from .methods.catalog import Chosen, method
from .objective import Objective
from .options import Training
from .planned import Inversion, Net, Planned
from .repeatable import repeatable
from .taps import EMBEDDING, tapped
from .teacher import net_teacher
from .together import Loss
from .train import heard
from .views import fed, targets

SAMPLES = 8  # of the training set: as many as a batch norm and a comparison of pairs need, and few enough to be quick
WIDTH = 64  # of a vector a text, as long as nobody knows how long it will be
MOMENTS = (0.0, 1.0)  # of a training: some methods begin otherwise than they end


@dataclass(frozen=True, eq=False)
class Cast:
    """Who takes part, untrained: a student, its teachers, None for one that is no net, and a few samples.

    The first teacher may be one that `reads_words`.
    """

    student: Checkpoint
    teachers: Sequence[Checkpoint | None]
    samples: Split
    reads_words: bool


def rehearse(planned: Planned, dataset: DataSet) -> None:
    """Every method's first and last step, forward and back, as far as untrained nets can tell how they will go.

    BadRecipe says where, which method, whose layer, and what there is. Torch's random state stays as it was.
    """
    with repeatable(seed=0, threads=1):
        try:
            cast = _cast(planned, dataset)
            for choice, how in _one_by_one(planned.how):
                _try(choice, how, planned.training, cast)
        except BadInput as error:
            raise BadRecipe(f"{planned.where}: {error}") from error


def rehearse_inversion(planned: Inversion, dataset: DataSet) -> None:
    """BadRecipe where inputs cannot be made from a net like this teacher, or are fewer than a batch of who learns."""
    try:
        check_invertible(_built(planned.teacher, dataset), planned.how)
    except EdgestillError as error:
        raise BadRecipe(f"{planned.where}: {error}") from error
    if planned.how.count < planned.batch:
        raise BadRecipe(
            f"{planned.where}: count is {planned.how.count}, but what learns from these inputs takes {planned.batch} "
            "at a step; raise count, or lower batch there"
        )


def _cast(planned: Planned, dataset: DataSet) -> Cast:
    student = _built(planned.student, dataset)
    if planned.initial and planned.weights:
        from_teacher(planned.initial, _built(planned.weights, dataset))(student.net)
    teachers = [_built(net, dataset) if net else None for net in planned.teachers]
    return Cast(student, teachers, _some(dataset.train), planned.reads_words)


def _built(net: Net, dataset: DataSet) -> Checkpoint:
    """The net itself: as it was trained where it is in a file, else new."""
    about = dataset.about
    if net.checkpoint:
        return net_teacher(load_checkpoint(net.path), dataset).checkpoint
    made = build(net.model, about.preprocess.shape, dataset.outputs, net.options)
    return Checkpoint(made, About(net.model, net.options, about.task, about.preprocess, seed=0))


def _some(train: Split) -> Split:
    """Samples from all over the training set, of those with a label where there are any."""
    known = np.flatnonzero(is_labelled(np.asarray(train.y)))
    rows = known if len(known) else np.arange(len(train))
    return train.take(np.unique(rows[np.linspace(0, len(rows) - 1, SAMPLES).astype(int)]))


def _one_by_one(how: Guiding) -> Iterator[tuple[Chosen, Guiding]]:
    """Each method as if it were the only one, so that it is known whose fault a failure is."""
    for choice in how.chosen:
        yield choice, replace(how, methods=({"name": choice.name, **choice.options},))


def _try(choice: Chosen, how: Guiding, training: Training, cast: Cast) -> None:
    """BadRecipe, which starts with the method's name, when it cannot be made, or not be given these nets."""
    where = f"method {choice.name!r}: "
    try:
        made = method(choice)
        student = _heard("student", cast.student, cast.samples, made.student)
        taught = [
            _taught(teacher, cast, made.teacher if first else (), student)
            for first, teacher in zip((True, *[False] * len(cast.teachers)), cast.teachers, strict=False)
        ]
    except EdgestillError as error:
        raise BadRecipe(where + str(error).removeprefix(where)) from error
    try:
        _give(how, training, cast, taught)
    except EdgestillError as error:
        raise BadRecipe(where + str(error).removeprefix(f"{choice.name}: ")) from error
    except Exception as error:  # a method or a net of the user's own may raise anything
        sizes = _sizes(made, student, taught)
        raise BadRecipe(f"{where}{type(error).__name__}: {error}; {sizes}; hear layers that it can match") from error


def _heard(who: str, checkpoint: Checkpoint, samples: Split, taps: Sequence[str]) -> Answers:
    """What a net and its layers at these paths give; BadRecipe says whose layer is not there or gives nothing."""
    x = fed(np.asarray(samples.x), checkpoint.about.preprocess)
    where = f"the {who}, model {checkpoint.about.model!r}"
    try:
        answers = heard(checkpoint.net, x, taps).each(torch.clone)
    except EdgestillError as error:
        raise BadRecipe(f"{where}: {error}") from error
    except Exception as error:  # a net of the user's own may raise anything
        raise BadRecipe(f"{where}: cannot be run on samples {tuple(x.shape)}: {error}") from error
    if silent := [path for path in taps if path not in answers.features]:
        raise BadRecipe(f"{where}: layer {silent[0]!r} is there, but the net does not run it; name one that it runs")
    return answers


def _taught(teacher: Checkpoint | None, cast: Cast, taps: Sequence[str], student: Answers) -> Answers:
    """What a teacher gives; one that is no net gives noise, for outputs in the shape of the student's."""
    if teacher:
        return _heard("teacher", teacher, cast.samples, taps)
    outputs = torch.randn_like(student.outputs)
    if set(taps) == {EMBEDDING} and cast.reads_words:
        return Answers(outputs, {EMBEDDING: torch.randn(len(outputs), WIDTH)})
    if taps:
        raise BadRecipe(
            f"its teacher is no net of torch's, so that its layer {taps[0]!r} cannot be heard; use methods that hear "
            "outputs alone, such as soft-targets, or a teacher that is a model or a checkpoint"
        )
    return Answers(outputs)


def _give(how: Guiding, training: Training, cast: Cast, taught: Sequence[Answers]) -> None:
    """The first step and the last, as a training takes them but for the optimizer; BadRecipe for a loss of no size."""
    net, about = cast.student.net, cast.student.about
    x = fed(np.asarray(cast.samples.x), about.preprocess)
    batch = Batch(x, targets(cast.samples), torch.arange(len(x)), taught)
    objective = Objective(about.task, training, Guidance((), how))
    with tapped(net, objective.taps, x[:1]) as listening:
        objective.prepare(net, listening, batch, len(x))
        loss_of = Loss(net.train(), objective, listening, training)
        for progress in MOMENTS:
            loss = loss_of(batch, progress)
            if not torch.isfinite(loss).all():
                raise BadRecipe(f"its loss is {loss.item()} with untrained nets; check its options and its layers")
            loss.backward()
            objective.after_step(net)


def _sizes(made: Method, student: Answers, taught: Sequence[Answers]) -> str:
    """What the layers give that a method hears, side by side."""
    sides = [("student", made.student, student), *(("teacher", made.teacher, answers) for answers in taught[:1])]
    return "; ".join(f"the {who} gives {_shapes(taps, answers)}" for who, taps, answers in sides)


def _shapes(taps: Sequence[str], answers: Answers) -> str:
    features = [f"{path!r} {tuple(answers.features[path].shape[1:])}" for path in taps]
    return " and ".join([*features, f"outputs {tuple(answers.outputs.shape[1:])}"])
