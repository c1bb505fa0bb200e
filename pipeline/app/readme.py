"""The page in an app's folder: what each file is, the interface to the last number, and what was not tried."""

from collections.abc import Mapping
from pathlib import Path

from ..runtimes.interface import Port, describe
from .contract import COLOURS, Contract
from .golden import Golden
from .snippets import ANSWERS, LITERT_JS, digits, filled, script

ABOUT = {
    "int8": "full-integer TFLite: INT8 in, INT8 out",
    "float-io": "the same integers between floats: what the code here opens",
    "float": "the float model in TFLite",
    "onnx": "the same integers as QDQ ONNX: floats in and out",
    "float-onnx": "the float model in ONNX",
    "ort": "the INT8 ONNX file in ONNX Runtime's mobile format; it carries no metadata",
}
BESIDE = {
    "labels.txt": "what the outputs are called, a line each",
    "preprocess.json": "what stands before the model, for programs",
    "golden.json": "one sample, and the answer to it",
}


def readme(contract: Contract, answered: Golden, models: Mapping[str, Path]) -> str:
    """The page."""
    rows = {path.name: ABOUT[kind] for kind, path in models.items()} | BESIDE
    if contract.task.kind == "classify":
        rows["labels.txt"] += "; zipped into the TFLite files as well"
    files = "\n".join(f"| `{name}` | {about} |" for name, about in rows.items())
    ports = "\n".join(_ports(path) for kind, path in models.items() if kind != "ort")
    version = str(answered.runtime["version"])
    tables = {
        "files": files,
        "ports": ports,
        "integers": _integers(answered),
        "truth": _truth(contract, answered),
        "runtime": version,
    }
    return filled("README.md", {**_words(contract), **tables})


def _words(contract: Contract) -> dict[str, str]:
    task, pictured = contract.task, contract.takes_pictures
    return {
        "name": contract.name,
        "summary": f"A model to {task.said(contract.shape[1:])}.",
        "output": _output(contract),
        "preprocess": _preprocess(contract),
        "front_end": _front_end(contract),
        "type": contract.type_name,
        "script": script(contract),
        "litert": LITERT_JS,
        "printed": ANSWERS[task.kind],
        "pictures": PICTURES if pictured else "",
        "picture": " `golden.png` is the same sample as an image, for the way through `pixels`." if pictured else "",
    }


PICTURES = (
    " Their function `pixels` takes the middle of any picture and scales it; every platform scales a little otherwise,"
    " and for pictures many times as large as the input it is better to halve them first."
)


def _output(contract: Contract) -> str:
    """What the values mean that a model gives."""
    task, listed = contract.task, ", ".join(contract.task.labels[:20])
    if task.kind == "classify":
        return "A score for every label, the largest wins: logits or probabilities, as the net was trained."
    if task.kind == "regress":
        return f"{listed}{' ...' if len(task.labels) > 20 else ''}{f', in {task.unit}' if task.unit else ''}."
    return (
        "The input again: the mean squared error between the two is large for what is strange. Choose the threshold on "
        "normal samples of your own."
    )


def _preprocess(contract: Contract) -> str:
    """What an app must do with raw samples."""
    raw = contract.preprocess
    samples = f"Raw samples are {raw.dtype}, {list(raw.shape)}"
    if raw.of_tokens:
        return f"{samples}: token ids, which the model takes as they are."
    if contract.takes_pictures:
        samples += f": rows from the top, pixels from the left, {COLOURS[raw.shape[-1]]}"
    formula = "`(raw[i] / divisor - mean[i % len(mean)]) / std[i % len(std)]`, in float32, value by value"
    return f"{samples}. What a model is fed is {formula}. The numbers are in `preprocess.json`."


def _port(port: Port) -> str:
    shape = list(port.shape)
    scale = f", scale {digits(port.scale)}, zero point {port.zero_point}" if port.scale is not None else ""
    return f"`{port.name}` {port.dtype} {shape}{scale}"


def _ports(path: Path) -> str:
    """A row of the interface's table."""
    interface = describe(path)
    return f"| `{path.name}` | {_port(interface.inputs[0])} | {_port(interface.outputs[0])} |"


def _front_end(contract: Contract) -> str:
    front_end = contract.preprocess.front_end
    if front_end is None:
        return ""
    settings = ", ".join(f"{key} {value}" for key, value in front_end.to_json().items() if key != "name")
    return (
        f"\nRaw values are the features of the front end **{front_end.name}** ({settings}): your app computes them of "
        "sound or text before; the code here starts behind it.\n"
    )


def _truth(contract: Contract, answered: Golden) -> str:
    """What the data say of the sample."""
    if answered.target is None:
        return ""
    if contract.task.kind == "classify":
        return f" The data call it `{contract.task.labels[int(answered.target)]}`."
    return f" The data say {answered.target:g}."


def _integers(answered: Golden) -> str:
    """How reals become what the INT8 file takes, and its answers reals."""
    given, returned = answered.given, answered.returned
    before = (
        f"takes `clamp(round(x / {digits(given.scale)}) {_signed(given.zero_point)}, -128, 127)`" if given.scale else ""
    )
    after = f"gives `q`, which stands for `{digits(answered.step)} * (q {_signed(-(returned.zero_point or 0))})`"
    return " and ".join(filter(None, [before, after]))


def _signed(number: int | None) -> str:
    """A number to be added, as one writes it behind another."""
    return f"{'-' if (number or 0) < 0 else '+'} {abs(number or 0)}"
