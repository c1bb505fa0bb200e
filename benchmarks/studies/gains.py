"""`python -m edgestill.benchmarks.studies.gains`: what a teacher brings, with 5,000 labels and with all."""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...pipeline.data.catalog import read_data
from ...pipeline.data.dataset import DataSet
from ...pipeline.distillation.augmentation import augmentation_of
from ...pipeline.distillation.guiding import Guiding
from ...pipeline.distillation.options import Training
from ...pipeline.scratch import scratch_folder

if TYPE_CHECKING:
    from ...pipeline.distillation.guidance import Guidance
    from ...pipeline.models.checkpoint import Checkpoint

RESULTS = Path(__file__).parents[1] / "results" / "gains.json"
TEACHER: tuple[str, Mapping[str, Any]] = ("residual", {"widths": (32, 64, 128), "stride": 2})
STUDENT: tuple[str, Mapping[str, Any]] = ("ds-cnn", {"width": 44})
TAUGHT_TEACHER = Training(views=4, shift=2, flip=True, epochs=10, batch=128, learning_rate=0.01)
BUDGETS: Mapping[int, Training] = {  # training images -> what every student of them is given
    5_000: Training(views=8, shift=2, flip=True, epochs=20, batch=64, learning_rate=0.02),
    55_000: Training(views=4, shift=1, flip=True, epochs=4, batch=128, learning_rate=0.02),
}
WAYS: Mapping[str, Guiding | None] = {
    "from scratch": None,
    "soft targets, T 2, alpha 0.9": Guiding(temperature=2.0, alpha=0.9),
    "soft targets, T 4, alpha 0.9": Guiding(temperature=4.0, alpha=0.9),
    "DKD, T 4, alpha 0.5": Guiding(temperature=4.0, alpha=0.5, methods=({"name": "dkd"},)),
    "DIST, T 2, alpha 0.7": Guiding(temperature=2.0, alpha=0.7, methods=({"name": "dist"},)),
}


@dataclass(frozen=True)
class Row:
    """One student: its way, how many images it was trained on, its accuracy in per cent, its processor seconds."""

    way: str
    images: int
    seed: int
    validation: float
    test: float
    seconds: float


def few(images: int) -> DataSet:
    """Fashion-MNIST with so many training images, each class in its share, always the same ones."""
    dataset = read_data("fashion-mnist", 0)
    if images >= len(dataset.train):
        return dataset
    y, random = np.asarray(dataset.train.y), np.random.default_rng([0, 7])
    classes = range(len(dataset.about.task.labels))
    rows = [random.permutation(np.flatnonzero(y == label))[: images // len(classes)] for label in classes]
    return replace(dataset, train=dataset.train.take(np.sort(np.concatenate(rows))))


def teacher() -> "Checkpoint":
    """A residual net of 307 thousand parameters, trained on the labels of all 55,000 images."""
    from ...pipeline.distillation.train import trained

    return trained(*TEACHER, few(55_000), TAUGHT_TEACHER)


def rows(images: int, ways: list[str], seeds: range, folder: Path) -> Iterator[Row]:
    """Students one after the other, their teacher's answers recorded once in `folder`."""
    from ...pipeline.distillation.teacher import net_teacher
    from ...pipeline.distillation.teacher_outputs import guidance, write_outputs
    from ...pipeline.models.checkpoint import load_checkpoint, save_checkpoint

    dataset, budget = few(images), BUDGETS[images]
    kept = folder / "teacher.safetensors"
    if not kept.exists():
        save_checkpoint(kept, teacher())
    said = folder / f"{images}"
    write_outputs(net_teacher(load_checkpoint(kept), dataset), dataset, augmentation_of(budget), 1, said)
    for way in ways:
        how = WAYS[way]
        heard = guidance([said], dataset, budget, how) if how else None
        for seed in seeds:
            yield student(way, dataset, replace(budget, seed=seed), heard)


def student(way: str, dataset: DataSet, budget: Training, heard: "Guidance | None") -> Row:
    """One student, trained and judged."""
    from ...pipeline.distillation.train import score, trained

    begun = time.process_time()
    made = trained(*STUDENT, dataset, budget, heard)
    validation, test = (score(made.net, split, dataset.about) for split in (dataset.validation, dataset.test))
    return Row(way, len(dataset.train), budget.seed, validation, test, time.process_time() - begun)


def main() -> None:
    """Trains what is asked for and adds it to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, choices=list(BUDGETS), default=5_000)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), metavar="WAY")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    with scratch_folder() as folder:
        for row in rows(asked.images, asked.ways, range(asked.seeds), folder):
            _add(asked.out, row)
            print(row, flush=True)


def _add(out: Path, row: Row) -> None:
    """The row in the place of an earlier one of the same student."""
    written = json.loads(out.read_text(encoding="utf-8"))["rows"] if out.exists() else []
    key = ("way", "images", "seed")
    others = [one for one in written if any(one[name] != asdict(row)[name] for name in key)]
    out.write_text(json.dumps({"schema": 1, "rows": [*others, asdict(row)]}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
