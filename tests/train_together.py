"""Trains a student on digits, alone or as one of torchrun's processes, and saves it: `OUT GUIDING LABELLED`."""

import json
import sys
from pathlib import Path

import torch

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.data.labels import counted, with_labels
from edgestill.pipeline.distillation.augmentation import augmentation_of
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.teacher import net_teacher
from edgestill.pipeline.distillation.teacher_outputs import guidance, write_outputs
from edgestill.pipeline.distillation.train import trained
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import About, Checkpoint, save_checkpoint
from edgestill.pipeline.ranks import is_first, joined
from edgestill.pipeline.scratch import scratch_folder

TRAINING = Training(epochs=1, batch=64, learning_rate=0.02, optimizer="sgd", views=2, shift=1, mixup=0.5)


def main(out: Path, guiding: str, labelled: int) -> None:
    """One process's whole life."""
    digits = counted(with_labels(read_data("digits", 0), labelled, seed=0))
    how = Guiding(temperature=2.0, alpha=0.5, **json.loads(guiding))
    with joined(), scratch_folder() as folder:
        folders = [folder / str(seed) for seed in range(1 if how.combine == "mean" else 2)]
        for seed, teacher in enumerate(folders):
            write_teacher(teacher, digits, how, seed)
        made = trained("resnet8", {"widths": (8, 8)}, digits, TRAINING, guidance(folders, digits, TRAINING, how))
        if is_first():
            save_checkpoint(out, made)


def write_teacher(folder: Path, digits: DataSet, how: Guiding, seed: int) -> None:
    """What an untrained net of that seed says."""
    torch.manual_seed(seed)
    net = build("residual", (8, 8, 1), 10, {"widths": (8, 16)}).eval()
    teacher = Checkpoint(net, About("residual", {}, digits.about.task, digits.about.preprocess, seed))
    folder.mkdir()
    write_outputs(net_teacher(teacher, digits), digits, augmentation_of(TRAINING), 1, folder, how.teacher_taps)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
