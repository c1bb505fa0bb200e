"""The system's ssh as a transport: one shared connection, with the user's own configuration, keys and known hosts."""

import contextlib
import io
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from ...pipeline.errors import DeviceFailed, MissingTool
from ...pipeline.scratch import scratch_folder
from ..devices.transport import FORBIDDEN, FULL, SLOW, TRANSFER_SECONDS, Completed, say_sending
from ..setup.parts import apt_get
from .words import cause

OPTIONS = ("BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10", "ServerAliveInterval=5")
CONNECT_SECONDS = 45.0
SHORT = Path("/tmp")  # a socket's path may be 104 bytes long
# It stands until our end of its input closes, whatever ends us, and all others go through it.
MASTER = "echo ready; exec cat >/dev/null"


@dataclass(frozen=True)
class Address:
    """How ssh reaches a device: `host` as ssh takes it (`pi@raspberrypi.local`, or a name of your ssh configuration).

    `key` and `config` are files; None leaves them to ssh.
    """

    host: str
    port: int | None = None
    key: Path | None = None
    config: Path | None = None

    def options(self) -> tuple[str, ...]:
        port = ("-p", str(self.port)) if self.port else ()
        key = ("-i", str(self.key)) if self.key else ()
        return (*(("-F", str(self.config)) if self.config else ()), *port, *key)

    def typed(self) -> str:
        """The command that a user would type."""
        return shlex.join(("ssh", *self.options(), self.host))


