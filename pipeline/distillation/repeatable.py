"""The same bits on every run on the same machine: a seed, a number of threads, and deterministic algorithms."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils import deterministic as memory

from .allocation import keep_memory


@contextmanager
def repeatable(seed: int, threads: int) -> Iterator[None]:
    """Inside the block torch repeats itself exactly; afterwards its state is what it was before.

    New memory is not filled, which torch would do to make reads of it show: that takes a quarter of a training's time.
    """
    keep_memory()
    threads_before = torch.get_num_threads()
    deterministic_before = torch.are_deterministic_algorithms_enabled()
    filled_before: bool = memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        try:
            yield
        finally:
            memory.fill_uninitialized_memory = filled_before  # type: ignore[attr-defined]
            torch.use_deterministic_algorithms(deterministic_before)
            torch.set_num_threads(threads_before)
