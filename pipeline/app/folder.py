"""The folder for who builds an app: a model's files, their interface, a golden sample, code in three languages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..disk import written_to
from ..errors import BadInput, GateFailed, MissingTool
from ..graph.graph import Graph
from ..graph.passes.float_ends import with_float_ends, without_float_ends
from ..graph.to_onnx import to_onnx
from ..graph.to_tflite import to_tflite
from ..progress import say
from ..runtimes.ort_format import compare_converted, to_ort
from ..runtimes.parity import demand
from ..scratch import scratch_folder
from ..task import Task
from .contract import Contract, contract
from .golden import Golden, golden
from .metadata import LABELS, NAME, described, labelled, labels
from .readme import readme
from .snippets import snippets

CURE = "name another folder with --out"
MARK = "golden.json"  # every folder of ours has it
COMPARED = 20  # samples on which files are held to each other
ENDINGS = {
    "int8": ".int8.tflite",
    "float-io": ".int8-float-io.tflite",
    "float": ".float.tflite",
    "onnx": ".int8.onnx",
    "float-onnx": ".float.onnx",
    "ort": ".int8.ort",
}


@dataclass(frozen=True)
class AppFolder:
    """The files by their names; all in one folder, none below it."""

    contract: Contract
    files: Mapping[str, bytes] = field(repr=False)

    def write(self, out: Path) -> None:
        """Writes the folder whole or not at all. One of ours that is there is replaced; BadInput for anything else that
        is there, and for one of ours with files of somebody beside."""
        out = out.resolve()
        if out.exists():
            _refuse_others(out, set(optional_names(self.contract)))
        with written_to(out.parent, CURE):
            out.parent.mkdir(parents=True, exist_ok=True)
            with scratch_folder(out.parent) as folder:
                made = folder / "made"
                made.mkdir()
                for name, data in self.files.items():
                    (made / name).write_bytes(data)
                if out.exists():
                    out.rename(folder / "before")
                made.rename(out)


def app_folder(
    name: str, integer: Graph, exact: Graph, fed: NDArray[Any], targets: NDArray[Any] | None, task: Task | None = None
) -> AppFolder:
    """The folder of an integer graph and the float one that it was made from, called `name`.

    Of the samples `fed` (n, *shape), as the graphs take them, one is the golden one. Labels and preprocess are those
    that travel in the integer graph's metadata; `task` is told where these do not. GateFailed when two files disagree.
    """
    integer = without_float_ends(integer)
    about = contract(name, integer, task)
    with scratch_folder() as folder:
        models = _models(folder, about, integer, exact)
        _agree(models, fed[:COMPARED])
        answered = golden(models["int8"], about, fed, targets)
        if (ort := _ort(models["onnx"], fed[:COMPARED])) is not None:
            models["ort"] = ort
        page = readme(about, answered, models)
        named = {path.name: path.read_bytes() for path in models.values()}
    texts = {
        "preprocess.json": _json(about.to_json()),
        MARK: _json(answered.to_json(about)),
        LABELS: labels(about),
        **snippets(about, models["float-io"].name),
    }
    pictures = {"golden.png": _picture(answered)} if about.takes_pictures else {}
    files = {**named, **{key: text.encode() for key, text in texts.items()}, **pictures, "README.md": page.encode()}
    return AppFolder(about, files)


def optional_names(about: Contract) -> list[str]:
    """Every name that a folder of this model may hold."""
    fixed = ["README.md", "golden.png", "preprocess.json", MARK, LABELS, *snippets(about, "")]
    return [*fixed, *(f"{about.name}{ending}" for ending in ENDINGS.values())]


def _models(folder: Path, about: Contract, integer: Graph, exact: Graph) -> dict[str, Path]:
    """The model files; those of TFLite say what their tensors mean, as far as they are fed alike."""
    entries = {NAME: described(about)}
    tflite = {"int8": integer, "float-io": with_float_ends(integer), "float": _told(exact, integer)}
    data = {kind: labelled(to_tflite(graph, entries), about) for kind, graph in tflite.items()}
    data |= {"onnx": to_onnx(integer), "float-onnx": to_onnx(tflite["float"])}
    paths = {kind: folder / f"{about.name}{ENDINGS[kind]}" for kind in data}
    for kind, path in paths.items():
        path.write_bytes(data[kind])
    return paths


def _told(exact: Graph, integer: Graph) -> Graph:
    """The float graph with the metadata of the integer one."""
    return replace(exact, metadata=integer.metadata)


def _agree(models: Mapping[str, Path], samples: NDArray[Any]) -> None:
    """GateFailed unless every file computes what the INT8 file, or the float one, does."""
    demand(models["int8"], models["float-io"], samples)
    demand(models["int8"], models["onnx"], samples)
    demand(models["float"], models["float-onnx"], samples)


def _ort(onnx: Path, samples: NDArray[Any]) -> Path | None:
    """The file in ONNX Runtime's own format; None, with a word, where its converter is not there."""
    path = onnx.with_suffix(".ort")
    try:
        path.write_bytes(to_ort(onnx))
    except MissingTool as error:
        say(f"without an .ort file: {error}")
        return None
    found = compare_converted(onnx, path, samples)
    if not found.passed:
        raise GateFailed(f"{path.name}: does not compute what {onnx.name} does: {'; '.join(found.reasons)}")
    return path


def _picture(answered: Golden) -> bytes:
    """The golden sample as an image; PNG loses nothing."""
    from PIL import Image

    whole = BytesIO()
    raw = answered.raw
    Image.fromarray(raw[..., 0] if raw.shape[-1] == 1 else raw).save(whole, "PNG")
    return whole.getvalue()


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=None, ensure_ascii=False) + "\n"


def _refuse_others(out: Path, ours: set[str]) -> None:
    """BadInput where something would be lost that was not written here."""
    if not out.is_dir() or not (out / MARK).is_file():
        raise BadInput(f"{out}: is there and is no app's folder of edgestill; move it, or name another with --out")
    others = sorted(file.name for file in out.iterdir() if file.name not in ours)
    if others:
        raise BadInput(f"{out}: holds files that are not the folder's own: {', '.join(others)}; move them")