class Ssh:
    """A connection to a device, in a `with` block. `folder` is ours there; a leading ~ is the user's home."""

    def __init__(self, name: str, address: Address, folder: str, transfer_seconds: float = TRANSFER_SECONDS) -> None:
        self.name, self.address, self.folder = name, address, tilde(folder)
        self._transfer_seconds = transfer_seconds
        self._kept = contextlib.ExitStack()
        self._sockets = self._kept.enter_context(scratch_folder(SHORT))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the connection)
        self._master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Ssh":
        try:
            self._connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection, and with it whatever still runs through it."""
        if self._master:
            assert self._master.stdin and self._master.stdout
            self._master.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._master.wait(2)
            self._master.kill()
            self._master.wait()
            self._master.stdout.close()
        self._errors.close()
        self._kept.close()

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        return (*self._ssh("no"), shlex.join(argv))

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float, stage: str) -> Completed:
        try:
            ended = subprocess.run(
                self.command(argv),
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            if stdin:
                what = f"{len(stdin) / 1e6:.3g} MB did not get there within {timeout:g} s"
                raise self.failed(stage, "slow-line", what, SLOW) from error
            raise self.failed(stage, "timeout", f"no answer within {timeout:g} s", "see what keeps it busy") from error
        said = ended.stderr.decode(errors="replace")
        if ended.returncode == 255 and self.is_lost(said):
            raise self.lost(stage, said)
        return Completed(ended.returncode, ended.stdout, said)

    def push(self, files: Mapping[str, Path], *, stage: str = "push") -> None:
        tests = "; ".join(f"[ -e {shlex.quote(name)} ] && echo {shlex.quote(name)}" for name in files)
        script = f"mkdir -p {self.folder} && cd {self.folder} && {{ {tests}; true; }}"
        there = self._done(self.shell(script, stage=stage), stage).out.decode().split()
        for name, path in files.items():
            if name not in there:
                self._put(name, path, stage)

    def send(self, files: Mapping[str, Path], folder: str) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name, path in files.items():
                _add(tar, name, path)
        script = f"tar xf - -C {shlex.quote(folder)}"
        self._done(self.shell(script, stdin=packed.getvalue(), stage="push"), "push")

    def pull(self, names: Sequence[str], folder: str, into: Path) -> None:
        script = f"tar cf - -C {shlex.quote(folder)} {shlex.join(names)}"
        ended = self._done(self.shell(script, stage="pull"), "pull")
        with tarfile.open(fileobj=io.BytesIO(ended.out)) as tar:
            for name in names:
                member = tar.extractfile(name)
                assert member is not None
                (into / name).write_bytes(member.read())

    def shell(self, script: str, *, stdin: bytes = b"", stage: str, timeout: float | None = None) -> Completed:
        """Runs a shell's script there, whatever the user's own shell is."""
        limit = self._transfer_seconds if timeout is None else timeout
        return self.run(("sh", "-c", script), stdin=stdin, timeout=limit, stage=stage)

    def failed(self, stage: str, code: str, what: str, remedy: str) -> DeviceFailed:
        return DeviceFailed(self.name, stage, code, what, remedy)

    def lost(self, stage: str, said: str) -> DeviceFailed:
        """Why ssh failed, by its own words and those of the shared connection."""
        found = cause(f"{self._said()}\n{said}", self.address.typed(), self.address.host, self.address.port)
        return self.failed(stage, found.code, found.what, found.remedy)

    def is_lost(self, said: str) -> bool:
        """Whether a code of 255 is ssh's own, and no program's there."""
        return self._master is None or self._master.poll() is not None or "mux_client" in said or "closed" in said

    def _put(self, name: str, path: Path, stage: str) -> None:
        """A file, or what an archive holds under the name without its ending; it appears whole, or not at all."""
        say_sending(self.name, path.stat().st_size, self.folder)
        new, final = f"{shlex.quote(name)}.new-$$", shlex.quote(name)
        take = f"mkdir {new} && tar xzf - -C {new}" if path.name.endswith(".tar.gz") else f"cat > {new}"
        script = (
            f"cd {self.folder} && trap 'rm -rf '{new} EXIT && {take} && {{ mv -T {new} {final} || [ -e {final} ]; }}"
        )
        self._done(self.shell(script, stdin=path.read_bytes(), stage=stage), stage)

    def _done(self, ended: Completed, stage: str) -> Completed:
        if not ended.code:
            return ended
        words = ended.err.strip().splitlines() or [f"code {ended.code}"]
        if "No space left" in ended.err or "quota" in ended.err:
            raise self.failed(stage, "disk-full", f"its disk is full ({words[0]})", FULL)
        if any(text in ended.err for text in ("Permission denied", "Read-only", "cannot create", "cannot open")):
            raise self.failed(stage, "not-writable", f"its folder cannot be written ({words[0]})", FORBIDDEN)
        raise self.failed(
            stage, "remote-failed", f"a program there failed ({words[-1]})", f"see `{self.address.typed()}`"
        )

    def _connect(self) -> None:
        if not shutil.which("ssh"):
            raise MissingTool(f"{self.name}: ssh is missing; install it with: {apt_get('openssh-client')}")
        command = (*self._ssh("yes"), f"sh -c {shlex.quote(MASTER)}")
        self._master = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True
        )
        timer = threading.Timer(CONNECT_SECONDS, self._master.kill)
        timer.start()
        try:
            assert self._master.stdout
            greeting = _greeting(self._master.stdout)
        finally:
            timer.cancel()
        if not greeting:
            self._master.wait()
            raise self.lost("connect", "")

    def _ssh(self, master: str) -> tuple[str, ...]:
        shared = (f"ControlMaster={master}", "ControlPersist=no", f"ControlPath={self._sockets}/%C")
        options = [word for option in (*OPTIONS, *shared) for word in ("-o", option)]
        return ("ssh", *options, *self.address.options(), "-T", "--", self.address.host)

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")


def tilde(folder: str) -> str:
    """A folder as a shell there takes it: quoted, but for a ~/ that stands for the user's home."""
    home = folder.startswith("~/")
    return ("~/" if home else "") + shlex.quote(folder.removeprefix("~/") if home else folder)


def _greeting(stream: IO[bytes]) -> bool:
    """Whether the device's shell spoke; what its start-up files say before is passed over."""
    return any(line.strip() == b"ready" for line in iter(stream.readline, b""))


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = path.stat().st_size, 0o600
    with path.open("rb") as file:
        tar.addfile(member, file)
