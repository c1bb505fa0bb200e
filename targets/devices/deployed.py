"""A file that our agent has open on a device, through whatever transport."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ...pipeline.artifact import Artifact
from ...pipeline.scratch import scratch_folder
from ..counts import Agreement
from ..opened import Opened
from ..target import Period, Plan, Samples
from .agreement import agreement
from .provision import Provision
from .remote import Copied, RemoteConversation, agent_source
from .transport import Transport


@contextmanager
def deployed(
    line: Transport,
    file: Artifact,
    provided: Provision,
    facts: Mapping[str, Any],
    threads: int,
    limit_seconds: float,
    cores: tuple[int, ...] = (),
) -> Iterator["Deployed"]:
    """The file, open in a process there that ends with the block, as its folder does.

    `facts` are what the device said of itself; `cores` are where it runs unless a plan says otherwise. BadModel when
    the runtime refuses the file; DeviceFailed.
    """
    agent, path = agent_source(), file.path.resolve()
    line.push({agent.name: agent})
    with scratch_folder() as scratch, RemoteConversation(path, line, provided, agent.name) as child:
        there = child.folder()
        model = f"model{path.suffix}"
        line.send({model: path}, there)
        asked: dict[str, Any] = {"file": f"{there}/{model}", "runtime": provided.runtime, "threads": threads}
        ready = child.ask("load", limit_seconds, sha256=file.sha256, **asked)
        ready["runtime"]["provision"] = provided.how
        yield Deployed(Opened(child, Copied(line, scratch, there), limit_seconds, ready, facts), file, cores)


class Deployed:
    """A file open on a device."""

    def __init__(self, opened: Opened, file: Artifact, cores: tuple[int, ...] = ()) -> None:
        self._opened, self._file, self._cores = opened, file, cores
        self._agreement: Agreement | None = None  # with the host, once known
        self.infer, self.inputs, self.runtime = opened.infer, opened.inputs, opened.runtime

    def measure(self, plan: Plan) -> Samples:
        """One round on seeded inputs; the first also holds the outputs against the host's."""
        samples = self._opened.measure(self._placed(plan))
        if self._agreement is None:
            self._agreement = agreement(self._file, self._opened.infer())
        return replace(samples, agreement=self._agreement)

    def sustain(self, plan: Plan) -> tuple[Period, ...]:
        """A long run on seeded inputs."""
        return self._opened.sustain(self._placed(plan))

    def _placed(self, plan: Plan) -> Plan:
        return plan if plan.cores else replace(plan, cores=self._cores)
