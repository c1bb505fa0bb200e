"""A real arm64 sshd on this machine: Debian's own programs under qemu-user, in a chroot and namespaces of their own.

Linux 6.7 and newer let a user namespace mount a binfmt_misc of its own, so that arm64 programs run by their names there
while the machine's own registrations stay as they are. Everything ends with the namespace's first process.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

QEMU = "/usr/bin/qemu-aarch64-static"
PACKAGES = (
    "python3,python3-venv,openssh-server,libstdc++6,bash,dash,coreutils,grep,sed,tar,gzip,procps,base-passwd,"
    "base-files,libc-bin,login,passwd,hostname"
)
MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
# A Python in which something happens beside the agent, which it then runs as it is.
BESIDE = """case "$1" in -*) exec python3 "$@";; esac; exec python3 -c '
import runpy, sys, time
{}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@\""""
STUBS = {  # programs that make it another machine
    "vcgencmd": """f=/root/throttled; read -r word < $f && echo "throttled=$word"
[ "$(wc -l < $f)" -lt 2 ] || sed -i 1d $f""",
    "python-of-32-bit": """[ "$1" = - ] || exec python3 "$@"
{ echo 'import platform, struct; platform.machine = lambda: "armv7l"; struct.calcsize = lambda kind: 4'
grep -v '^from __future__'; } | python3 -""",
    "python-too-old": 'python3 "$@" | sed "s/\\"python\\": \\"3.11.2\\"/\\"python\\": \\"3.7.3\\"/"',
    "python-of-words": "echo hello",
    "python-that-babbles": 'case "$1" in -*) exec python3 "$@";; esac; echo "{ this is no event"; exec cat',
    "python-of-musl": """[ "$1" = -m ] && { echo "no network" >&2; exit 1; }
[ "$1" = - ] || exec python3 "$@"
{ echo 'import platform; platform.libc_ver = lambda: ("musl", "1.2")'; grep -v '^from __future__'; } | python3 -""",
    "python-on-noexec": """[ "$1" = -c ] && [ "$PYTHONPATH" ] || exec python3 "$@"
echo "ImportError: libLiteRt.so: failed to map segment from shared object" >&2; exit 1""",
    "python-whose-clock-is-set": BESIDE.format("""
import os
asked, load, told = [], os.getloadavg, time.time
os.getloadavg = lambda: asked.append(1) or load()
time.time = lambda: told() - 3600 * (len(asked) > 1)"""),
    "python-that-crashes": BESIDE.format("""
def crash():
    while "ai_edge_litert.interpreter" not in sys.modules:
        time.sleep(0.1)
    __import__("ctypes").string_at(0)
__import__("threading").Thread(target=crash, daemon=True).start()"""),
    "python-that-computes-otherwise": BESIDE.format("""
import numpy
save = numpy.save
numpy.save = lambda path, array: save(path, array + array.dtype.type(1))"""),
}
RULE = f":qemu-aarch64:M::{MAGIC}:{MASK}:{QEMU}:F"  # F: the kernel opens it now, so a chroot needs no copy
# The namespace's first process: it waits for its user map, then sets up what Debian's init would have.
SYSTEM = """
set -e
read -r _ <&{waits}
mount -t binfmt_misc binfmt_misc {binfmt}
printf '%s' {rule} > {binfmt}/register
mount --rbind /dev {root}/dev
mount -t proc proc {root}/proc
mount --rbind /sys {root}/sys
mount --bind {cpuinfo} {root}/proc/cpuinfo
"""
SSHD = """
mount -t tmpfs -o size=512m tmpfs {root}/root
mount -t tmpfs -o size=4m tmpfs {root}/small
mkdir -p {root}/root/.ssh
cp {key} {root}/root/.ssh/authorized_keys
chmod 700 {root}/root {root}/root/.ssh
exec chroot {root} /usr/sbin/sshd -D -e -f /dev/null -h /etc/ssh/host_key -p {port} -o ListenAddress=127.0.0.1 \
  -o UsePAM=no -o PermitRootLogin=prohibit-password -o PidFile=none -o StrictModes=no -o MaxStartups=50 \
  -o SetEnv=QEMU_CPU={cpu}
