"""Where we keep what targets need: the user's cache folder, and the user's own list of targets."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """A folder of ours in the user's cache; it can be deleted at any time."""
    from platformdirs import user_cache_path

    return user_cache_path("edgestill") / name


def lists() -> tuple[Path, ...]:
    """The files that name the user's targets, the one that counts first; they need not exist.

    `$EDGESTILL_TARGETS` alone where it is set; else `targets.toml` here, then the one in the user's configuration.
    """
    if named := os.environ.get("EDGESTILL_TARGETS"):
        return (Path(named).expanduser(),)
    from platformdirs import user_config_path

    return Path("targets.toml"), user_config_path("edgestill") / "targets.toml"
