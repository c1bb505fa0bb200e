"""Digests of the user's files and folders, and what is told of those that are closed to us."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RIGHTS = "-dac_override,-dac_read_search"
DIGEST = "import sys, pathlib; from edgestill.pipeline.artifact import digest; digest(pathlib.Path(sys.argv[1]))"


def without_rights_of_root() -> list[str]:
    """What a command begins with, so that modes of files count; skips where that cannot be."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("nothing is closed to root; run the tests as another user, or install setpriv (util-linux)")
    return ["setpriv", f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}"]


@pytest.mark.parametrize("closed", ["folder/", "file"])
def test_what_may_not_be_read_in_a_folder_is_told_by_its_name(tmp_path: Path, closed: str) -> None:
    path = tmp_path / closed
    path.mkdir() if closed.endswith("/") else path.write_text("x")
    path.chmod(0)
    command = [*without_rights_of_root(), sys.executable, "-c", DIGEST, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    path.chmod(0o700)
    assert f"BadData: {path}: cannot be read: Permission denied; let it be read" in ended.stderr, ended.stderr
