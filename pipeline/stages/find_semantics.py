"""Computes latent-semantic vectors of a data set's texts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.limits import at_least, check_threads


@dataclass(frozen=True)
class FindSemantics:
    """Vectors of `latent_semantics` numbers: which words go together in train's texts, those without a label too."""

    latent_semantics: int
    threads: int = 1

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "embeddings"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")

    def __post_init__(self) -> None:
        at_least(self, latent_semantics=1)
        check_threads(self)

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.repeatable import repeatable
        from ..teachers.latent_semantics import latent_semantics
        from ..teachers.text_head import save_embeddings, texts_of

        dataset = load(inputs["data"].path)
        texts = texts_of(dataset)
        with repeatable(0, self.threads):
            found = latent_semantics(dataset.train.text or (), self.latent_semantics)
            vectors = found.vectors(texts)
        save_embeddings(out, texts, vectors, "latent semantics", found.parameters)
