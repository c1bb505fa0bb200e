"""A teacher's file beside the recipe: there, and never a pickle."""

import os
from pathlib import Path

from ..errors import BadRecipe
from ..own_code import own_folder

PICKLES = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}


def check_beside(key: str, named: str, *endings: str) -> None:
    """BadRecipe unless `named` is a relative path of a file with one of these endings, or of a folder where "" is one.

    Whether it is there is looked up where the recipe's folder is known.
    """
    suffix = Path(named).suffix.lower()
    if suffix in PICKLES:
        raise BadRecipe(_pickle(key, named))
    if Path(named).is_absolute():
        raise BadRecipe(f"{key} is {named!r}; give a path relative to the recipe's folder")
    if suffix not in endings and "" not in endings:
        raise BadRecipe(f"{key} is {named!r}; expected a file that ends with {' or '.join(endings)}")
    if own_folder():
        beside(key, named)


def beside(key: str, named: str) -> Path:
    """Where the file or folder lies; BadRecipe when it is not there."""
    folder = own_folder()
    if folder is None:
        raise BadRecipe(f"{key} {named!r}: it lies beside the recipe that names it, but no recipe is read here")
    path = Path(os.path.normpath(folder / named))
    if not path.exists():
        raise BadRecipe(f"{key} is {named!r}, but there is no such file in {folder}")
    return path


def _pickle(key: str, named: str) -> str:
    safe = Path(named).with_suffix(".safetensors").name
    return (
        f"{key}: {named} is a pickle, which can run any code when it is read; convert it once, in Python:\n"
        "  import torch; from safetensors.torch import save_file\n"
        f'  save_file(torch.load("{Path(named).name}", map_location="cpu", weights_only=True), "{safe}")'
    )
