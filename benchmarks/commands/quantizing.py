"""What `edgestill quantize` does: somebody's float model, of whatever format, to the files that were asked for."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...pipeline.artifact import Artifact
from ...pipeline.errors import BadInput
from ...pipeline.graph.fixed_shape import fixed
from ...pipeline.progress import listening
from ...pipeline.quantization.material import Material, material_for
from ...pipeline.quantization.options import FileOptions, QuantizationOptions
from ...pipeline.quantization.quantize_file import Quantized, quantize_file
from ...pipeline.runtimes.runtime import survive
from ...pipeline.scratch import scratch_folder
from ...pipeline.teachers.keras import check_tensorflow, is_of_tensorflow, to_tflite
from ...targets.setup.installation import install_command
from ..plain import print_json
from ..tables import answers
from ..tables.terminal import Terminal


def quantize(arguments: Namespace) -> int:
    """Exit code 1 when more is lost than `--max-drop` allows, or any two files disagree."""
    _check(arguments)
    with _readable(arguments.model) as readable:
        survive(readable)
        with fixed([readable], arguments.shape) as (model,):
            if arguments.shape:
                survive(model)
            return _quantize(model, arguments)


def _check(arguments: Namespace) -> None:
    """What contradicts itself is told before any work."""
    if arguments.shape and arguments.model.suffix != ".onnx":
        raise BadInput(
            f"--shape is for .onnx files with free axes; {arguments.model.name} has the shape it was made with"
        )
    if arguments.app and arguments.strip:
        raise BadInput("--app hands labels and preprocess over, and --strip leaves them out; take one of the two")


@contextmanager
def _readable(model: Path) -> Iterator[Path]:
    """The model itself; of TensorFlow's formats a float TFLite copy, called as the model is, while it is needed.

    MissingTool where TensorFlow is not there, BadModel when it refuses the model.
    """
    if not is_of_tensorflow(model):
        yield model
        return
    if not model.exists():
        raise BadInput(f"{model}: no such file")
    check_tensorflow(install_command("tensorflow"))
    whole = model.resolve()
    with scratch_folder() as folder:
        converted = folder / f"{whole.name if whole.is_dir() else whole.stem}.tflite"
        with Terminal() as terminal, terminal.working(f"converting {whole.name}"):
            to_tflite(whole, converted)
        yield converted


def _quantize(model: Path, arguments: Namespace) -> int:
    material = _material(model, arguments)
    with Terminal() as terminal, listening(terminal), terminal.working("quantizing"):
        out = arguments.out or arguments.model.parent
        options = QuantizationOptions(ranges=arguments.ranges)
        own = is_of_tensorflow(arguments.model)
        files = FileOptions(arguments.io, arguments.activations, arguments.ort, arguments.strip, own)
        made = quantize_file(model, material, out, options, files)
        app = _app(made, model, material, out) if arguments.app else None
    gate = _drop_gate(made, arguments.max_drop)
    if arguments.json:
        folder = {"app": {"path": str(app.path), "sha256": app.sha256, "bytes": app.bytes}} if app else {}
        print_json({"schema": 1, **made.to_json(), **folder, "gate": gate})
    else:
        answers.print_quantized(made, gate, app)
    return 1 if gate or not made.passed else 0


def _material(model: Path, arguments: Namespace) -> Material:
    """The samples; BadInput where these cannot tell what `--max-drop` asks."""
    material = material_for(model, arguments.data, arguments.layout)
    if arguments.max_drop is not None and material.judging.y is None:
        raise BadInput(f"--max-drop needs labels: {arguments.data} has no array y")
    if arguments.max_drop is not None and material.metric is None:
        raise BadInput(f"--max-drop needs normal and anomalous samples to judge by; {arguments.data} has one kind")
    return material


def _app(made: Quantized, model: Path, material: Material, out: Path) -> Artifact | None:
    """The folder for who builds an app; None where no file was handed over."""
    from ...pipeline.app.of_files import write_app

    int8 = next((file.path for file in made.files if file.path.name == f"{model.stem}.int8.tflite"), None)
    return None if int8 is None else write_app(int8, model, material, model.stem, out / f"{model.stem}-app")


def _drop_gate(made: Quantized, allowed: float | None) -> str | None:
    """Why the gate is shut; None when it is open or nobody asked."""
    if made.metric is None or made.drop is None or allowed is None or made.drop <= allowed:
        return None
    verb = "drops" if made.metric.better == "higher" else "grows"
    lost = f"{made.drop:.4g} {made.metric.step}".rstrip()
    return f"{made.metric.name} {verb} by {lost}; --max-drop allows {allowed:g}"
