"""edgestill: from a PyTorch teacher to a number on a device: distil, prune, quantize, export, measure."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pipeline.artifact import Artifact as Artifact
    from .pipeline.errors import EdgestillError as EdgestillError
    from .pipeline.graph.graph import Graph as Graph
    from .pipeline.preprocess import Preprocess as Preprocess
    from .pipeline.recipe import read_recipe as read_recipe
    from .pipeline.run import run as run
    from .pipeline.store import Store as Store
    from .pipeline.task import Task as Task

__version__ = "0.1.0"

_FACE = {
    "Artifact": "pipeline.artifact",
    "EdgestillError": "pipeline.errors",
    "Graph": "pipeline.graph.graph",
    "Preprocess": "pipeline.preprocess",
    "Store": "pipeline.store",
    "Task": "pipeline.task",
    "read_recipe": "pipeline.recipe",
    "run": "pipeline.run",
}
__all__ = ["Artifact", "EdgestillError", "Graph", "Preprocess", "Store", "Task", "__version__", "read_recipe", "run"]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(f".{_FACE[name]}", __name__), name)
    raise AttributeError(f"edgestill has no {name!r}; there are {', '.join(__all__)}")
