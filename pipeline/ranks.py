"""The processes that torchrun started to train together: which one this is, and how they wait for each other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path

from .errors import BadInput

PATIENCE = timedelta(days=7)  # the others wait while the first prepares data or measures


def world() -> int:
    """How many there are; 1 where torchrun started nobody."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes and speaks; the others only take part in trainings."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined() -> Iterator[None]:
    """Inside the block the processes know each other, by gloo, or by NCCL as well where there is CUDA."""
    if world() == 1:
        yield
        return
    import torch
    from torch import distributed

    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def as_the_first_says(value: bool) -> bool:
    """What the first process gave, in all of them."""
    if world() == 1:
        return value
    from torch import distributed

    said = [value]
    distributed.broadcast_object_list(said, src=0)
    return said[0]


def wait() -> None:
    """Until all of them are here."""
    if world() > 1:
        from torch import distributed

        distributed.barrier()


@contextmanager
def silent_unless_first() -> Iterator[None]:
    """Inside the block the other processes tell nothing; an error that leaves it is told as ever."""
    if is_first():
        yield
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def refuse_many(command: str) -> None:
    """BadInput for a command that one process does."""
    if world() > 1 and command != "run":
        raise BadInput(f"edgestill {command} is done by one process; torchrun is for `edgestill run` alone")
