"""Where a training computes: the processor, or one GPU a process."""

import os

import torch

from ..errors import MissingTool
from .options import Training


def device_of(training: Training) -> torch.device:
    """The device of this process; MissingTool when CUDA is asked for and there is none.

    Under torchrun each process takes the GPU of its number on its machine.
    """
    if training.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise MissingTool(
            f'training: device is "cuda", but torch {torch.__version__} finds no GPU; install its CUDA build and the '
            'driver, or choose device = "cpu"'
        )
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS does not repeat itself
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
