"""From a run's artifacts to its report: scores, files, curves, parity and lineage, read back from what was made."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from ...pipeline.artifact import Artifact, digest
from ...pipeline.chain import Chain
from ...pipeline.chain import Variant as Planned
from ...pipeline.data.dataset import DataSet, load
from ...pipeline.models.checkpoint import read_about
from ...pipeline.models.trained_on import has_seen
from ...pipeline.recipe import Recipe
from ...pipeline.runtimes.scores import read_scores
from ...pipeline.task import Task
from ...targets.target import Device, Plan
from ..commands.handover import ENDINGS, Handed, stems
from ..harness.result import ArenaBytes, Result
from .derive import SCRATCH
from .document import Curve, LayerParity, Parity, Report
from .forewarning import learned_nothing, weaker
from .learned import agreements, reliabilities, seconds
from .seen import confusion, judged, scatter
from .variant import Judged, ModelFile, Variant

Artifacts = Mapping[str, Artifact]
VERSIONS = ("edgestill", "torch", "onnx", "onnxruntime", "ai-edge-litert", "tflite-micro", "torch-pruning", "numpy")


def assemble(
    recipe: Recipe,
    steps: Chain,
    artifacts: Artifacts,
    handed: Sequence[Handed],
    device: Device,
    plan: Plan,
    results: Sequence[Result],
) -> Report:
    """The report of a run whose files were handed over and measured."""
    dataset, last = load(artifacts["data"].path), steps.variants[-1]
    task, told = dataset.about.task, read_scores(artifacts[last.judged[0]].path)["predictions"]
    name = next((file.path.name for file in handed if file.variant == last.name and file.role), last.name)
    called = stems(steps.variants)
    return Report(
        recipe=recipe.name,
        recipe_sha256=digest(recipe.path),
        data=dataset.about.name,
        source=dataset.about.source,
        command=f"edgestill run {recipe.name if recipe.is_shipped else recipe.path.name}"
        + (f" --seeds {recipe.seeds}" if recipe.seeds > 1 else ""),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        device=device,
        plan=plan,
        variants=tuple(
            replace(
                _variant(row, recipe, artifacts, handed, task),
                judged=_judged(row, steps.variants, artifacts, dataset),
                seconds=seconds(row, steps, artifacts),
                reliability=tuple(reliabilities(row, artifacts, dataset)),
                agreement=tuple(agreements(row, artifacts, dataset)),
            )
            for row in steps.variants
        ),
        results=tuple(results),
        curves=tuple(_curves(steps, artifacts)),
        parity=tuple(_parity(row, artifacts, called[row.name], task) for row in steps.variants if row.parity),
        confusion=confusion(name, task, told, dataset.test.y),
        scatter=scatter(name, task, told, dataset.test.y),
        notes=(
            *_of_labels(dataset),
            *_of_teacher(artifacts, dataset),
            *_notes(recipe, steps.variants, artifacts, dataset),
        ),
        versions={name: metadata.version(name) for name in VERSIONS},
        lineage={step.name: dict(artifacts[step.name].lineage) for step in steps.steps},
    )


def _variant(row: Planned, recipe: Recipe, artifacts: Artifacts, handed: Sequence[Handed], task: Task) -> Variant:
    scores = [read_scores(artifacts[step].path) for step in row.judged]
    files = tuple(_file(file, scores[0]) for file in handed if file.variant == row.name and file.role)
    return Variant(
        name=row.name,
        metric=task.metric,
        seeds=tuple(recipe.seed + offset for offset in range(len(scores))),
        validation=tuple(score["validation"] for score in scores),
        test=tuple(score["test"] for score in scores),
        parameters=scores[0]["parameters"],
        macs=scores[0]["macs"],
        files=files,
        source=row.source,
    )


def _judged(row: Planned, rows: Sequence[Planned], artifacts: Artifacts, dataset: DataSet) -> Judged | None:
    """Of the integer rows, the rows they were made from and the last one: what is paired or drawn."""
    if not row.source and row is not rows[-1] and row.name not in [one.source for one in rows]:
        return None
    return judged(dataset.about.task, read_scores(artifacts[row.judged[0]].path)["predictions"], dataset.test.y)


def _file(file: Handed, scores: Mapping[str, Any]) -> ModelFile:
    """The scores are those of the float ONNX and of the INT8 TFLite file; the arena is the latter's."""
    assert file.role
    judged = file.role in ("float onnx", "int8 tflite")
    arena = scores["arena"] if file.role == "int8 tflite" else None
    return ModelFile(
        role=file.role,
        name=file.path.name,
        sha256=file.artifact.sha256,
        bytes=file.artifact.bytes,
        score=scores["test"] if judged else None,
        arena=ArenaBytes(**arena) if arena else None,
    )


