"""A phone for tests: an arm64 system with Android's folders and properties, behind a daemon that speaks adb.

Programs there are Debian's arm64 ones under qemu-user, the daemon is `adb_daemon.py`; adb itself is the real one, with
a server, a port and a home of its own.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgestill.targets.emulation.sysroot import PI_MODELS
from edgestill.tests import arm64_sshd
from edgestill.tests.arm64_sshd import Machine, free_port

CPU = PI_MODELS[2]  # a Cortex-A76, as in phones
PROPERTIES = {
    "ro.product.manufacturer": "Edgestill",
    "ro.product.model": "Stand-in",
    "ro.soc.model": "QEMU",
    "ro.build.version.release": "14",
    "ro.build.version.sdk": "34",
    "ro.product.cpu.abi": "arm64-v8a",
}
GETPROP = "#!/bin/sh\ncase \"$1\" in\n{cases}\n'') printf '%s' '{all}';;\nesac\n"
TASKSET = """#!/usr/bin/python3
import os, sys
os.sched_setaffinity(0, {core for core in range(64) if int(sys.argv[1], 16) >> core & 1})
os.execvp(sys.argv[2], sys.argv[2:])
"""
PHONE = """
mount -t tmpfs -o size=512m tmpfs {root}/data
mount -t tmpfs -o size=1m tmpfs {root}/system
mount -t tmpfs -o size=4m tmpfs {root}/small
mount -t tmpfs -o size=4m,noexec tmpfs {root}/noexec
mkdir -p {root}/data/local/tmp {root}/system/bin
cp {files}/* {root}/system/bin/
exec chroot {root} /usr/bin/python3 -u /system/bin/adb_daemon.py {ports}
"""


@dataclass(frozen=True)
class Phone:
    """A running phone that listens on two ports, as if it were two."""

    machine: Machine
    ports: tuple[int, int]

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def second(self) -> str:
        return f"127.0.0.1:{self.ports[1]}"

    def folder(self) -> Path:
        """Its /data/local/tmp, seen from here."""
        return Path(f"/proc/{self.machine.first}/root/data/local/tmp")

    def pull_the_cable(self) -> None:
        os.kill(self.machine.first, signal.SIGUSR1)


@contextmanager
def phone(cache: Path, scratch: Path) -> Iterator[Phone]:
    """A running phone; when the block ends nothing of it is left."""
    root, ports = arm64_sshd.make_root(cache), (free_port(), free_port())
    for name in ("data", "system", "small", "noexec"):
        (root / name).mkdir(exist_ok=True)
    cpuinfo = scratch / "cpuinfo"
    cpuinfo.write_text(CPU.cpuinfo().partition("Revision")[0] + "Hardware\t: QEMU stand-in\n")
    script = PHONE.format(root=root, files=_programs(scratch), ports=" ".join(map(str, ports)))
    with arm64_sshd.system(root, CPU.core, cpuinfo, scratch, script) as first:
        arm64_sshd.wait_for(ports[0], first)
        yield Phone(Machine(root, ports[0], first, "adb_daemon"), ports)


def _programs(scratch: Path) -> Path:
    """What Android has in /system/bin and Debian lacks, and the daemon."""
    folder = scratch / "system-bin"
    folder.mkdir()
    cases = "\n".join(f"{key}) echo '{value}';;" for key, value in PROPERTIES.items())
    listed = "".join(f"[{key}]: [{value}]\n" for key, value in PROPERTIES.items())
    for name, text in {"getprop": GETPROP.format(cases=cases, all=listed), "taskset": TASKSET}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    shutil.copy(Path(__file__).with_name("adb_daemon.py"), folder)
    return folder


@contextmanager
def adb_server(program: str, home: Path) -> Iterator[Mapping[str, str]]:
    """What the environment must hold for an adb server of our own, which is gone with the block."""
    home.mkdir()
    variables = {"ANDROID_ADB_SERVER_PORT": str(free_port()), "HOME": str(home), "ADB_MDNS": "0"}
    try:
        yield variables
    finally:
        subprocess.run([program, "kill-server"], env={**os.environ, **variables}, capture_output=True, check=False)
