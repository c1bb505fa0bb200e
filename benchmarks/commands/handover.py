"""The files that a run hands over: copied out of the store under names that a person understands."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...pipeline.artifact import Artifact, digest
from ...pipeline.chain import Chain, Role, Variant
from ...pipeline.disk import written_to
from ...pipeline.recipe import slug
from ..whole import remove, sweep_partial, written_whole

ENDINGS: Mapping[Role, str] = {
    "float onnx": ".onnx",
    "float tflite": ".tflite",
    "int8 onnx": ".int8.onnx",
    "int8 tflite": ".int8.tflite",
    "int8 c": "",  # a folder
    "int8 app": "-app",  # another
}
STEMS = {"student from scratch": "scratch"}
FINAL = "model"  # the last integer variant and the float one that it was made from
CURE = "name another folder with --out"
LISTING = ".edgestill"  # in the output folder: the names of the files that were handed over


class Row(Protocol):
    """What a planned variant and a reported one have in common."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str | None: ...


@dataclass(frozen=True)
class Handed:
    """One file in the output folder, and the variant and role it has there; a checkpoint has no role."""

    variant: str
    role: Role | None
    path: Path
    artifact: Artifact


def hand_over(out: Path, steps: Chain, artifacts: Mapping[str, Artifact], formats: Sequence[str]) -> tuple[Handed, ...]:
    """Copies every variant's checkpoint and its files of these formats into `out`.

    What lies there already stays; what an earlier run left there and this one does not hand over is taken away.
    """
    every = _files(out, steps.variants, artifacts)
    handed = tuple(file for file in every if file.role is None or file.role.split()[1] in formats)
    with written_to(out, CURE):
        out.mkdir(parents=True, exist_ok=True)
        before, now = _handed_before(out), {file.path.name for file in handed}
        for name in before | now:
            sweep_partial(out / name)
        _list(out, before | now)  # killed on the way, the next run knows of both
        for file in handed:
            if not file.path.exists() or digest(file.path) != file.artifact.sha256:
                _copy(file.artifact.path, file.path)
        for name in before - now:
            remove(out / name)
        _list(out, now)
    return handed


def _handed_before(out: Path) -> set[str]:
    """What an earlier run handed over here, by its own list."""
    listing = out / LISTING
    return (
        {name for name in listing.read_text().splitlines() if Path(name).name == name} if listing.is_file() else set()
    )


def _list(out: Path, names: set[str]) -> None:
    with written_whole(out / LISTING) as beside:
        beside.write_text("".join(f"{name}\n" for name in sorted(names)))


def _files(out: Path, variants: tuple[Variant, ...], artifacts: Mapping[str, Artifact]) -> Iterator[Handed]:
    named = stems(variants)
    for variant in variants:
        for checkpoint in variant.checkpoints[:1]:
            yield Handed(variant.name, None, out / f"{named[variant.name]}.safetensors", artifacts[checkpoint])
        for role, step in variant.files.items():
            yield Handed(variant.name, role, out / f"{named[variant.name]}{ENDINGS[role]}", artifacts[step])


def stems(variants: Sequence[Row]) -> dict[str, str]:
    """What the files of each variant are called, by its name.

    The last integer variant and the float one it was made from are the model; without one, the last of all. The others
    go by their own names.
    """
    integers = [variant for variant in variants if variant.source]
    model = {integers[-1].name, integers[-1].source} if integers else {variants[-1].name}
    return {row.name: FINAL if row.name in model else STEMS.get(row.name, slug(row.name)) for row in variants}


def _copy(source: Path, target: Path) -> None:
    with written_whole(target) as beside:
        shutil.copytree(source, beside) if source.is_dir() else shutil.copyfile(source, beside)
