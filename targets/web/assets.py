"""Brings the browser runtimes into the user's cache: `python -m edgestill.targets.web.assets`, never at run time."""

import base64
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ...pipeline.errors import EdgestillError, MissingTool
from ...pipeline.scratch import scratch_folder
from ..setup.installation import install_command
from ..setup.parts import WEB_RUNTIMES, npm, web_assets
from .pins import PACKAGES, Package

SECONDS = 600.0
LIST = "files.json"  # name -> sha-256 of every file that was kept


def assets(folder: Path = WEB_RUNTIMES) -> Mapping[str, Path]:
    """Name (`onnxruntime-web/dist/...`) -> file of everything a page may load, each looked at by its digest.

    MissingTool when they are not there, or not what was kept; it ends with the command that brings them.
    """
    try:
        digests = json.loads((folder / LIST).read_text())
        damaged = [name for name, wanted in digests.items() if _sha256(folder / name) != wanted]
    except (OSError, ValueError) as error:
        raise MissingTool(f"the browser runtimes are not there; bring them with: {web_assets()}") from error
    if damaged:
        raise MissingTool(f"the browser runtimes are damaged ({damaged[0]}); bring them again with: {web_assets()}")
    return {name: folder / name for name in digests}


def bring(folder: Path = WEB_RUNTIMES) -> None:
    """Packs every package, holds it to its digest, and puts what is kept into the folder, whole or not at all."""
    if (program := npm()) is None:
        raise MissingTool(f"npm is missing; install it with: {install_command('web')}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent) as scratch:
        made = scratch / "made"
        for package in PACKAGES:
            _unpack(_packed(program, package, scratch), package, made / package.name)
        names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
        (made / LIST).write_text(json.dumps({name: _sha256(made / name) for name in names}, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _packed(program: str, package: Package, into: Path) -> Path:
    """The package's archive; EdgestillError when npm has none, or another one."""
    named = f"{package.name}@{package.version}"
    command = [program, "pack", "--silent", named, "--pack-destination", str(into)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=into)
    except subprocess.TimeoutExpired as error:
        raise EdgestillError(f"npm did not bring {named} within {SECONDS:g} s; try again") from error
    path = into / package.archive
    if ended.returncode or not path.is_file():
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EdgestillError(f"npm brings no {named}: {said}; see `{shlex.join(command[:4])}`")
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if digest != package.sha512:
        raise EdgestillError(f"npm brought another {named} than the one we know: sha512-{digest}; take edgestill anew")
    return path


def _unpack(archive: Path, package: Package, into: Path) -> None:
    with tarfile.open(archive) as tar:
        for name in package.files:
            member = tar.extractfile(f"package/{name}")
            assert member is not None  # its digest is the one that we know
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes(member.read())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Brings what is not there yet, and says where it is."""
    try:
        with suppress(MissingTool):
            assets()
            print(f"the browser runtimes are there: {WEB_RUNTIMES}")
            return 0
        bring()
    except EdgestillError as error:
        print(f"edgestill: {error}", file=sys.stderr)
        return error.exit_code
    print(f"brought {', '.join(f'{one.name} {one.version}' for one in PACKAGES)} to {WEB_RUNTIMES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
