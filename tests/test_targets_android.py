"""Android over adb: real adb clients and a phone that is Debian for arm64 behind our own daemon; no real phone."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platformdirs import user_cache_path

from edgestill.benchmarks.harness.measure import bench
from edgestill.benchmarks.harness.result import Result
from edgestill.benchmarks.tables.phones import of_phones
from edgestill.pipeline.errors import BadInput, DeviceFailed, MissingTool
from edgestill.targets.android import client
from edgestill.targets.android.adb import Adb
from edgestill.targets.android.benchmark_model import mask
from edgestill.targets.android.findings import examine_phone
from edgestill.targets.android.phone import FOLDER
from edgestill.targets.android.phone import Phone as Target
from edgestill.targets.devices.leftovers import NAMES
from edgestill.targets.devices.told import read_told
from edgestill.targets.opened import Opened
from edgestill.targets.own import add, own_targets
from edgestill.targets.target import Evidence, Plan, Samples
from edgestill.targets.web.cable import reversed_port
from edgestill.tests import arm64_sshd
from edgestill.tests.android_phone import Phone, adb_server, phone
from edgestill.tests.wanted import want, want_program

MODELS = Path(__file__).parent / "cases" / "mlperf-tiny"
TRAINED = [MODELS / f"{name}_int8.tflite" for name in ("kws", "ic", "ad")]
KWS = TRAINED[0]
SHORT = Plan(warmup=1, runs=10, seconds=1.0, rounds=2, warmup_seconds=0.0)
LONG = Plan(warmup=0, runs=10**9, seconds=300.0, rounds=1, warmup_seconds=0.0)
OF_ADBUTILS = "the adb of adbutils"
# A stand-in for TensorFlow Lite's benchmark_model: no run, only the words that the tool prints.
STAND_IN = """#!/bin/sh
case "$*" in *--graph=*.tflite\\ --num_threads=2*) ;; *) echo "ERROR: no --graph in $*"; exit 1;; esac
grep Cpus_allowed_list /proc/self/status
cat <<'END'
STARTING!
Graph: [/data/local/tmp/net.tflite]
#threads used for CPU inference: [2]
INFO: Initialized TensorFlow Lite runtime.
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
The input model file size (MB): 0.053936
Initialized session in 1.21ms.
Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 1 seconds.
count=1 curr=412

Running benchmark for at least 5 iterations and at least 0 seconds but terminate if exceeding 1 seconds.
count=50 first=260 curr=250 min=244 max=300 avg=251.5 std=7

Inference timings in us: Init: 1210, First inference: 412, Warmup (avg): 412, Inference (avg): 251.5
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE.
Memory footprint delta from the start of the tool (MB): init=1.5 overall=2.25
END
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("android")


@pytest.fixture(scope="module")
def adb() -> str:
    return want_program("adb", "adb")


@pytest.fixture(scope="module")
def pixel(scratch: Path, adb: str) -> Iterator[Phone]:
    lack = arm64_sshd.lacks()
    want(lack is None, "adb", f"no arm64 phone can be had here: {lack}")
    with phone(user_cache_path("edgestill-tests"), scratch) as running:
        yield running


@pytest.fixture(scope="module")
def served(scratch: Path, adb: str) -> Iterator[None]:
    """Debian's adb with a server of its own, which every program that is started here talks to."""
    kept = user_cache_path()  # adb's home is another, our cache is not
    with adb_server(adb, scratch / "home") as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in {**variables, "XDG_CACHE_HOME": str(kept)}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def target(pixel: Phone, served: None) -> Iterator[Target]:
    """The phone as a user names it; whatever a test does, no process and no folder of a run stays there."""
    yield Target("pixel", pixel.serial)
    within(lambda: not pixel.machine.processes() and not runs(pixel))


def runs(pixel: Phone) -> list[str]:
    return [path.name for path in pixel.folder().glob("edgestill/run-*")]


