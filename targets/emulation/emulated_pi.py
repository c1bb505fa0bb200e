"""An emulated Raspberry Pi: files run in its own runtimes on an emulated core, and every instruction is counted."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from ...pipeline.artifact import Artifact
from ...pipeline.errors import BadInput, MissingTool, RuntimeDied
from ...pipeline.scratch import scratch_folder
from ..conversation import Conversation
from ..counts import Instructions
from ..devices.agreement import agreement
from ..devices.provision import DISTRIBUTIONS
from ..devices.remote import AGENT_FILES
from ..devices.wheels import Platform, wheels
from ..host import RUNTIMES
from ..opened import Opened, Shared
from ..places import cache_folder
from ..setup.installation import version_of
from ..setup.parts import apt_get
from ..target import HERE, Arrays, Device, Evidence, Plan, Samples
from . import tools
from .sysroot import GLIBC, MAKER, PI_MODELS, PYTHON, PiModel, seen_by, sysroot_folder

QEMU = "qemu-aarch64"  # Debian's other build, qemu-aarch64-static, takes no plugins
BRINGS_QEMU, BRINGS_COMPILER = apt_get("qemu-user"), apt_get("gcc libc6-dev")
EMPTY, BEGIN, END = 1, 2, 3  # as `agents/count.py` sets them
CALLS, LIMIT_SECONDS = 3, 900.0
MODELS: Mapping[str, PiModel] = {model.name: model for model in PI_MODELS}


@dataclass(frozen=True)
class EmulatedPi:
    """A board such as "pi4". Nothing it gives is a time: an emulated second says nothing of a real one."""

    board: str
    limit_seconds: float = LIMIT_SECONDS

    @property
    def name(self) -> str:
        return f"emu:{self.board}"

    @property
    def evidence(self) -> Evidence:
        return Evidence.EMULATED

    @property
    def model(self) -> PiModel:
        return MODELS[self.board]

    @property
    def place(self) -> str:
        return HERE

    def probe(self) -> Device:
        """What is told without starting a program."""
        programs = {name: tools.has_program(name) for name in (QEMU, MAKER)}
        programs["compiler"] = tools.host_compiler() is not None
        made = sysroot_folder().is_dir()
        facts = {"core": self.model.core, "features": self.model.features.split(), "system": made, **programs}
        if not all((programs[QEMU], programs["compiler"], made or programs[MAKER])):
            return Device(f"{self.model.title}: tools are missing, see `edgestill doctor {self.name}`", facts)
        return Device(f"{self.model.title}, {self.model.core}", facts)

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator["EmulatedPiLoaded"]:
        """The file, open in an emulated process that ends with the block. What is made for that stays in the cache.

        BadInput for a kind that no runtime runs, and for more than one thread; MissingTool; BadModel; RuntimeDied.
        """
        if file.kind not in RUNTIMES:
            raise BadInput(f"{file.path.name}: {self.name} runs .onnx, .ort and .tflite files, not {file.kind}")
        if threads != 1:
            raise BadInput(f"{file.path.name}: {self.name} counts one thread; leave --threads at 1")
        runtime = RUNTIMES[file.kind]
        emulator = prepared(self.model, runtime)
        emulator.warm(file.path.resolve(), runtime, self.limit_seconds)
        with scratch_folder() as folder:
            shutil.copy(file.path, folder / f"model{file.path.suffix}")
            with emulator.conversation(file.path, folder) as child:
                asked: dict[str, Any] = {"file": str(folder / f"model{file.path.suffix}"), "runtime": runtime}
                ready = child.ask("load", self.limit_seconds, threads=1, **asked)
                ready["runtime"].update(emulator.facts)
                opened = Opened(child, Shared(folder), self.limit_seconds, ready)
                yield EmulatedPiLoaded(opened, child, file, folder, self.limit_seconds)


class EmulatedPiLoaded:
    """A file open in an emulated process."""

    def __init__(self, opened: Opened, child: Conversation, file: Artifact, folder: Path, limit: float) -> None:
        self._child, self._file, self._folder, self._limit = child, file, folder, limit
        self._opened, self.inputs, self.runtime = opened, opened.inputs, opened.runtime

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        return self._opened.infer(inputs)

    def measure(self, plan: Plan) -> Samples:
        """Seeded inputs, three calls after two that warm up: their median is the count, whatever the plan."""
        answer = self._child.ask("count", self._limit, calls=CALLS)
        calls = read_marks(self._folder / "marks")
        agreed = agreement(self._file, self._opened.infer())
        runtime = {**self.runtime, "instructions_of_calls": calls}
        counted = Instructions(sorted(calls)[len(calls) // 2], (), None)
        return Samples(runtime, None, (), None, answer["output_sha256"], instructions=counted, agreement=agreed)


@dataclass(frozen=True)
class Emulator:
    """What runs an arm64 agent here: its system, its packages, the plugin; `facts` tells one from another."""

    command: tuple[str, ...]
    site: Path
    facts: Mapping[str, Any] = field(default_factory=dict)

    def conversation(self, file: Path, folder: Path) -> Conversation:
        """A new process with an empty environment: what is in it would change the count."""
        plugin = self.command.index("-plugin") + 1
        command = [*self.command]
        command[plugin] += f",out={folder / 'marks'}"
        return Conversation(file, tuple(command), {})

    def warm(self, file: Path, runtime: str, limit_seconds: float) -> None:
        """One throw-away count, the first time: Python then finds everything compiled, as all later counts do."""
        marker = self.site / f".warm-{runtime}-{agent_digest()}"
        if marker.exists():
            return
        with scratch_folder() as folder, self.conversation(file, folder) as child:
            child.ask("load", limit_seconds, file=str(file), runtime=runtime, threads=1)
            child.ask("count", limit_seconds, calls=1)
        marker.touch()


def prepared(model: PiModel, runtime: str) -> Emulator:
    """Makes what is not there yet: the system, the runtime's packages, the plugin. MissingTool, EdgestillError."""
    if not tools.has_program(QEMU):
        raise MissingTool(f"{QEMU} is missing; install it with: {BRINGS_QEMU}")
    view = seen_by(model)
    distribution = DISTRIBUTIONS[runtime]
    asked = f"{distribution}=={version_of(distribution)}"
    site = wheels((asked,), Platform("aarch64", PYTHON, GLIBC), cache_folder("wheels"))
    library, agent = plugin(), resources.files("edgestill.targets") / "agents" / "count.py"
    guest = {
        "LD_LIBRARY_PATH": f"{view}/usr/lib/aarch64-linux-gnu",
        "PYTHONHASHSEED": "0",
        "PYTHONHOME": f"{view}/usr",
        "PYTHONPATH": str(site.folder),
    }
    variables = [word for key, value in guest.items() for word in ("-E", f"{key}={value}")]
    qemu = shutil.which(QEMU) or QEMU
    command = (qemu, "-cpu", model.core, "-L", str(view), "-plugin", str(library), *variables)
    facts = {
        "emulator": tools.version_line((QEMU, "--version")),
        "machine": model.core,
        "plugin_sha256": _sha256(library.read_bytes()),
        "cpuinfo_sha256": _sha256(model.cpuinfo().encode()),
        "packages": site.digest,
        "counted_by": "marks",
    }
    return Emulator((*command, f"{view}/usr/bin/python{PYTHON}", str(agent)), site.folder, facts)


