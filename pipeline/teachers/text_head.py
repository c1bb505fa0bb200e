"""A teacher that reads words: an encoder's vectors, and a logistic head that was fitted on the labels of train."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifact import canonical_json
from ..data.dataset import DataSet, Split
from ..data.labels import labelled
from ..distillation.taps import EMBEDDING
from ..distillation.teacher import Told, told_without_taps
from ..errors import BadInput, BadModel
from .encoder import Encoder

PENALTIES = tuple(10.0**power for power in range(-7, 1))  # of the weights' squares, from the least to the greatest
STEPS = 200


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors (m,d) by the digest of their text, and whose they are."""

    encoder: str
    parameters: int
    vectors: NDArray[np.float32]
    rows: Mapping[str, int]

    def of(self, split: Split) -> NDArray[np.float32]:
        """The vectors (n,d) of a split's texts; BadInput when one of them was never embedded."""
        try:
            return self.vectors[[self.rows[text_digest(text)] for text in split.text or ()]]
        except KeyError as error:
            raise BadInput("the embeddings are of other texts than the data set's") from error


@dataclass(frozen=True, eq=False)
class TextTeacher:
    """Logits are `embedding @ weight + bias`, weight (d,k) and bias (k,)."""

    embeddings: Embeddings
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    notes: Sequence[str]
    macs: int | None = None
    sees_views: bool = False

    @property
    def parameters(self) -> int:
        return self.embeddings.parameters + self.weight.size + self.bias.size

    def outputs(self, split: Split) -> NDArray[np.float32]:
        return self.embeddings.of(split) @ self.weight + self.bias

    def told(self, split: Split, taps: Sequence[str]) -> Told:
        """Of its layers the embedding alone can be heard."""
        if list(taps) == [EMBEDDING]:
            vectors = self.embeddings.of(split)
            return Told(vectors @ self.weight + self.bias, {EMBEDDING: vectors})
        return told_without_taps(self, split, taps, f"{self.embeddings.encoder}, of which only {EMBEDDING!r} is heard")


def text_digest(text: str) -> str:
    """The sha-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def texts_of(dataset: DataSet) -> list[str]:
    """Every text of train, validation and test once; BadInput when the data set holds samples of another kind."""
    splits = (dataset.train, dataset.validation, dataset.test)
    if any(split.text is None for split in splits):
        raise BadInput(f"text_encoder: it reads words, but data set {dataset.about.name} holds no texts")
    return list(dict.fromkeys(text for split in splits for text in split.text or ()))


def save_embeddings(folder: Path, texts: Sequence[str], vectors: NDArray[np.float32], encoder: Encoder) -> None:
    """Writes vectors.npy and about.json."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "vectors.npy", vectors, allow_pickle=False)
    digests = [text_digest(text) for text in texts]
    about = {"encoder": encoder.name, "parameters": encoder.parameters, "texts": digests}
    (folder / "about.json").write_text(canonical_json(about))


def load_embeddings(folder: Path) -> Embeddings:
    """The embeddings that `save_embeddings` wrote."""
    about = json.loads((folder / "about.json").read_text())
    vectors = np.load(folder / "vectors.npy", allow_pickle=False)
    rows = {digest: row for row, digest in enumerate(about["texts"])}
    return Embeddings(about["encoder"], about["parameters"], vectors, rows)


def fitted(embeddings: Embeddings, dataset: DataSet) -> TextTeacher:
    """The head with the penalty whose cross entropy is least on validation; ties go to the greater penalty."""
    task = dataset.about.task
    if task.kind != "classify":
        raise BadInput(f"text_encoder: its head tells labels apart; the task {task.kind!r} has none")
    known = labelled(dataset.train)
    train, validation = ((embeddings.of(split), np.asarray(split.y)) for split in (known, dataset.validation))
    heads = {penalty: logistic(*train, len(task.labels), penalty) for penalty in reversed(PENALTIES)}
    best = min(heads, key=lambda penalty: _cross_entropy(*validation, *heads[penalty]))
    note = (
        f"the teacher is {embeddings.encoder} with a logistic head, fitted on {len(known)} labels; its penalty "
        f"{best:g} was chosen on the {len(dataset.validation)} of validation"
    )
    return TextTeacher(embeddings, *heads[best], (note,))


def logistic(
    x: NDArray[np.float32], y: NDArray[Any], classes: int, penalty: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight (d,k) and bias (k,) of the multinomial logistic regression: convex, so it starts anywhere, from zero."""
    import torch
    from torch.nn import functional

    inputs, targets = torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.int64)
    weight = torch.zeros(x.shape[1], classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = functional.cross_entropy(inputs @ weight + bias, targets) + penalty * weight.square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    if not torch.isfinite(weight).all():
        raise BadModel("text_encoder: the head could not be fitted; are the encoder's vectors finite?")
    return weight.detach().float().numpy(), bias.detach().float().numpy()


def _cross_entropy(
    x: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> float:
    logits = (x @ weight + bias).astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]).mean())
