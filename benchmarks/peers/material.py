"""The weights and the samples of a net: seeded, made once, and the same for every contender."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from .zoo import CALIBRATION, JUDGED, SUBJECTS, samples, trained

CALIBRATION_SEED, JUDGED_SEED = 5, 99  # of the first draw
BETWEEN_DRAWS = 1000  # seeds


@dataclass(frozen=True)
class Material:
    """A folder with a net's weights, NET.safetensors, and NET.npz: samples that calibrate, samples that judge, and the
    float net's exact outputs for these."""

    net: str
    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / f"{self.net}.safetensors"

    @property
    def samples(self) -> Path:
        return self.folder / f"{self.net}.npz"


def prepare(name: str, work: Path, draw: int = 0) -> Material:
    """What is not there yet is made. Another draw has other samples of the same kind for the same weights."""
    first = Material(name, work / "material")
    drawn = Material(name, work / (f"material-{draw}" if draw else "material"))
    for folder in (first.folder, drawn.folder):
        folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if not first.weights.is_file():
        save_file(trained(name).state_dict(), first.weights)
    if not drawn.weights.is_file():
        shutil.copy(first.weights, drawn.weights)
    if not drawn.samples.is_file():
        _draw(drawn, BETWEEN_DRAWS * draw)
    return drawn


def _draw(material: Material, seed: int) -> None:
    subject = SUBJECTS[material.net]
    net = subject.build().eval()
    net.load_state_dict(load_file(material.weights))
    calibration, _ = samples(subject, CALIBRATION, seed + CALIBRATION_SEED)
    judged, _ = samples(subject, JUDGED, seed + JUDGED_SEED)
    with torch.inference_mode():
        exact = net(judged)
    np.savez(material.samples, calibration=calibration.numpy(), judged=judged.numpy(), exact=exact.numpy())
