"""The state of a training as one safetensors file: tensors, beside them JSON in the header, and a seal over both."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import BadArtifact

FACTS, SEAL = "facts", "seal"  # of the header's metadata


@dataclass(frozen=True, eq=False)
class State:
    """Named tensors, and facts that are plain JSON values."""

    tensors: Mapping[str, torch.Tensor]
    facts: Mapping[str, Any]

    def seal(self) -> str:
        """The sha-256 of everything in it."""
        found = hashlib.sha256(_json(self.facts).encode())
        for name in sorted(self.tensors):
            values = self.tensors[name].detach().cpu()
            found.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            found.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
        return found.hexdigest()


def write_state(path: Path, state: State) -> None:
    """Written beside, synced and renamed: killed at any moment, the file is the one before or this one."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".partial")
    tensors = {
        name: values.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, values in state.tensors.items()
    }
    try:
        save_file(tensors, beside, metadata={FACTS: _json(state.facts), SEAL: state.seal()})
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)  # half of it takes room from what a full disk is still to hold


def read_state(path: Path) -> State | None:
    """What `write_state` wrote; None where there is no file, BadArtifact when it is damaged."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = State({name: file.get_tensor(name) for name in file.keys()}, json.loads(metadata[FACTS]))  # noqa: SIM118
        if state.seal() == metadata[SEAL]:
            return state
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise BadArtifact(f"{path}: damaged: {error}") from error
    raise BadArtifact(f"{path}: damaged: these are not the bytes that were written")


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True)