def plugin() -> Path:
    """The counting plugin, compiled once for this machine; MissingTool without a compiler."""
    source = resources.files("edgestill.targets") / "agents" / "qemu_marks.c"
    made = cache_folder("pi") / f"marks-{_sha256(source.read_bytes())[:16]}-{os.uname().machine}.so"
    if not made.exists():
        compiler = tools.host_compiler()
        if compiler is None:
            raise MissingTool(f"a C compiler is missing; install it with: {BRINGS_COMPILER}")
        made.parent.mkdir(parents=True, exist_ok=True)
        with resources.as_file(source) as file, scratch_folder(made.parent) as scratch:
            command = (*compiler, "-O2", "-shared", "-fPIC", str(file), "-o", made.name)
            tools.build(command, scratch, "building the plugin")
            (scratch / made.name).rename(made)
    return made


def read_marks(path: Path) -> list[int]:
    """Instructions of each call, without those of the marks themselves; RuntimeDied when the marks are not there."""
    rows = [tuple(int(word) for word in line.split()) for line in path.read_text().splitlines()]
    pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]] = list(zip(rows, rows[1:], strict=False))
    empty = [b[1] - a[1] for a, b in pairs if a[0] == b[0] == EMPTY]
    calls = [b[1] - a[1] for a, b in pairs if (a[0], b[0]) == (BEGIN, END)]
    if not empty or not calls:
        raise RuntimeDied(f"{QEMU} counted nothing; is it the build that takes plugins? Bring it with: {BRINGS_QEMU}")
    return [call - int(median(empty)) for call in calls]


def agent_digest() -> str:
    agents = resources.files("edgestill.targets") / "agents"
    return _sha256(b"".join((agents / name).read_bytes() for name in ("count.py", *AGENT_FILES)))[:16]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
