"""An arm64 Debian in the cache, made once: Python and the C library, unpacked; nothing is run, nothing configured."""

import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from ...pipeline.disk import written_to
from ...pipeline.errors import EdgestillError, MissingTool
from ...pipeline.progress import say
from ...pipeline.scratch import scratch_folder
from ..places import cache_folder
from ..setup.parts import PROGRAMS, apt_get
from . import tools

SUITE, PACKAGES, PYTHON, GLIBC = "bookworm", "python3,libstdc++6,libc-bin", "3.11", "2.36"
MAKER = "mmdebstrap"
BRINGS_MAKER = next(apt_get(program.packages) for program in PROGRAMS if program.command == MAKER)
CURE = "set $XDG_CACHE_HOME to a folder on another disk"
BOARDS_RAM = "Serial\t\t: 0000000000000000"


@dataclass(frozen=True)
class PiModel:
    """A Raspberry Pi as programs there see it. `core` is QEMU's name; `part`, `features`, `revision` are the kernel's.

    The part must be that of the core: kernels are chosen by it, and those of a newer part die on an older core.
    """

    name: str
    core: str
    part: int
    features: str
    revision: str
    title: str

    def cpuinfo(self) -> str:
        """Its /proc/cpuinfo, without which the runtimes would read that of this machine."""
        facts = {
            "BogoMIPS": "108.00",
            "Features": self.features,
            "CPU implementer": "0x41",
            "CPU architecture": "8",
            "CPU variant": "0x0",
            "CPU part": f"{self.part:#x}",
            "CPU revision": "3",
        }
        lines = [f"{key}\t: {value}" for key, value in facts.items()]
        cores = "".join("\n".join((f"processor\t: {index}", *lines, "", "")) for index in range(4))
        return f"{cores}Revision\t: {self.revision}\n{BOARDS_RAM}\nModel\t\t: {self.title}\n"


PLAIN = "fp asimd evtstrm crc32 cpuid"
NEWER = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
PI_MODELS = (
    PiModel("pi3", "cortex-a53", 0xD03, PLAIN, "a020d3", "Raspberry Pi 3 Model B Plus Rev 1.3"),
    PiModel("pi4", "cortex-a72", 0xD08, PLAIN, "c03115", "Raspberry Pi 4 Model B Rev 1.5"),
    PiModel("pi5", "cortex-a76", 0xD0B, NEWER, "c04170", "Raspberry Pi 5 Model B Rev 1.0"),
)


def sysroot_folder() -> Path:
    return cache_folder("pi") / f"debian-{SUITE}"


def sysroot() -> Path:
    """The unpacked system, made if it is not there: some 20 seconds, 35 MB to fetch, 90 MB kept; MissingTool."""
    folder = sysroot_folder()
    if folder.is_dir():
        return folder
    if not shutil.which(MAKER):
        raise MissingTool(f"{MAKER} is missing; install it with: {BRINGS_MAKER}")
    say(f"making an arm64 {SUITE} in {folder}, once: some 20 seconds, 90 MB")
    with written_to(folder.parent, CURE):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder.parent) as scratch:
            _unpack(scratch / "root")
            if not folder.is_dir():
                (scratch / "root").rename(folder)
    return folder


def seen_by(model: PiModel) -> Path:
    """The system as programs of this board see it: the same files, with the board's own /proc/cpuinfo."""
    system = sysroot()
    view = system.with_name(f"{system.name}-{model.name}")
    cpuinfo = view / "proc" / "cpuinfo"
    if not cpuinfo.exists() or cpuinfo.read_text() != model.cpuinfo():
        cpuinfo.parent.mkdir(parents=True, exist_ok=True)
        for entry in system.iterdir():
            if entry.name != "proc" and not (view / entry.name).is_symlink():
                (view / entry.name).symlink_to(entry)
        cpuinfo.write_text(model.cpuinfo())
    return view


def _unpack(folder: Path) -> None:
    """By way of an archive, so that every file is ours; root is not needed where users may have namespaces."""
    packed = folder.with_name("packed.tar")
    command = [MAKER, "--quiet", "--architectures=arm64", "--variant=extract", f"--include={PACKAGES}", SUITE]
    ended = subprocess.run([*command, str(packed)], capture_output=True, text=True, check=False, cwd="/")
    if ended.returncode:
        lines = "\n".join(f"  {line}" for line in ended.stderr.strip().splitlines()[-tools.LINES :])
        raise EdgestillError(
            f"{MAKER} ended with code {ended.returncode}:\n{lines}\nit needs a network, and {BRINGS_MAKER}"
        )
    with tarfile.open(packed) as tar:
        tar.extractall(
            folder, [one for one in tar if one.isfile() or one.isdir() or one.issym() or one.islnk()], filter=_ours
        )
    packed.unlink()


def _ours(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """As the archive has it, inside the folder, readable and writable by us."""
    kept = tarfile.tar_filter(member, folder)
    return kept.replace(mode=(member.mode or 0) | (0o700 if member.isdir() else 0o600), deep=False)
