"""adb as a transport: programs run in the phone's own shell, files go there and come back."""

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...pipeline.errors import DeviceFailed
from ..devices.transport import FORBIDDEN, FULL, TRANSFER_SECONDS, Completed, say_sending
from ..linux.words import Cause
from . import client
from .client import Attached
from .words import cause_of_absence, cause_of_choice, cause_of_state

ENDED = re.compile(rb"\n#ended (\d+)\r?\n?\Z")
SAYS_ITS_END = "; printf '\\n#ended %s' $?"  # adb's own exit code is 0 also when the cable was pulled
GREETING_SECONDS = 20.0
CONNECT_SECONDS = 20.0
GONE = Cause(
    "connection-lost", "the connection broke", "see its cable or its network and `adb devices`, then measure again"
)


class Adb:
    """A connection to a phone, in a `with` block. `serial` None is the only one there is; `folder` is ours there."""

    def __init__(self, name: str, serial: str | None, folder: str) -> None:
        self.name, self.folder = name, shlex.quote(folder)
        self._asked, self._folder = serial, folder
        self.serial = serial or ""
        self.program = ""

    def __enter__(self) -> "Adb":
        self.program = client.required_adb(self.name)
        self.serial = self._asked or self._only_one()
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing: adb's server keeps its phones, and each command ended with its own process."""

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        return (self.program, "-s", self.serial, "shell", shlex.join(argv))

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float, stage: str) -> Completed:
        *front, script = self.command(argv)
        try:
            ended = subprocess.run(
                [*front, script + SAYS_ITS_END],
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise self.failed(stage, "timeout", f"no answer within {timeout:g} s", "see what keeps it busy") from error
        said = ended.stderr.decode(errors="replace")
        code = ENDED.search(ended.stdout)
        if code is None:
            raise self.lost(stage, said)
        return Completed(int(code[1]), ended.stdout[: code.start()], said)

    def shell(self, script: str, *, stdin: bytes = b"", stage: str, timeout: float | None = None) -> Completed:
        return self.run(("sh", "-c", script), stdin=stdin, timeout=timeout or TRANSFER_SECONDS, stage=stage)

    def push(self, files: Mapping[str, Path], *, stage: str = "push") -> None:
        """A folder goes with all that is in it; whatever comes appears whole, or not at all."""
        tests = "; ".join(f"[ -e {shlex.quote(name)} ] && echo {shlex.quote(name)}" for name in files)
        script = f"mkdir -p {self.folder} && cd {self.folder} && {{ {tests}; true; }}"
        there = self._done(self.shell(script, stage=stage), stage).out.decode().split()
        for name, path in files.items():
            if name not in there:
                self._put(name, path, stage)

    def send(self, files: Mapping[str, Path], folder: str) -> None:
        for name, path in files.items():
            self._transfer("push", "push", str(path), f"{folder}/{name}")

    def pull(self, names: Sequence[str], folder: str, into: Path) -> None:
        for name in names:
            self._transfer("pull", "pull", f"{folder}/{name}", str(into / name))

    def failed(self, stage: str, code: str, what: str, remedy: str) -> DeviceFailed:
        return DeviceFailed(self.name, stage, code, what, remedy)

    def lost(self, stage: str, said: str) -> DeviceFailed:
        """Why a command came to no end, by adb's list and its own words."""
        state = self._state()
        last = (said.strip().splitlines() or [""])[-1].removeprefix("error: ").removeprefix("adb: ")
        words = last or (f"adb says that it is {state}" if state not in (None, "device") else "")
        return self._told(stage, cause_of_state(state) if state == "unauthorized" else GONE, words)

    def _connect(self) -> None:
        said = ""
        if client.is_network(self.serial):
            said = self._by_network()
        if (state := self._state()) is None:
            pairs = client.knows_pairing(self.program)
            raise self._told("connect", cause_of_absence(self.serial, said, self._phones(), pairs))
        if state != "device":
            raise self._told("connect", cause_of_state(state))
        if self.run(("true",), timeout=GREETING_SECONDS, stage="connect").code:
            raise self.failed("connect", "no-shell", "it lets adb start no program", "see `adb shell`")

    def _by_network(self) -> str:
        """adb's words on connecting; an old connection that sleeps is made anew."""
        if self._state() == "offline":
            client.call(self.program, ("disconnect", self.serial))
        said = client.call(self.program, ("connect", self.serial), CONNECT_SECONDS)
        return (said.stdout or said.stderr).strip().split("\n")[-1]

    def _only_one(self) -> str:
        phones = self._phones()
        ready = [one for one in phones if one.state == "device"]
        if len(ready) == 1:
            return ready[0].serial
        if len(phones) == 1:
            return phones[0].serial
        raise self._told("connect", cause_of_choice(phones))

    def _phones(self) -> list[Attached]:
        return client.attached(self.program)

    def _state(self) -> str | None:
        return next((one.state for one in self._phones() if one.serial == self.serial), None)

    def _told(self, stage: str, cause: Cause, words: str = "") -> DeviceFailed:
        return self.failed(stage, cause.code, f"{cause.what}{f' ({words})' if words else ''}", cause.remedy)

    def _put(self, name: str, path: Path, stage: str) -> None:
        size = sum(one.stat().st_size for one in path.rglob("*")) if path.is_dir() else path.stat().st_size
        say_sending(self.name, size, self._folder)
        new, final = f"{name}.new-{os.getpid()}", shlex.quote(name)
        try:
            self._transfer(stage, "push", str(path), f"{self._folder}/{new}")
            script = f"cd {self.folder} && {{ [ -e {final} ] || mv {shlex.quote(new)} {final}; }}"
            self._done(self.shell(script, stage=stage), stage)
        finally:
            self.shell(f"rm -rf {self.folder}/{shlex.quote(new)}", stage=stage)

    def _transfer(self, stage: str, verb: str, source: str, to: str) -> None:
        ended = client.call(self.program, ("-s", self.serial, verb, source, to), TRANSFER_SECONDS)
        if ended.returncode:
            words = [line for line in (ended.stdout + ended.stderr).splitlines() if "error" in line]
            self._done(Completed(ended.returncode, b"", (words or [ended.stderr])[0]), stage)

    def _done(self, ended: Completed, stage: str) -> Completed:
        """The same, when it ended well; an error that says why where it did not."""
        if not ended.code:
            return ended
        if self._state() != "device":
            raise self.lost(stage, ended.err)
        words = (ended.err.strip().splitlines() or [f"code {ended.code}"])[-1]
        if "No space left" in words or "quota" in words:
            raise self.failed(stage, "disk-full", f"its disk is full ({words})", FULL)
        if any(
            text in words for text in ("Permission denied", "Read-only", "cannot create", "No such file", "not perm")
        ):
            raise self.failed(stage, "not-writable", f"its folder cannot be written ({words})", FORBIDDEN)
        raise self.failed(stage, "remote-failed", f"a program there failed ({words})", "see `adb shell`")
