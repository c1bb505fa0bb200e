"""The integers of a .tflite file: C has no floats, so what quantizes and dequantizes at a file's ends stays outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..graph.from_tflite import from_tflite
from ..graph.graph import Graph
from ..graph.passes.float_ends import without_float_ends
from ..graph.to_tflite import to_tflite
from ..scratch import scratch_folder


@contextmanager
def integers_alone(path: Path) -> Iterator[tuple[Path, Graph]]:
    """The file and its graph; for one with float ends, a file and a graph without them, as long as the block lasts."""
    whole = from_tflite(path.read_bytes(), path.name)
    graph = without_float_ends(whole)
    if graph is whole:
        yield path, graph
        return
    with scratch_folder() as folder:
        written = folder / path.name
        written.write_bytes(to_tflite(graph))
        yield written, graph
