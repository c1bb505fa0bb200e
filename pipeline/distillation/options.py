"""The options of a training, checked when they are written down; torch is not needed to know them."""

from dataclasses import dataclass, fields
from typing import Literal

from ..data.dataset import DataSet
from ..errors import BadInput
from .augmentation import Augmentation, check_augmentation
from .limits import above_zero, at_least, at_most, check_threads

Optimizer = Literal["adamw", "adam", "sgd", "rmsprop"]
Schedule = Literal["one-cycle", "cosine", "step", "constant"]


@dataclass(frozen=True, kw_only=True)
class Training(Augmentation):
    """`optimizer` under the rate of `schedule` for `epochs` times the training set, `batch` samples a step.

    `learning_rate` is the highest rate: "one-cycle" rises to it and falls to nothing; "cosine" falls from it to nothing
    in half a wave; "step" multiplies it by `gamma` after each of the epochs `milestones`; "constant" stays. The last
    three may first rise to it for `warmup` epochs.
    `momentum` is that of sgd (`nesterov` or not) and of rmsprop. `weight_decay` is decoupled in adamw alone; with
    `decay_norms` false it spares biases and norms. `clip_norm` bounds the norm of a step's gradient, 0 does not.
    `label_smoothing` is the share of a label that goes to all of them. `mixup`, the alpha of its Beta, mixes pairs of
    samples, and the teacher's outputs with them: an approximation, for the teacher never saw the mixed sample.
    `patience` above 0 keeps the best epoch on validation, and ends after so many without a better one; 0 keeps the
    last epoch.
    Threads, dtype and device are part of what is trained, never probed: bfloat16 is mixed precision, faster on some
    processors with one thread, and on GPUs; "cuda" trains on a GPU, or on one for each process of torchrun.
    """

    epochs: int = 20
    batch: int = 64
    learning_rate: float = 0.01
    optimizer: Optimizer = "adamw"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.01
    decay_norms: bool = True
    schedule: Schedule = "one-cycle"
    warmup: int = 0
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    clip_norm: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    patience: int = 0
    seed: int = 0
    threads: int = 1
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, epochs=1, batch=2, seed=0, weight_decay=0, momentum=0, warmup=0, clip_norm=0)
        at_least(self, label_smoothing=0, mixup=0, patience=0)
        at_most(self, epochs=100_000, momentum=0.9999, label_smoothing=0.9, mixup=100, gamma=1)
        above_zero(self, "learning_rate", "gamma")
        check_threads(self)
        self._check_optimizer()
        self._check_schedule()

    def _check_optimizer(self) -> None:
        if self.nesterov and (self.optimizer != "sgd" or not self.momentum):
            raise ValueError('nesterov is a kind of momentum; it needs optimizer "sgd" and momentum above 0')

    def _check_schedule(self) -> None:
        if self.schedule == "one-cycle" and self.warmup:
            raise ValueError('warmup is part of schedule "one-cycle" already; choose another schedule or leave it out')
        if self.warmup >= self.epochs and self.warmup:
            raise ValueError(f"warmup is {self.warmup} epochs; it must be below epochs ({self.epochs})")
        if (self.schedule == "step") != bool(self.milestones):
            raise ValueError('schedule "step" and milestones, the epochs that it steps after, need each other')
        if any(not self.warmup < epoch < self.epochs for epoch in self.milestones):
            raise ValueError(f"milestones are {list(self.milestones)}; each must lie between warmup and {self.epochs}")


def suiting(training: Training) -> Training:
    """Only what must suit the data of a training's options; the others are as they are by default."""
    kept = {field.name: getattr(training, field.name) for field in fields(Augmentation)}
    return Training(**kept, batch=training.batch, label_smoothing=training.label_smoothing, mixup=training.mixup)


def check_training(training: Training, dataset: DataSet) -> None:
    """BadInput for an option that has no meaning for this task or these samples, or asks for more than there are."""
    about = dataset.about
    check_augmentation(training, about.preprocess)
    if len(dataset.train) < training.batch:
        raise BadInput(
            f"training: batch is {training.batch}, but data set {about.name} has {len(dataset.train)} training samples"
        )
    if training.label_smoothing and about.task.kind != "classify":
        raise BadInput(f'training: label_smoothing is for task "classify", not "{about.task.kind}"; leave it out')
    if training.mixup and about.preprocess.of_tokens:
        raise BadInput("training: mixup cannot mix token ids; leave it out")
