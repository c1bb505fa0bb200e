"""Where trials are made: here one after the other, in processes beside each other, or as tasks of a Ray cluster."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from ...pipeline.errors import BadInput, MissingTool
from .trial import Task, Trial, work

Work = Callable[[Sequence[Task]], list[Trial]]


def here(tasks: Sequence[Task]) -> list[Trial]:
    """One after the other, in this process."""
    return [work(task) for task in tasks]


@contextmanager
def workers(jobs: int, ray: str | None) -> Iterator[Work]:
    """Makes several trials at a time; whatever it started is gone at the end of the block."""
    if ray is not None:
        with _ray(ray) as made:
            yield made
    elif jobs == 1:
        yield here
    else:
        with _processes(jobs) as made:
            yield made


@contextmanager
def _processes(jobs: int) -> Iterator[Work]:
    """Fresh processes, so that none inherits a thread of torch's."""
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_follow, initargs=(os.getpid(),))
    try:
        yield lambda tasks: list(pool.map(work, tasks))
    except BaseException:
        for process in list(getattr(pool, "_processes", {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _follow(parent: int) -> None:
    """Ctrl-C is for the parent alone, which ends its workers; a worker whose parent was killed ends as well."""
    import threading
    import time

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _ray(address: str) -> Iterator[Work]:
    """Tasks of a cluster whose machines share the store's folder and have edgestill installed; "local" starts one."""
    from ...targets.setup.installation import install_command

    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingTool(f"--ray: Ray is missing; install it with: {install_command('ray')}") from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise BadInput(f"--ray {address}: no cluster answers there: {error}") from error
    try:
        distant: Any = ray.remote(num_cpus=1)(work)
        yield lambda tasks: list(ray.get([distant.remote(task) for task in tasks]))
    finally:
        ray.shutdown()
