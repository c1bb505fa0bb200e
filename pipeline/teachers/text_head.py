"""A teacher that reads words: a vector a text, and a logistic head that was fitted on the labels of train."""

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

PENALTIES = tuple(10.0**power for power in range(-7, 1))  # of the weights' squares, from the least to the greatest
STEPS = 200
FOLDS = 5


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
        raise BadInput(f"the teacher reads words, but data set {dataset.about.name} holds no texts")
    return list(dict.fromkeys(text for split in splits for text in split.text or ()))


def save_embeddings(
    folder: Path, texts: Sequence[str], vectors: NDArray[np.float32], encoder: str, parameters: int
) -> None:
    """Writes vectors.npy and about.json."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "vectors.npy", vectors, allow_pickle=False)
    digests = [text_digest(text) for text in texts]
    about = {"encoder": encoder, "parameters": parameters, "texts": digests}
    (folder / "about.json").write_text(canonical_json(about))


def load_embeddings(folder: Path) -> Embeddings:
    """The embeddings that `save_embeddings` wrote."""
    about = json.loads((folder / "about.json").read_text())
    vectors = np.load(folder / "vectors.npy", allow_pickle=False)
    rows = {digest: row for row, digest in enumerate(about["texts"])}
    return Embeddings(about["encoder"], about["parameters"], vectors, rows)


def fitted(embeddings: Embeddings, dataset: DataSet) -> TextTeacher:
    """The head with the penalty that told most of labels held out, by cross-validation on those of train alone.

    Validation stays unseen, for who has few labels has none to spare. Ties go to the greater penalty.
    """
    task = dataset.about.task
    if task.kind != "classify":
        raise BadInput(f"the teacher's head tells labels apart; the task {task.kind!r} has none")
    known = labelled(dataset.train)
    x, y = embeddings.of(known), np.asarray(known.y)
    classes = len(task.labels)
    best = min(reversed(PENALTIES), key=lambda penalty: _held_out(x, y, classes, penalty))
    note = (
        f"the teacher is {embeddings.encoder} with a logistic head, fitted on {len(known)} labels; its penalty "
        f"{best:g} was chosen by cross-validation on them"
    )
    return TextTeacher(embeddings, *logistic(x, y, classes, best), (note,))


def _held_out(x: NDArray[np.float32], y: NDArray[Any], classes: int, penalty: float) -> float:
    """The sum of the cross entropy of every sample, by a head that was fitted without its fold."""
    fold = np.empty(len(y), np.int64)
    fold[np.argsort(y, kind="stable")] = np.arange(len(y)) % FOLDS  # each has every label in its share
    parts = [(fold != number, fold == number) for number in range(min(FOLDS, len(y)))]
    return sum(_cross_entropy(x[out], y[out], *logistic(x[kept], y[kept], classes, penalty)) for kept, out in parts)


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
        raise BadModel("the teacher's head could not be fitted; are the vectors of its texts finite?")
    return weight.detach().float().numpy(), bias.detach().float().numpy()


def _cross_entropy(
    x: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> float:
    logits = (x @ weight + bias).astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]).sum())
