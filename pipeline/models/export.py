"""A checkpoint as a float ONNX file: the same bytes on every machine, run and compared before it counts."""

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from ..artifact import canonical_json, digest
from ..errors import BadModel
from ..preprocess import Preprocess
from ..task import Task
from .checkpoint import KEY, Checkpoint, load_checkpoint
from .tidy import tidied
from .untrained import example_of, largest_id, untrained

OPSET = 17
TOLERANCE = 1e-3  # of the largest output


def export_onnx(path: Path, out: Path) -> None:
    """Writes the checkpoint at `path` as ONNX: input `input` (N,c,h,w) float32, output `logits` (N,...).

    The input of a net that reads token ids is (N,length) int32.
    Task and preprocess go along as JSON in the file's metadata. BadModel when ONNX Runtime computes something else.
    """
    checkpoint = load_checkpoint(path)
    model = onnx_of(checkpoint.net, example_of(checkpoint, 1), f"{path}: the model {checkpoint.about.model!r}")
    about = checkpoint.about
    travelling = {
        "task": about.task.to_json(),
        "preprocess": about.preprocess.to_json(),
        "data": about.data.to_json() if about.data else None,
        "checkpoint": digest(path),
    }
    onnx.helper.set_model_props(model, {KEY: canonical_json(travelling)})
    onnx.checker.check_model(model, full_check=True)
    raw = model.SerializeToString(deterministic=True)
    _compare(checkpoint, raw, path)
    out.write_bytes(raw)


def untrained_onnx(
    model: str, options: Mapping[str, Any], task: Task, preprocess: Preprocess, largest_token: int | None = None
) -> bytes:
    """A net's ONNX before any training, to see that there can be one; `largest_token` is the largest id of the data.

    BadModel when the net is not fit to be trained (see `untrained`), or cannot be exported.
    """
    checkpoint = untrained(model, options, task, preprocess)
    if largest_token is not None:
        _try_id(checkpoint, largest_token)
    model_proto = onnx_of(checkpoint.net, example_of(checkpoint, 1), f"model {model!r}")
    return bytes(model_proto.SerializeToString(deterministic=True))


def onnx_of(net: nn.Module, example: torch.Tensor, where: str) -> onnx.ModelProto:
    """A net's ONNX for any batch, traced on one example (1,...); BadModel starts with `where`."""
    return tidied(_traced(net, example, where))


def _try_id(checkpoint: Checkpoint, largest: int) -> None:
    try:
        with torch.inference_mode():
            checkpoint.net(torch.full((1, *checkpoint.about.preprocess.shape), largest, dtype=torch.int32))
    except IndexError as error:
        raise BadModel(
            f"model {checkpoint.about.model!r}: the data hold the token id {largest}, but its table ends at "
            f"{largest_id(checkpoint.net)}; give it {largest + 1} rows or more (of the nets here: buckets)"
        ) from error


def _traced(net: nn.Module, example: torch.Tensor, where: str) -> onnx.ModelProto:
    """As torch's TorchScript exporter writes it: the plainer graph of its two exporters, and ten times faster."""
    written = io.BytesIO()
    quiet = contextlib.redirect_stdout(io.StringIO())  # it prints whole graphs when it fails
    with warnings.catch_warnings(), quiet, _plain_attention():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)  # ours folds what its own does not
        try:
            torch.onnx.export(
                net,
                (example,),
                written,  # type: ignore[arg-type]  # it takes files as well as paths
                dynamo=False,
                opset_version=OPSET,
                input_names=["input"],
                output_names=["logits"],
                dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
            )
        except Exception as error:  # a net of the user's own may hold anything
            raise BadModel(f"{where}: torch cannot export it: {error}") from error
    return onnx.load_from_string(written.getvalue())


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """Transformer layers as their plain operators: torch's own fast path is one operator that no exporter knows."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _compare(checkpoint: Checkpoint, raw: bytes, path: Path) -> None:
    import onnxruntime

    x = example_of(checkpoint, 16)
    with torch.inference_mode():
        expected = checkpoint.net(x).numpy()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    found: Any = session.run(["logits"], {"input": x.numpy()})[0]
    error = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-9))
    if not error <= TOLERANCE:
        raise BadModel(
            f"{path}: its ONNX file differs from torch by {error:.1e} of the largest output, not {TOLERANCE:.0e}; "
            "is the net free of branches on the values of its input?"
        )
