"""Tools that a test cannot do without: it is skipped with the cure, or fails where EDGESTILL_REQUIRE wants them."""

import os
import shutil

import pytest


def want(there: bool, group: str, cure: str) -> None:
    """Goes on when it is there. `group`: the word of EDGESTILL_REQUIRE (web, data, mcu) that makes a lack a failure."""
    if not there:
        wanted = group in os.environ.get("EDGESTILL_REQUIRE", "").split(",")
        pytest.fail(cure) if wanted else pytest.skip(cure)


def want_program(name: str, group: str) -> str:
    """The program's path; Debian's package has its name."""
    found = shutil.which(name)
    want(found is not None, group, f"no {name} here; apt-get install {name}")
    return str(found)
