"""The data sets there are, by name."""

from importlib import import_module

from ..errors import BadData, choices
from .dataset import DataSet

NAMES = {
    "mnist-5k": "mnist_5k",
    "digits": "digits",
}


def read_data(name: str, seed: int) -> DataSet:
    """The data set of that name, split by `seed`; MissingTool when the package that holds it is not installed."""
    if name not in NAMES:
        raise BadData(f"no data set is named {name!r}; there are {choices(NAMES)}")
    module = import_module(f".{NAMES[name]}", __package__)
    dataset: DataSet = module.read(seed)
    return dataset