def _curves(steps: Chain, artifacts: Artifacts) -> Iterator[Curve]:
    for row in steps.variants:
        for checkpoint in row.checkpoints:
            about = read_about(artifacts[checkpoint].path)
            kept = next((number for number, epoch in enumerate(about.history, start=1) if epoch.kept), 0)
            yield Curve(row.name, about.seed, tuple(epoch.validation for epoch in about.history), kept)


def _parity(row: Planned, artifacts: Artifacts, called: str, task: Task) -> Parity:
    """Of the two INT8 files, by the names that they have where they are handed over; only one of them may be."""
    assert row.parity
    found = _read(artifacts[row.parity])
    end = found["end_to_end"]
    return Parity(
        first=f"{called}{ENDINGS['int8 tflite']}",
        second=f"{called}{ENDINGS['int8 onnx']}",
        passed=found["passed"],
        layers=tuple(
            LayerParity(
                layer=layer["name"],
                operator=layer["kind"],
                values=layer["values"],
                mismatches=layer["mismatches"],
                max_lsb=layer["max_lsb"],
                sqnr_db=found["sqnr_db"].get(layer["name"]),
            )
            for layer in found["layers"]
        ),
        end_to_end_max_lsb=end["max_lsb"],
        end_to_end_mismatches=end["mismatches"],
        end_to_end_values=end["values"],
        agreement=end["agreement"] if task.kind == "classify" else None,
    )


def _of_labels(dataset: DataSet) -> Iterator[str]:
    """How many labels there were, where not every training sample has one."""
    known, samples = dataset.about.labels, len(dataset.train)
    if known is not None and known < samples:
        yield (
            f"{known:,} of {samples:,} training samples have a label: students from scratch and teachers trained here "
            "saw those alone, again and again; students with a teacher saw all of them, in as many steps"
        )


def _of_teacher(artifacts: Artifacts, dataset: DataSet) -> Iterator[str]:
    """What a user should know of a teacher that was not trained here."""
    if "teacher" not in artifacts:
        return
    teacher = artifacts["teacher"]
    if teacher.kind == "checkpoint" and (note := has_seen(read_about(teacher.path).data, dataset.about)):
        yield note
    yield from read_scores(artifacts["teacher score"].path)["notes"]


def _notes(recipe: Recipe, rows: Sequence[Planned], artifacts: Artifacts, dataset: DataSet) -> Iterator[str]:
    """What a user should know before choosing; of scores, those on validation."""
    judged = {row.name: row.judged for row in rows if row.name in ("teacher", SCRATCH)}
    scores = {name: [read_scores(artifacts[step].path)["validation"] for step in judged[name]] for name in judged}
    if warning := learned_nothing(scores.get(SCRATCH, ()), dataset, recipe.student):
        yield warning
    if len(scores) == 2 and (warning := weaker(scores["teacher"][0], scores[SCRATCH], dataset)):
        yield warning


def _read(artifact: Artifact) -> Any:
    return json.loads(artifact.path.read_text())
