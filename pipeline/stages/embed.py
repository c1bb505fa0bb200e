"""Computes an encoder's vectors once, for every text of a data set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.limits import at_least, check_threads
from ..teachers.encoder import check_library, find_encoder


@dataclass(frozen=True)
class Embed:
    """The encoder `text_encoder`, an installed package or a folder; it reads the first `max_tokens` of every text."""

    text_encoder: str
    max_tokens: int = 128
    threads: int = 1

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "embeddings"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "tokenizers", "torch", "transformers")

    def __post_init__(self) -> None:
        at_least(self, max_tokens=3)
        check_threads(self)
        check_library()
        find_encoder(self.text_encoder)

    def sources(self) -> Iterable[Path]:
        return find_encoder(self.text_encoder).files

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.repeatable import repeatable
        from ..teachers.encoder import embed
        from ..teachers.text_head import save_embeddings, texts_of

        texts, encoder = texts_of(load(inputs["data"].path)), find_encoder(self.text_encoder)
        with repeatable(0, self.threads):
            vectors = embed(encoder, texts, self.max_tokens)
        save_embeddings(out, texts, vectors, encoder.name, encoder.parameters)
