"""Where the store lies."""

import os
from pathlib import Path


def default_root() -> Path:
    """`$EDGESTILL_STORE`, else the user's cache folder."""
    named = os.environ.get("EDGESTILL_STORE")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("edgestill") / "store"