def within(holds: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.05)


def failure(target: Target, stage: str, code: str, plan: Plan = SHORT) -> str:
    """The remedy of a row that failed so, after what happened."""
    [result] = bench([KWS], [target], plan)
    error = result.error
    assert error and (error.step, error.code) == (stage, code), error
    assert error.remedy and error.remedy in error.message and error.is_missing
    return error.message


@pytest.fixture(params=["Debian's adb", OF_ADBUTILS])
def either(request: pytest.FixtureRequest, adb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The one on PATH, or the one of the wheel where PATH has none; each with its own server."""
    if request.param == OF_ADBUTILS:
        want(find_spec("adbutils") is not None, "adb", "no adbutils here; pip install 'edgestill[android]'")
        monkeypatch.setenv("PATH", str(tmp_path))
    program = str(client.adb_program())
    assert ("adbutils" in program) == (request.param == OF_ADBUTILS)
    with adb_server(program, tmp_path / "home") as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield program


def test_programs_run_and_files_travel_with_either_adb(pixel: Phone, either: str, tmp_path: Path) -> None:
    data, folder = os.urandom(3_000_000), f"/data/local/tmp/files-{os.getpid()}"
    for name in ("sent", "inside/deep"):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(data)
    with Adb("pixel", pixel.serial, folder) as line:
        assert line.shell("exit 7", stage="run").code == 7
        said = line.shell("uname -m; cat; echo aside >&2", stdin=b"in\n", stage="run")
        assert (said.code, said.out, said.err.strip()) == (0, b"aarch64\nin\n", "aside")
        for _ in range(2):
            line.push({"tree-1": tmp_path / "tree", "one": tmp_path / "tree" / "sent"})
        line.send({"there": tmp_path / "tree" / "sent"}, folder)
        line.pull(["there"], folder, tmp_path)
        assert (tmp_path / "there").read_bytes() == data
        assert sorted(one.name for one in (pixel.folder() / Path(folder).name).iterdir()) == ["one", "there", "tree-1"]
        assert (pixel.folder() / Path(folder).name / "tree-1/inside/deep").read_bytes() == data
        with pytest.raises(DeviceFailed, match="No such file"):
            line.pull(["nothing"], folder, tmp_path)
        line.shell(f"rm -r {folder}", stage="run")


def test_a_port_of_ours_is_the_phones_with_either_adb(pixel: Phone, either: str) -> None:
    port = arm64_sshd.free_port()
    with Adb("pixel", pixel.serial, FOLDER) as line:
        reader = f"import socket; print(socket.create_connection(('127.0.0.2', {port}), 5).recv(9))"
        with answering(port), reversed_port(port) as serials:
            assert serials == (pixel.serial,)
            assert line.shell(f'python3 -c "{reader}"', stage="run").out.strip() == b"b'from here'"
        assert line.shell(f'python3 -c "{reader}"', stage="run").code == 1


@contextmanager
def answering(port: int) -> Iterator[None]:
    """Somebody here who tells every visitor where they are."""
    import socket

    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            visitor, _ = server.accept()
            with visitor:
                visitor.sendall(b"from here")

        threading.Thread(target=serve, daemon=True).start()
        yield


def test_probing_tells_what_it_is_and_sends_nothing(target: Target, pixel: Phone) -> None:
    before = sorted(pixel.folder().rglob("*"))
    facts = target.probe().facts
    assert sorted(pixel.folder().rglob("*")) == before
    assert facts["cpu"] == "Edgestill Stand-in (QEMU)" and facts["os"] == "Android 14, API 34"
    assert (facts["arch"], facts["bits"], facts["features"]) == ("aarch64", 64, ["asimd", "asimddp"])


def test_trained_files_give_the_hosts_integers_and_leave_nothing_behind(target: Target, pixel: Phone) -> None:
    results = bench(TRAINED, [replace(target, cores=(1,))], SHORT)
    for result in results:
        assert result.error is None
        assert result.output and result.output.reference.startswith("host, litert") and not result.output.mismatches
        assert result.evidence is Evidence.MEASURED and len(result.rounds_us) == 2
        assert result.runtime and (result.runtime["provision"], result.runtime["affinity"]) == ("bundle", [1])
        assert result.telemetry["device"]["os"] == "Android 14, API 34" and result.peak_memory_bytes
    assert ["experimental" in line for line in of_phones(results)] == [True]
    kept = {path.name.split("-")[0] for path in (pixel.folder() / "edgestill").iterdir()}
    assert kept == {"litert", "measure"} and not pixel.machine.processes()
    for one in (pixel.folder() / "edgestill").iterdir():
        assert any(one.match(pattern) for pattern in NAMES)


def test_a_cable_that_is_pulled_in_mid_run_is_a_row(
    target: Target, pixel: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    with once_it_measures(pixel.pull_the_cable, monkeypatch):
        assert "see its cable" in failure(target, "measure", "connection-lost", LONG)


def test_an_agent_that_is_killed_is_a_row(target: Target, pixel: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    with once_it_measures(lambda: pixel.machine.kill("measure-"), monkeypatch):
        assert "dmesg" in failure(target, "measure", "agent-killed", LONG)


BENCH = """
import sys
from pathlib import Path
from edgestill.benchmarks.harness.measure import bench
from edgestill.targets.catalog import find
from edgestill.targets.target import Plan
bench([Path(sys.argv[1])], [find("pixel")], Plan(warmup=0, runs=10**9, seconds=300.0, rounds=1))
"""


def test_nothing_runs_on_when_the_client_is_killed(
    target: Target, pixel: Phone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGESTILL_TARGETS", str(tmp_path / "targets.toml"))
    add("pixel", {"kind": "adb", "serial": pixel.serial}, [])
    with subprocess.Popen([sys.executable, "-c", BENCH, str(KWS)], stderr=subprocess.PIPE) as client_process:
        within(lambda: measuring(pixel), 120)
        client_process.send_signal(signal.SIGKILL)
        client_process.communicate()
    within(lambda: not pixel.machine.processes() and not runs(pixel))


def measuring(pixel: Phone) -> bool:
    return any("measure-" in command and " -c " not in command for command in pixel.machine.processes())


@contextmanager
def once_it_measures(act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Does something to the phone a second after the agent was asked to measure."""
    began, measure = threading.Event(), Opened.measure

    def watched(self: Opened, plan: Plan) -> Samples:
        began.set()
        return measure(self, plan)

    def wait_and_act() -> None:
        assert began.wait(300)
        time.sleep(1)
        act()

    monkeypatch.setattr(Opened, "measure", watched)
    thread = threading.Thread(target=wait_and_act)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize(
    ("folder", "code"),
    [("/small/edgestill", "disk-full"), ("/proc/edgestill", "not-writable"), ("/noexec/edgestill", "not-executable")],
)
def test_a_folder_that_takes_or_starts_nothing_is_a_row(target: Target, folder: str, code: str) -> None:
    assert "; " in failure(replace(target, folder=folder), "provision", code)


def test_a_closed_port_is_a_row_though_adb_says_that_all_is_well(target: Target) -> None:
    closed = f"127.0.0.1:{arm64_sshd.free_port()}"
    said = failure(replace(target, serial=closed), "connect", "port-closed")
    assert "Connection refused" in said and "adb pair" in said and "this adb cannot pair" in said


def test_a_phone_that_is_not_there_is_a_row(target: Target) -> None:
    assert "no phone P7 is attached" in failure(replace(target, serial="P7"), "connect", "not-attached")


def test_without_a_serial_the_only_phone_is_taken_and_of_two_none(target: Target, pixel: Phone) -> None:
    adb, unnamed = str(client.adb_program()), replace(target, serial=None)
    client.call(adb, ("connect", pixel.serial))
    assert unnamed.probe().facts["arch"] == "aarch64"
    client.call(adb, ("connect", pixel.second))
    try:
        said = failure(unnamed, "connect", "several-devices")
    finally:
        client.call(adb, ("disconnect", pixel.second))
    assert f"{pixel.serial} (Stand in)" in said and f"{pixel.second} (Stand in)" in said and "`serial`" in said


@pytest.mark.parametrize(
    ("listed", "code", "remedy"),
    [
        ("P7 unauthorized usb:1-1 transport_id:1", "unauthorized", "allow the question"),
        ("P7 offline usb:1-1", "offline", "plug it in again"),
        ("P7 no permissions (missing udev rules?); see [http://developer]", "no-permission", "platform-tools-common"),
        ("P7 recovery", "not-started", "start Android"),
        ("P7 rescue", "not-ready", "start it anew"),
        ("", "no-device", "switch on USB debugging"),
    ],
)
def test_what_adb_says_of_a_phone_that_it_cannot_use_is_told(
    listed: str, code: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for adb, which lists such a phone: our daemon knows no keys and no cable."""
    stand_in(tmp_path, f'[ "$1" = devices ] && printf "List of devices attached\\n{listed}\\n"', monkeypatch)
    assert remedy in failure(Target("pixel"), "connect", code)


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "adb").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_where_there_is_no_adb_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "adb_program", lambda: None)
    with pytest.raises(MissingTool, match=r"adb is missing; install it with: .*\[android\]"):
        Target("pixel").probe()
    assert [one.what for one in examine_phone(Target("pixel")) if not one.fine] == ["adb"]


def test_a_benchmark_model_of_the_users_tells_what_it_tells(target: Target, pixel: Phone, tmp_path: Path) -> None:
    tool = tmp_path / "benchmark_model"
    tool.write_text(STAND_IN)
    of_tool = replace(target, runner="benchmark_model", tool=tool, cores=(1,))
    [result] = bench([KWS], [of_tool], replace(SHORT, threads=2))
    assert result.error is None and result.output is None and not any(result.rounds_us)
    told = result.to_json()
    known = {"n": 100, "first": 412.0, "min": 244.0, "mean": 251.5}
    assert {key: value for key, value in told["latency_us"].items() if value is not None} == known
    assert told["latency_us"]["p50"] is None and told["samples_us"] is None and told["output"] is None
    assert [one["deviation"] for one in told["told"]] == [7.0, 7.0]
    assert told["ram_bytes"]["process_peak"] == round(2.25 * 2**20)
    assert told["runtime"]["delegate"] == "XNNPACK" and told["runtime"]["affinity"] == [1]
    assert len(told["runtime"]["sha256"]) == 64 and told["telemetry"]["device"]["cpu"].startswith("Edgestill")
    assert any("tells no p50" in line and "mean 252 µs of 100 calls" in line for line in of_phones([result]))
    assert not list(pixel.folder().rglob("*.tflite"))


def test_what_we_keep_on_a_phone_is_taken_off_and_nothing_else(target: Target, pixel: Phone, tmp_path: Path) -> None:
    tool, folder = tmp_path / "benchmark_model", pixel.folder() / "kept"
    tool.write_text(STAND_IN)
    kept = replace(target, runner="benchmark_model", tool=tool, folder="/data/local/tmp/kept")
    assert kept.clean().names == () and not folder.exists()
    [result] = bench([KWS], [kept], replace(SHORT, threads=2, rounds=1))
    (folder / "letters.txt").write_text("mine")
    assert result.error is None
    removed = kept.clean()
    assert sorted(name.split("-")[0] for name in removed.names) == ["benchmark_model", "tool"] and removed.bytes > 0
    assert [one.name for one in folder.iterdir()] == ["letters.txt"]
    (folder / "letters.txt").unlink()
    kept.clean()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("#!/bin/sh\necho ERROR: no such flag\nexit 3\n", "tool-failed"),
        ("#!/bin/sh\necho STARTING!\n", "tool-failed"),
        ("\x7fELF of another machine", "tool-does-not-start"),
    ],
)
def test_a_benchmark_model_that_does_not_run_is_a_row(target: Target, words: str, code: str, tmp_path: Path) -> None:
    tool = tmp_path / "benchmark_model"
    tool.write_text(words)
    failure(replace(target, runner="benchmark_model", tool=tool), "measure", code)


@pytest.mark.parametrize(
    ("said", "calls", "mean", "median"),
    [
        ("count=1 curr=3512391\n\ncount=50 first=2 curr=2 min=2 max=3 avg=2.95034e+06 std=109798", 50, 2950340.0, None),
        ("I tflite  : count=25 first=9 curr=9 min=9 max=9 avg=9 std=0 p5=9 median=9 p95=9", 25, 9.0, 9.0),
        ("count=1 curr=412", 1, 412.0, None),
    ],
)
def test_the_tools_words_of_all_its_years_are_read(said: str, calls: int, mean: float, median: float | None) -> None:
    told = read_told(said)
    assert told and (told.calls, told.mean, told.median, told.first) == (calls, mean, median, None)
    assert read_told("STARTING!") is None


@given(st.sets(st.integers(0, 63), min_size=1))
def test_a_mask_has_a_bit_for_each_processor(cores: set[int]) -> None:
    assert {core for core in range(64) if int(mask(tuple(cores)), 16) >> core & 1} == cores


def test_a_phone_of_the_users_own_is_found_and_probed(
    target: Target, pixel: Phone, edgestill: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    own = {"EDGESTILL_TARGETS": str(tmp_path / "targets.toml")}
    named = ["targets", "add", "pixel", "--kind", "adb", "--serial", pixel.serial, "--cores", "0-1"]
    assert edgestill(named, tmp_path / "store", **own).returncode == 0
    told = json.loads(edgestill(["doctor", "pixel", "--json"], tmp_path / "store", **own).stdout)["findings"]
    assert [one["what"] for one in told] == ["adb", "pairing", "pixel", "bundle", "governor"]
    assert all(one["healthy"] for one in told)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runner = 'app'", "runner is 'app'; there are benchmark_model, bundle"),
        ("runner = 'benchmark_model'", "go together"),
        ("benchmark_model = 'x'", "go together"),
        ("serial = '-s'", "serial is '-s'"),
        ("cores = '7-x'", "cores are '7-x'"),
        ("cores = '7-4'", "cores are '7-4'"),
        ("folder = 'here'", "folder is 'here'"),
        ("host = 'pi'", "no option is named 'host'; there are benchmark_model, cores"),
    ],
)
def test_a_table_of_a_phone_that_is_wrong_is_told(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESTILL_TARGETS", str(tmp_path / "targets.toml"))
    (tmp_path / "targets.toml").write_text(f"[pixel]\nkind = 'adb'\n{text}\n")
    with pytest.raises(BadInput, match=rf"targets.toml: \[pixel\]: .*{words}"):
        own_targets()


def test_a_list_may_name_every_part_of_a_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESTILL_TARGETS", str(tmp_path / "targets.toml"))
    table = {"runner": "benchmark_model", "benchmark_model": "/opt/bm", "cores": "4-6,0", "folder": "/data/local/tmp/x"}
    add("pixel", {"kind": "adb", "serial": "P7", **table}, [])
    expected = Target("pixel", "P7", "benchmark_model", Path("/opt/bm"), (0, 4, 5, 6), "/data/local/tmp/x")
    assert own_targets() == {"pixel": expected}


def test_rows_of_other_targets_have_no_remarks_of_phones(target: Target) -> None:
    [row] = bench([KWS.with_name("nothing.tflite")], [target], SHORT)
    assert isinstance(row, Result) and row.error and not list(of_phones([row]))
