"""Damaged and hostile integer files end in a clear error, or in C that is right: no traceback, no hang, no overflow."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable

import pytest

from edgestill.pipeline.errors import LONGEST
from edgestill.tests.compile_damaged import COUNT, WAYS
from edgestill.tests.wanted import want_program

SOME = range(0, COUNT, 17)
MOST_MEMORY = 2**30


def check_survived(numbers: Iterable[int]) -> None:
    """Compiles these files one after the other in a process, which a file that takes a minute ends."""
    want_program("gcc", "mcu")
    asked = [str(number) for number in numbers]
    command = [sys.executable, "-W", "error", "-m", "edgestill.tests.compile_damaged", *asked]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [str(one["number"]) for one in said] == asked, f"it ended behind {said[-1:]}: {ended.stderr[-2000:]}"
    wrong = [one for one in said if one["outcome"] not in ("refused", "compiled, and right")]
    assert not wrong, "\n".join(f"{one['number']} {one['what']}: {one['outcome']} {one['words']}" for one in wrong)
    for one in said:
        lines = one["words"].splitlines()
        assert one["peak"] < MOST_MEMORY, one
        assert one["outcome"] != "refused" or lines[0].startswith("net."), one
        assert all(line.isprintable() and len(line) < LONGEST + 10 for line in lines), one


def test_some_damaged_files_are_refused_or_compiled_right() -> None:
    check_survived(SOME)


@pytest.mark.nightly
def test_every_damaged_file_is_refused_or_compiled_right() -> None:
    check_survived(range(COUNT))


def test_every_way_of_harm_is_among_the_files() -> None:
    assert 2 * len(WAYS) <= COUNT
