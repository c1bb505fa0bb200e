"""The data there are, by name: sets that come in a package, and the user's own by the way they are kept."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import BadData, choices
from ..options import build
from .dataset import DataSet
from .reader import Reader

NAMES = {
    "fashion-mnist": "fashion_mnist:FashionMnist",
    "mnist-5k": "mnist_5k:Mnist5k",
    "digits": "digits:Digits",
    "spoken-digits": "spoken_digits:SpokenDigits",
    "watch": "watch:Watch",
    "cifar10": "cifar10:Cifar10",
    "images": "images:Images",
    "idx": "idx:Idx",
    "csv": "csv_recordings:CsvRecordings",
    "npz": "npz:Npz",
    "factory": "function:Function",
    "recordings": "recordings:Recordings",
    "spam": "spam:Spam",
    "synthetic-machine": "synthetic_machine:SyntheticMachine",
    "arterial-pressure": "arterial_pressure:ArterialPressure",
    "texts": "texts:Texts",
}
DECODED_BY = {"images": "pillow"}  # data whose files a library makes samples of, in each of its versions otherwise


def reader(name: str, options: Mapping[str, Any] | None = None) -> Reader:
    """The reader of that name with its options; BadData when there is none, BadRecipe when an option is wrong."""
    if name not in NAMES:
        raise BadData(f"no data set is named {name!r}; there are {choices(NAMES, name)}")
    module, _, kind = NAMES[name].partition(":")
    found: type[Reader] = getattr(import_module(f".{module}", __package__), kind)
    return build(found, options or {}, f"data {name!r}")


def read_data(name: str, seed: int, options: Mapping[str, Any] | None = None) -> DataSet:
    """The data set of that name, split by `seed`; MissingTool when the package that holds it is not installed."""
    return reader(name, options).read(seed)
