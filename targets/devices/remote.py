"""The agent on a device: a conversation through a transport, in a folder there that is gone when it ends."""

import hashlib
import json
import re
import shlex
import signal
import threading
import zipfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from ...pipeline.disk import is_full
from ...pipeline.errors import DeviceFailed, EdgestillError
from ...pipeline.scratch import scratch_folder
from ..conversation import STEPS, Conversation
from ..places import cache_folder
from .provision import Provision
from .transport import FORBIDDEN, FULL, Transport

START_SECONDS = 60.0
AGENT_FILES = ("measure.py", "telemetry.py", "timing.py")  # the first is what runs
ENDED = re.compile(rb'\{"event": "ended", "code": (\d+)\}\s*$')
MEASURE_AGAIN = "measure again; if it stays so, see what else runs there"
# A shell waits for the agent, which ends when its input does, and takes the folder away, whoever is still connected.
# Folders of shells that are gone (power was cut) are swept by the next one.
SCRIPT = """cd {folder} || exit 91
for old in run-*; do [ -d "$old" ] && ! kill -0 "${{old#run-}}" 2>/dev/null && rm -rf "$old"; done
mkdir run-$$ || exit 92
trap 'cd /; rm -rf "$at"' EXIT; trap 'exit 143' HUP INT TERM PIPE
at="$PWD/run-$$"
printf '{{"event": "folder", "path": "%s"}}\\n' "$at"
{variables}{python} "$PWD/{agent}"; code=$?
printf '{{"event": "ended", "code": %s}}\\n' $code
"""


class RemoteConversation(Conversation):
    """Asks the agent on a device about a file; what goes wrong there is a DeviceFailed."""

    def __init__(self, file: Path, line: Transport, provided: Provision, agent: str) -> None:
        self._line, self._begun = line, False
        self._code: int | None = None
        path = f'PYTHONPATH="$PWD/{provided.path}" ' if provided.path else ""
        script = SCRIPT.format(folder=line.folder, variables=path, python=provided.python, agent=agent)
        super().__init__(file, line.command(("sh", "-c", script)))

    def folder(self) -> str:
        """Where the agent works."""
        timer = threading.Timer(START_SECONDS, self._kill)
        timer.start()
        try:
            event = self._exchange(b"")
        finally:
            timer.cancel()
        if event is None or event["event"] != "folder":
            raise self._died("load", None)
        return str(event["path"])

    def _event(self, line: bytes) -> dict[str, Any] | None:
        """An event; the shell's last word, maybe behind half a line of the agent's, says how the agent ended."""
        if ended := ENDED.search(line):
            self._code = int(ended[1])
            return {"event": "ended"}
        event = super()._event(line)
        if not self._begun and (event is None or event["event"] != "folder"):
            return {"event": "progress"}  # what the user's own start-up files print
        self._begun = True
        return event

    def _refused(self, step: str, event: Mapping[str, Any]) -> EdgestillError:
        message = str(event["message"])
        if is_full(message):
            return self._line.failed(step, "disk-full", "its disk is full", FULL)
        if event["code"] == "damaged-copy":
            return self._line.failed("push", "damaged-copy", f"{self._file.name}: {message}", MEASURE_AGAIN)
        return super()._refused(step, event)

    def _nonsense(self, line: str) -> EdgestillError:
        remedy = "see what prints there when a program starts (`python3` must be Python itself)"
        return self._line.failed("measure", "bad-answer", f"it answered what is no event: {line[:200]!r}", remedy)

    def _died(self, step: str, limit_seconds: float | None) -> DeviceFailed:
        code = self._child.wait()
        what = f"{self._file.name}: {STEPS[step]}"
        said = self._last_words()
        if limit_seconds is not None or self._code == 128 + signal.SIGALRM:
            late = f"no answer within {limit_seconds:g} s" if limit_seconds else "the agent reached its limit"
            return self._line.failed(step, "timeout", f"{what}: {late}", "allow fewer runs, or see what keeps it busy")
        if self._code is None and code in (91, 92):
            return self._no_folder(said)
        if self._code is None:
            return self._line.lost(step, said)
        return self._ended(step, what, said)

    def _no_folder(self, said: str) -> DeviceFailed:
        if is_full(said):
            return self._line.failed("push", "disk-full", f"its disk is full ({said})", FULL)
        return self._line.failed("push", "not-writable", f"its folder cannot be written ({said})", FORBIDDEN)

    def _ended(self, step: str, what: str, said: str) -> DeviceFailed:
        """The agent ended, and the connection stands."""
        code = self._code or 0
        number = code - 128
        if number in (signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT):
            name, remedy = signal.Signals(number).name, "try another version of it there (see docs/raspberry-pi.md)"
            return self._line.failed(step, "runtime-died", f"{what}: the runtime died of {name}", remedy)
        if number in (signal.SIGKILL, signal.SIGTERM):
            name = signal.Signals(number).name
            remedy = "see whether its memory ran out (`dmesg | tail`), then measure again"
            return self._line.failed(step, "agent-killed", f"{what}: the agent was ended by {name}", remedy)
        return self._line.failed(
            step, "agent-ended", f"{what}: the agent ended with code {code}: {said}", MEASURE_AGAIN
        )


class Copied:
    """Arrays and files of the agent's folder, copied through the transport."""

    def __init__(self, line: Transport, here: Path, there: str) -> None:
        self._line, self.here, self.there = line, here, there

    def give(self, names: Sequence[str]) -> None:
        if names:
            self._line.send({name: self.here / name for name in names}, self.there)

    def take(self, names: Sequence[str]) -> None:
        self._line.pull(names, self.there, self.here)


def agent_source() -> Path:
    """The agent as one file, an archive that Python runs as it is; its name carries the digest of what is in it."""
    folder = resources.files("edgestill.targets") / "agents"
    sources = {"__main__.py" if name == AGENT_FILES[0] else name: (folder / name).read_bytes() for name in AGENT_FILES}
    kept = cache_folder("agent") / f"measure-{hashlib.sha256(b''.join(sources.values())).hexdigest()[:16]}.pyz"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(kept.parent) as scratch:
            with zipfile.ZipFile(scratch / kept.name, "w") as archive:
                for name, source in sources.items():
                    archive.writestr(zipfile.ZipInfo(name), source)
            (scratch / kept.name).rename(kept)
    return kept


def machine_source() -> bytes:
    """A program that prints the facts of the machine it runs on as JSON."""
    source = (resources.files("edgestill.targets") / "machine.py").read_text()
    return f"{source}\nimport json\nprint('\\n' + json.dumps(facts()))\n".encode()


def read_facts(said: bytes) -> Mapping[str, Any] | None:
    """The facts that `machine_source` printed; None when there are none."""
    try:
        facts = json.loads(said.decode().strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return facts if isinstance(facts, dict) and {"arch", "bits", "python", "runtimes"} <= facts.keys() else None


def quoted(program: str) -> str:
    """A program's path as a shell there takes it."""
    home = program.startswith("~/")
    return ("~/" if home else "") + shlex.quote(program.removeprefix("~/") if home else program)
