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
from ..preprocess import Preprocess, channels_first
from ..task import Task
from .catalog import build
from .checkpoint import KEY, About, Checkpoint, load_checkpoint
from .tidy import tidied

OPSET = 17
TOLERANCE = 1e-3  # of the largest output


def export_onnx(path: Path, out: Path) -> None:
    """Writes the checkpoint at `path` as ONNX: input `input` (N,c,h,w) float32, output `logits` (N,...).

    The input of a net that reads token ids is (N,length) int32.
    Task and preprocess go along as JSON in the file's metadata. BadModel when ONNX Runtime computes something else.
    """
    checkpoint = load_checkpoint(path)
    model = onnx_of(checkpoint.net, _example(checkpoint, 1), f"{path}: the model {checkpoint.about.model!r}")
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
    model: str, options: Mapping[str, Any], task: Task, preprocess: Preprocess, largest_id: int | None = None
) -> bytes:
    """A net's ONNX before any training, to see that there can be one; `largest_id` is the largest token id of the data.

    BadModel when the net does not take the samples, gives other outputs than its task wants, or cannot be exported.
    """
    net = build(model, preprocess.shape, task.outputs(preprocess.shape), options).eval()
    checkpoint = Checkpoint(net, About(model, options, task, preprocess, seed=0))
    _try(checkpoint)
    if largest_id is not None:
        _try_id(checkpoint, largest_id)
    return bytes(onnx_of(net, _example(checkpoint, 1), f"model {model!r}").SerializeToString(deterministic=True))


def onnx_of(net: nn.Module, example: torch.Tensor, where: str) -> onnx.ModelProto:
    """A net's ONNX for any batch, traced on one example (1,...); BadModel starts with `where`."""
    return tidied(_traced(net, example, where))


def _try(checkpoint: Checkpoint) -> None:
    about, x = checkpoint.about, _example(checkpoint, 2)
    try:
        with torch.inference_mode():
            outputs = checkpoint.net(x)
    except Exception as error:  # a net of the user's own may raise anything
        raise BadModel(f"model {about.model!r}: cannot be run on samples {tuple(x.shape)}: {error}") from error
    found = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
    expected = [(2, about.outputs), *([tuple(x.shape)] if about.task.kind == "reconstruct" else [])]
    if found not in expected:
        raise BadModel(
            f"model {about.model!r}: gives {found} for 2 samples; expected {' or '.join(map(str, expected))}: "
            f"{about.task.said(about.preprocess.shape)}"
        )


def _try_id(checkpoint: Checkpoint, largest: int) -> None:
    try:
        with torch.inference_mode():
            checkpoint.net(torch.full((1, *checkpoint.about.preprocess.shape), largest, dtype=torch.int32))
    except IndexError as error:
        raise BadModel(
            f"model {checkpoint.about.model!r}: the data hold the token id {largest}, but its table ends at "
            f"{_largest_id(checkpoint.net)}; give it {largest + 1} rows or more (of the nets here: buckets)"
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


def _example(checkpoint: Checkpoint, samples: int) -> torch.Tensor:
    """Seeded raw samples, preprocessed: (samples,c,h,w) float32; or token ids, (samples,length) int32."""
    preprocess = checkpoint.about.preprocess
    largest = _largest_id(checkpoint.net) if preprocess.of_tokens else 255
    largest = largest if preprocess.divisor == 1.0 else int(preprocess.divisor)
    raw = np.random.default_rng(0).integers(0, largest + 1, (samples, *preprocess.shape))
    return torch.from_numpy(channels_first(preprocess.apply(raw)))


def _largest_id(net: nn.Module) -> int:
    """The last row of the net's smallest table."""
    return min((table.num_embeddings for table in net.modules() if isinstance(table, nn.Embedding)), default=2) - 1


def _compare(checkpoint: Checkpoint, raw: bytes, path: Path) -> None:
    import onnxruntime

    x = _example(checkpoint, 16)
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
