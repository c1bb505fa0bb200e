"""Where recipes lie: at a path, or by their name in the package; and the folder of the user's own files beside one."""

from contextlib import suppress
from importlib import resources
from pathlib import Path

from .errors import BadRecipe, choices

SHIPPED = resources.files("edgestill.pipeline") / "recipes"
LONGEST = 255  # characters of a file's name


def shipped() -> list[str]:
    """The names of the recipes that come with the package."""
    return sorted(Path(file.name).stem for file in SHIPPED.iterdir() if file.name.endswith(".toml"))


def is_shipped(path: Path) -> bool:
    """Whether the recipe at this path comes with the package, so that its name alone finds it."""
    return path.stem in shipped() and path == _shipped_path(path.stem)


def located(named: str | Path) -> Path:
    """The file of the recipe at a path, or of the shipped recipe of that name; BadRecipe where there is neither."""
    path = Path(named)
    if len(path.name) > LONGEST:
        raise BadRecipe(f"the recipe's name has more than {LONGEST} characters")
    if path.suffix == ".toml" or path.exists():
        if not path.is_file():
            raise BadRecipe(f"{path}: no such recipe file; shipped recipes are {choices(shipped())}")
        return path
    if str(named) in shipped():
        return _shipped_path(str(named))
    raise BadRecipe(
        f"no recipe is named {str(named)!r}; there are "
        + choices(shipped(), str(named), ", or give the path of a .toml file")
    )


def folder_of_own(path: Path, named: str) -> Path:
    """Where the user's own files lie: beside the recipe at this path, or where `named` says from there; of a shipped
    one, where one works. BadRecipe when there is no such folder."""
    if is_shipped(path):
        return Path()
    with suppress(OSError, ValueError, RuntimeError):  # not there, no name for a folder, a loop of links
        folder = (path.parent / named).resolve(strict=True)
        if folder.is_dir():
            return folder if named else path.parent
    raise BadRecipe(f"{path.name}: folder is {named!r}; there must be such a folder beside the recipe")


def _shipped_path(name: str) -> Path:
    return Path(str(SHIPPED / f"{name}.toml"))
