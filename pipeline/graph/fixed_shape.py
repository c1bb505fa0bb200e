"""An ONNX file whose input is free in some axes, as one whose input has a shape: a copy, while it is needed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import BadModel
from ..scratch import scratch_folder
from .lowering.reader import only_input, parse, shown
from .operators.operator import Shape


@contextmanager
def fixed(paths: Sequence[Path], shape: Shape | None) -> Iterator[list[Path]]:
    """The same files; with a shape, copies of the .onnx ones among them whose input has it, named as they are.

    `BadModel` where a file's input is fixed to another shape. Without a shape nothing is copied.
    """
    if shape is None:
        yield list(paths)
        return
    with scratch_folder() as folder:
        yield [_copy(path, shape, folder / str(index)) for index, path in enumerate(paths)]


def _copy(path: Path, shape: Shape, folder: Path) -> Path:
    if path.suffix != ".onnx" or not path.is_file():
        return path
    folder.mkdir()
    copy = folder / path.name
    copy.write_bytes(with_shape(path.read_bytes(), shape, path.name))
    return copy


def with_shape(data: bytes, shape: Shape, where: str = "the model") -> bytes:
    """The same model with this shape of its one input, the batch first; what the file infers from free axes goes.

    `BadModel` when the shape has another number of axes, or another length where the file has a fixed one.
    """
    model = parse(data, where)
    entry = only_input(model.graph, where)
    dims = entry.type.tensor_type.shape.dim
    wrong = [axis for axis, dim in enumerate(dims) if axis < len(shape) and dim.dim_value not in (0, shape[axis])]
    if len(dims) != len(shape) or wrong:
        said = ",".join(map(str, shape))
        raise BadModel(f"{where}: input {entry.name!r} is {shown(entry)}; --shape {said} does not fit it")
    for dim, length in zip(dims, shape, strict=True):
        dim.dim_value = length
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())