"""


def lacks() -> str | None:
    """What this machine lacks for it, with the command that brings it; None when nothing does."""
    programs = {QEMU: "qemu-user-static", "mmdebstrap": "mmdebstrap", "arch-test": "arch-test"}
    programs |= {"ssh": "openssh-client", "/usr/sbin/sshd": "openssh-server", "unshare": "util-linux"}
    missing = [package for program, package in programs.items() if not shutil.which(program)]
    if missing:
        return f"apt-get install {' '.join(missing)}"
    if os.getuid():
        return "be root: an identity map of users is needed"
    if tuple(int(part) for part in os.uname().release.split(".")[:2]) < (6, 7):
        return "Linux 6.7 or newer: binfmt_misc in a user namespace"
    allowed = subprocess.run(["unshare", "--user", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return "namespaces of users and mounts (a container must allow them)" if allowed.returncode else None


def make_root(cache: Path) -> Path:
    """An arm64 Debian with Python, sshd and our stubs; made once, in about 20 seconds."""
    folder = cache / f"arm64-sshd-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]}"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "arm64.lock"):
        if not (folder / "ready").exists():
            _unpack(folder)
    for name, script in STUBS.items():
        stub = folder / "usr/local/bin" / name
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.write_text(f"#!/bin/sh\n{script}\n")
        stub.chmod(0o755)
    return folder


def _unpack(folder: Path) -> None:
    """No maintainer script runs, so nothing is emulated; what they would have done for sshd is done here."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(
        ["mmdebstrap", "--quiet", "--architectures=arm64", "--variant=extract", f"--include={PACKAGES}", "bookworm"]
        + [str(folder)],
        check=True,
        capture_output=True,
    )
    for name in ("passwd", "group"):
        shutil.copy(folder / "usr/share/base-passwd" / f"{name}.master", folder / "etc" / name)
    with (folder / "etc/passwd").open("a") as file:
        file.write("sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n")
    for name in ("run/sshd", "small"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("", "2"):
        make_key(folder / f"etc/ssh/host_key{name}")
    (folder / "ready").touch()


def make_key(path: Path) -> Path:
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Machine:
    """A running daemon: its port, the first process of its namespaces, and where its files lie here."""

    root: Path
    port: int
    first: int
    daemon: str = "sshd"

    def processes(self) -> list[str]:
        """Command lines of what runs in it, beside the daemon itself."""
        inside, found = Path(f"/proc/{self.first}/ns/pid").readlink(), []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "ns/pid").readlink() == inside:
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found += [command] if command and self.daemon not in command else []
            except OSError:
                continue
        return found

    def home(self) -> Path:
        """Its /root, seen from here."""
        return Path(f"/proc/{self.first}/root/root")

    def kill(self, words: str) -> None:
        """Kills what runs there under such a command line."""
        inside = Path(f"/proc/{self.first}/ns/pid").readlink()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if (folder / "ns/pid").readlink() == inside and words in command and " -c " not in command:
                    os.kill(int(folder.name), signal.SIGKILL)
            except OSError:
                continue

    def cut_connections(self) -> None:
        """Kills the daemons of open connections, not the one that listens."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                inside = (folder / "ns/pid").readlink() == Path(f"/proc/{self.first}/ns/pid").readlink()
                if inside and "sshd" in command and int(folder.name) != self.first:
                    os.kill(int(folder.name), signal.SIGKILL)
            except OSError:
                continue


@contextmanager
def machine(root: Path, cpu: str, cpuinfo: Path, public_key: Path, scratch: Path) -> Iterator[Machine]:
    """A running sshd whose processor is `cpu`; when the block ends nothing of it is left."""
    port = free_port()
    script = SSHD.format(root=root, key=public_key, port=port, cpu=cpu)
    with system(root, cpu, cpuinfo, scratch, script) as first:
        wait_for(port, first)
        yield Machine(root, port, first)


@contextmanager
def system(root: Path, cpu: str, cpuinfo: Path, scratch: Path, daemon: str) -> Iterator[int]:
    """The first process of namespaces in which arm64 programs run; the script `daemon` must end in an exec."""
    waits, go = os.pipe()
    binfmt = scratch / f"binfmt-{waits}-{time.monotonic_ns()}"
    binfmt.mkdir()
    script = SYSTEM.format(root=root, binfmt=binfmt, cpuinfo=cpuinfo, waits=waits, rule=f"'{RULE}'") + daemon
    log = binfmt.with_suffix(".log").open("wb")
    outer = subprocess.Popen(
        ["unshare", "--user", "--mount", "--pid", "--fork", "bash", "-c", script],
        pass_fds=(waits,),
        env={"PATH": os.environ["PATH"], "QEMU_CPU": cpu},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    try:
        _map_users(outer.pid)
        os.write(go, b"go\n")
        yield _first_child(outer.pid)
    finally:
        for pid in _children(outer.pid):  # a namespace's first process hears no SIGTERM
            os.kill(pid, signal.SIGKILL)
        outer.wait(20)
        os.close(waits)
        os.close(go)
        log.close()
        binfmt.rmdir()


def _first_child(pid: int) -> int:
    until = time.monotonic() + 10
    while not (found := _children(pid)):
        assert time.monotonic() < until, "no namespace was made"
        time.sleep(0.01)
    return found[0]


def _children(pid: int) -> Sequence[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _map_users(pid: int) -> None:
    """Once it is in its own namespace: users are the same inside and outside."""
    own, until = Path("/proc/self/ns/user").readlink(), time.monotonic() + 10
    while Path(f"/proc/{pid}/ns/user").readlink() == own and time.monotonic() < until:
        time.sleep(0.01)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text("0 0 65536\n")


def wait_for(port: int, first: int) -> None:
    """Until the daemon listens, or has ended."""
    until = time.monotonic() + 30
    while time.monotonic() < until and Path(f"/proc/{first}").exists():
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the daemon did not start")
