"""A Raspberry Pi over ssh: a real arm64 sshd with a real login, what it gives, and what is told when it fails."""

import contextlib
import dataclasses
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from platformdirs import user_cache_path

from edgestill.benchmarks.harness.measure import bench
from edgestill.benchmarks.harness.readings import readings
from edgestill.benchmarks.harness.result import Result
from edgestill.benchmarks.tables.table import print_results
from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.errors import BadInput, DeviceFailed
from edgestill.pipeline.progress import listening
from edgestill.targets.devices.agreement import differing
from edgestill.targets.emulation.sysroot import PI_MODELS
from edgestill.targets.host import Host
from edgestill.targets.linux.raspberry_pi import RaspberryPi
from edgestill.targets.linux.ssh import Address, tilde
from edgestill.targets.linux.words import cause
from edgestill.targets.own import add, own_targets
from edgestill.targets.target import Evidence, Plan
from edgestill.tests import arm64_sshd
from edgestill.tests.arm64_sshd import Machine
from edgestill.tests.conftest import WholeRun
from edgestill.tests.wanted import want

MODELS = Path(__file__).parent / "cases" / "mlperf-tiny"
TRAINED = [MODELS / f"{name}_int8.tflite" for name in ("kws", "ic", "ad")]
KWS = TRAINED[0]
SHORT = Plan(warmup=1, runs=10, seconds=1.0, rounds=2, warmup_seconds=0.0)
LONG = Plan(warmup=0, runs=10**9, seconds=300.0, rounds=1, warmup_seconds=0.0)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ssh")


@pytest.fixture(scope="module")
def key(scratch: Path) -> Path:
    return arm64_sshd.make_key(scratch / "key")


@pytest.fixture(scope="module")
def machine(scratch: Path, key: Path) -> Iterator[Machine]:
    """A Raspberry Pi 4 as far as programs can tell."""
    lack = arm64_sshd.lacks()
    want(lack is None, "pi", f"no arm64 sshd can be had here: {lack}")
    root = arm64_sshd.make_root(user_cache_path("edgestill-tests"))
    cpuinfo = scratch / "cpuinfo"
    cpuinfo.write_text(PI_MODELS[1].cpuinfo())
    with arm64_sshd.machine(root, PI_MODELS[1].core, cpuinfo, Path(f"{key}.pub"), scratch) as running:
        yield running


@pytest.fixture(scope="module")
def pi(machine: Machine, scratch: Path, key: Path) -> RaspberryPi:
    """As a user would know it: host key accepted, own key in place."""
    known = scratch / "known_hosts"
    known.write_text(f"[127.0.0.1]:{machine.port} {(machine.root / 'etc/ssh/host_key.pub').read_text()}")
    return device(machine.port, configured(scratch / "config", known, key))


def configured(path: Path, known: Path, key: Path) -> Path:
    path.write_text(f"UserKnownHostsFile {known}\nIdentityFile {key}\nIdentitiesOnly yes\nGlobalKnownHostsFile none\n")
    return path


def device(port: int, config: Path, host: str = "root@127.0.0.1") -> RaspberryPi:
    return RaspberryPi("pi", Address(host, port, config=config))


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does to it, no process and no folder of a run stays on the device."""
    yield
    if "pi" in request.fixturenames:
        machine: Machine = request.getfixturevalue("machine")
        within(lambda: not machine.processes() and not runs(machine))


def runs(machine: Machine) -> list[str]:
    """Folders of runs on the device."""
    return [path.name for path in (machine.home() / ".cache/edgestill").glob("run-*")]


def within(holds: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.05)


class Lines:
    """A listener with a line for each device; notes in which order they are told something."""

    def __init__(self, order: list[str], name: str = "") -> None:
        self._order, self._name = order, name

    def lane(self, name: str) -> "Lines":
        return Lines(self._order, name)

    def advance(self, done: int, total: int, note: str) -> None:
        self._order.append(self._name)

    def say(self, text: str) -> None: ...

    def end(self, verdict: str, fine: bool) -> None:
        assert fine and verdict == "1 file measured"


def row(target: RaspberryPi, file: Path = KWS, plan: Plan = SHORT) -> Result:
    [result] = bench([file], [target], plan)
    return result


def failure(target: RaspberryPi, stage: str, code: str, file: Path = KWS, plan: Plan = SHORT) -> str:
    """The remedy of a row that failed so."""
    error = row(target, file, plan).error
    assert error and (error.step, error.code) == (stage, code), error
    assert error.remedy and error.remedy in error.message and error.is_missing
    return error.remedy


def test_probing_tells_what_it_is_and_changes_nothing(pi: RaspberryPi, machine: Machine) -> None:
    before = sorted(machine.home().rglob("*"))
    facts = pi.probe().facts
    assert sorted(machine.home().rglob("*")) == before
    assert facts["cpu"] == PI_MODELS[1].title and facts["arch"] == "aarch64" and facts["bits"] == 64
    assert "asimddp" not in facts["features"] and facts["python"].startswith("3.11")
    assert facts["runtimes"]["litert"] is None


def test_trained_files_give_the_hosts_integers_and_leave_nothing_behind(pi: RaspberryPi, machine: Machine) -> None:
    for result in bench(TRAINED, [pi], SHORT):
        assert result.error is None
        assert result.output and result.output.reference.startswith("host, litert") and not result.output.mismatches
        assert result.evidence is Evidence.MEASURED and len(result.rounds_us) == 2
        assert result.runtime and result.runtime["provision"] == "wheels" and result.runtime["delegate"] == "XNNPACK"
        assert result.telemetry["device"]["cpu"] == PI_MODELS[1].title
        assert result.telemetry["before"]["load_average"] and result.peak_memory_bytes
    kept = {path.name.split("-")[0] for path in (machine.home() / ".cache/edgestill").iterdir()}
    assert kept == {"measure", "site"} and not machine.processes()


def test_inputs_go_there_and_outputs_come_back(pi: RaspberryPi) -> None:
    sounds = np.random.default_rng(0).integers(-128, 128, (1, 49, 10, 1)).astype(np.int8)
    with pi.load(of_file(KWS)) as there, Host().load(of_file(KWS)) as here:
        assert np.array_equal(there.infer([sounds])[0], here.infer([sounds])[0])


@pytest.mark.nightly
def test_onnx_runtime_is_within_one_step_of_the_host(pi: RaspberryPi, whole: WholeRun) -> None:
    result = row(pi, next(whole.out.rglob("*.int8.onnx")))
    assert result.error is None and result.runtime and result.runtime["name"] == "onnxruntime"
    assert result.output and result.output.reference.startswith("host, onnxruntime") and not result.output.mismatches


@pytest.mark.nightly
def test_where_this_machine_finds_no_wheels_the_device_makes_a_venv(
    pi: RaspberryPi, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["ai-edge-litert", "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"]
    tags = [f"--platform=manylinux_2_{minor}_aarch64" for minor in (28, 27, 17)]
    wheels = tmp_path / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "-d", str(wheels), *asked, *tags], check=True)
    shutil.copytree(wheels, machine.home() / "wheels")
    (machine.home() / ".config/pip").mkdir(parents=True)
    (machine.home() / ".config/pip/pip.conf").write_text("[global]\nno-index = true\nfind-links = /root/wheels\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.setenv(name, {"PIP_NO_INDEX": "1"}.get(name, "/dev/null"))
    result = row(dataclasses.replace(pi, folder="~/venvs"))
    assert result.error is None and result.runtime and result.runtime["provision"] == "venv"
    assert result.output and not result.output.mismatches


def test_a_device_that_fails_stops_no_other(pi: RaspberryPi) -> None:
    dead = dataclasses.replace(pi, name="dead", address=dataclasses.replace(pi.address, port=arm64_sshd.free_port()))
    rows = bench([KWS], [dead, Host(), pi], SHORT)
    assert [result.target for result in rows if not result.error] == ["host", "pi"]
    assert rows[0].error and rows[0].error.code == "port-closed"


def test_flags_of_the_board_make_a_result_degraded(pi: RaspberryPi, machine: Machine) -> None:
    (machine.home() / "throttled").write_text("0x50005\n")
    try:
        codes = {doubt.what for doubt in row(pi).degraded() if doubt.code == "throttled"}
    finally:
        (machine.home() / "throttled").unlink()
    assert codes == {"the board reports under-voltage", "the board reports throttling"}


def test_flags_that_rise_while_it_measures_make_a_result_degraded(pi: RaspberryPi, machine: Machine) -> None:
    flags = machine.home() / "throttled"
    flags.write_text("0x0\n0x40000\n")
    try:
        result = row(pi)
    finally:
        flags.unlink()
    assert result.telemetry["before"]["throttled_flags"] == 0
    assert [doubt.what for doubt in result.degraded() if doubt.code == "throttled"] == ["the board reports throttling"]


def test_a_clock_that_is_set_while_it_measures_changes_no_latency(pi: RaspberryPi) -> None:
    result = row(dataclasses.replace(pi, python="python-whose-clock-is-set"))
    assert result.error is None and all(0 < us < 6e6 for one in result.rounds_us for us in one)
    moved = result.telemetry["after"]["clock_offset"] - result.telemetry["before"]["clock_offset"]
    assert moved == pytest.approx(-3600, abs=1)
    said = [text for _, text in readings([result])]
    assert said == [
        "kws_int8.tflite on pi: the clock was set by -3600 s meanwhile; its calls are timed by one that nobody sets"
    ]


def test_outputs_that_are_not_the_hosts_are_told(pi: RaspberryPi, capsys: pytest.CaptureFixture[str]) -> None:
    result = row(dataclasses.replace(pi, python="python-that-computes-otherwise"))
    assert result.is_wrong and result.to_json()["output"]["matches_reference"] is False
    print_results([result])
    assert "kws_int8.tflite on pi: 12 of 12 values are not those of host, litert" in capsys.readouterr().out


def test_processors_that_are_not_there_are_told(pi: RaspberryPi) -> None:
    error = row(pi, plan=dataclasses.replace(SHORT, cores=(0, 500))).error
    assert error and error.step == "measure" and "not all of the processors [0, 500] are there" in error.message


def test_a_chosen_processor_a_rest_and_a_long_run_hold_on_a_device(pi: RaspberryPi) -> None:
    result = row(pi, plan=dataclasses.replace(SHORT, cores=(0,), cool_down=0.2, sustain=3.0))
    assert result.error is None and result.runtime and result.runtime["affinity"] == [0]
    assert len(result.sustained) > 5 and all(period.latency_us for period in result.sustained)


def test_devices_do_not_wait_for_each_other(pi: RaspberryPi, key: Path) -> None:
    order: list[str] = []
    other = dataclasses.replace(pi, name="other", address=dataclasses.replace(pi.address, key=key))
    with listening(Lines(order)):
        rows = bench([KWS], [pi, other], SHORT)
    assert [result.error for result in rows] == [None] * 2 and all(len(result.rounds_us) == 2 for result in rows)
    assert set(order) == {"pi", "other"} and order != sorted(order) and order != sorted(order, reverse=True)


def test_a_slow_line_is_told(pi: RaspberryPi, machine: Machine, scratch: Path) -> None:
    slow = scratch / "config-slow"
    line = f"{sys.executable} {Path(arm64_sshd.__file__).with_name('slow_line.py')} {machine.port} 30000"
    slow.write_text(f"ProxyCommand {line}\n{(scratch / 'config').read_text()}")
    crawling = dataclasses.replace(pi, folder="~/slow", address=dataclasses.replace(pi.address, config=slow))
    assert "nearer" in failure(dataclasses.replace(crawling, transfer_seconds=8.0), "provision", "slow-line")
    within(lambda: not [path for path in (machine.home() / "slow").iterdir() if path.name.startswith("site")])


def test_a_machine_that_does_not_answer_is_told(pi: RaspberryPi) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        silent = dataclasses.replace(pi.address, port=mute.getsockname()[1])
        assert "check its power" in failure(dataclasses.replace(pi, address=silent), "connect", "unreachable")


def test_a_configuration_that_ssh_refuses_is_told(pi: RaspberryPi, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Nonsense yes\n")
    wrong = dataclasses.replace(pi.address, config=tmp_path / "config")
    assert "correct it" in failure(dataclasses.replace(pi, address=wrong), "connect", "ssh-config")


def test_what_a_power_cut_left_on_the_device_is_swept(pi: RaspberryPi, machine: Machine) -> None:
    left = machine.home() / ".cache/edgestill/run-99999"
    left.mkdir(parents=True)
    (left / "model.tflite").write_bytes(b"x" * 1000)
    assert row(pi).error is None and not left.exists()


def test_a_closed_port_is_told(pi: RaspberryPi) -> None:
    closed = dataclasses.replace(pi, address=dataclasses.replace(pi.address, port=arm64_sshd.free_port()))
    assert "systemctl enable --now ssh" in failure(closed, "connect", "port-closed")


def test_a_name_that_nobody_has_is_told(pi: RaspberryPi) -> None:
    nobody = dataclasses.replace(pi, address=dataclasses.replace(pi.address, host="pi.invalid"))
    assert "targets.toml" in failure(nobody, "connect", "name-unknown")


def test_an_unknown_host_key_is_refused_with_the_command_to_run(machine: Machine, scratch: Path, key: Path) -> None:
    stranger = device(machine.port, configured(scratch / "config-unknown", scratch / "known-none", key))
    remedy = failure(stranger, "connect", "host-key-unknown")
    assert f"`ssh -F {scratch}/config-unknown -p {machine.port} root@127.0.0.1`" in remedy
    assert not (scratch / "known-none").exists()


def test_a_changed_host_key_is_refused_with_the_command_to_run(machine: Machine, scratch: Path, key: Path) -> None:
    known = scratch / "known-old"
    known.write_text(f"[127.0.0.1]:{machine.port} {(machine.root / 'etc/ssh/host_key2.pub').read_text()}")
    before = known.read_text()
    remedy = failure(
        device(machine.port, configured(scratch / "config-old", known, key)), "connect", "host-key-changed"
    )
    assert "ssh-keygen -" in remedy and f"[127.0.0.1]:{machine.port}" in remedy
    assert known.read_text() == before


def test_a_key_that_is_not_accepted_is_told(pi: RaspberryPi, scratch: Path) -> None:
    other = configured(scratch / "config-other", scratch / "known_hosts", arm64_sshd.make_key(scratch / "other"))
    wrong = dataclasses.replace(pi, address=dataclasses.replace(pi.address, config=other))
    assert "ssh-copy-id" in failure(wrong, "connect", "login-refused")


@pytest.mark.parametrize(
    ("python", "stage", "code", "remedy"),
    [
        ("python9", "probe", "no-python", "apt install python3"),
        ("python-too-old", "probe", "old-python", "newer `python`"),
        ("python-of-words", "probe", "bad-answer", "must name a Python"),
        ("python-of-32-bit", "provision", "32-bit", "a 64-bit system has one"),
        ("python-of-musl", "provision", "no-runtime", "in a venv there"),
        ("python-on-noexec", "provision", "noexec", "`folder` in targets.toml"),
        ("python-that-babbles", "measure", "bad-answer", "must be Python itself"),
        ("python-that-crashes", "load", "runtime-died", "another version"),
    ],
)
def test_another_python_than_is_needed_is_told(
    pi: RaspberryPi, python: str, stage: str, code: str, remedy: str
) -> None:
    assert remedy in failure(dataclasses.replace(pi, python=python), stage, code)


@pytest.mark.parametrize(
    ("folder", "stage", "code"),
    [("/small/edgestill", "provision", "disk-full"), ("/proc/edgestill", "provision", "not-writable")],
)
def test_a_folder_that_takes_nothing_is_told(
    pi: RaspberryPi, machine: Machine, folder: str, stage: str, code: str
) -> None:
    assert "`folder` in targets.toml" in failure(dataclasses.replace(pi, folder=folder), stage, code)
    small = Path(f"/proc/{machine.first}/root/small/edgestill")
    assert not small.exists() or not list(small.iterdir())


def test_a_truncated_file_is_refused_by_the_runtime_there(pi: RaspberryPi, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(KWS.read_bytes()[:4000])
    error = row(pi, cut).error
    assert error and (error.step, error.code) == ("load", "BadModel") and error.message.startswith("cut.tflite: ")


def test_a_file_that_does_not_arrive_whole_is_noticed(pi: RaspberryPi, tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    shutil.copy(KWS, path)
    file = of_file(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DeviceFailed, match="did not arrive whole") as caught, pi.load(file):
        pass
    assert (caught.value.stage, caught.value.code) == ("push", "damaged-copy")


def test_an_agent_that_is_killed_is_told(pi: RaspberryPi, machine: Machine) -> None:
    with once_it_measures(machine, lambda: machine.kill("measure-")):
        assert "dmesg" in failure(pi, "measure", "agent-killed", plan=LONG)


def test_a_connection_that_breaks_is_told(pi: RaspberryPi, machine: Machine) -> None:
    with once_it_measures(machine, machine.cut_connections):
        assert "network" in failure(pi, "measure", "connection-lost", plan=LONG)


def test_an_answer_that_does_not_come_in_time_is_told(pi: RaspberryPi) -> None:
    failure(dataclasses.replace(pi, limit_seconds=0.2), "load", "timeout")


BENCH = """
import sys
from pathlib import Path
from edgestill.benchmarks.harness.measure import bench
from edgestill.targets.catalog import find
from edgestill.targets.target import Plan
bench([Path(sys.argv[1])], [find("pi")], Plan(warmup=0, runs=10**9, seconds=300.0, rounds=1))
"""


def test_nothing_runs_on_when_the_client_is_killed(
    pi: RaspberryPi, machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGESTILL_TARGETS", str(tmp_path / "targets.toml"))
    add("pi", {"kind": "ssh", "host": pi.address.host, "port": pi.address.port, "config": str(pi.address.config)}, [])
    with subprocess.Popen([sys.executable, "-c", BENCH, str(KWS)], stderr=subprocess.PIPE) as client:
        within(lambda: measuring(machine), 120)
        client.send_signal(signal.SIGKILL)
        client.communicate()
    within(lambda: not machine.processes() and not runs(machine))
    within(lambda: not sockets_of(machine.port))


def measuring(machine: Machine) -> bool:
    return any("measure-" in command and " -c " not in command for command in machine.processes())


@contextlib.contextmanager
def once_it_measures(machine: Machine, act: Callable[[], object]) -> Iterator[None]:
    """Does something to the device some seconds after an agent began there."""

    def wait_and_act() -> None:
        within(lambda: measuring(machine), 120)
        time.sleep(4)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    yield
    thread.join()


def sockets_of(port: int) -> list[str]:
    """Command lines of ssh clients that still hold a connection to the port."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            found += [command] if command.startswith("ssh ") and f" {port} " in command else []
    return found


def test_targets_of_the_users_own_are_found_and_probed(
    pi: RaspberryPi,
    edgestill: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    own = {"EDGESTILL_TARGETS": str(tmp_path / "mine" / "targets.toml")}
    where = ["--host", pi.address.host, "--port", str(pi.address.port), "--config", str(pi.address.config)]
    assert edgestill(["targets", "add", "desk", "--kind", "ssh", *where], tmp_path / "store", **own).returncode == 0
    told = json.loads(edgestill(["doctor", "desk", "--json"], tmp_path / "store", **own).stdout)["findings"]
    assert [finding["what"] for finding in told] == ["desk", "Python", "litert", "onnxruntime", "governor"]
    assert all(finding["healthy"] for finding in told)
    again = edgestill(["targets", "add", "desk", "--kind", "ssh", *where], tmp_path / "store", **own)
    assert again.returncode == 2 and "there is a target 'desk' already" in again.stderr


def test_what_we_keep_there_is_taken_off_and_nothing_else(
    pi: RaspberryPi, machine: Machine, edgestill: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    own, folder = {"EDGESTILL_TARGETS": str(tmp_path / "targets.toml")}, machine.home() / "kept here"
    where = ["--host", pi.address.host, "--port", str(pi.address.port), "--config", str(pi.address.config)]
    added = edgestill(
        ["targets", "add", "desk", "--kind", "ssh", *where, "--folder", "~/kept here"], tmp_path / "store", **own
    )
    assert added.returncode == 0, added.stderr
    said = edgestill(["targets", "clean", "desk"], tmp_path / "store", **own)
    assert said.stdout == "desk: nothing of ours is in ~/kept here\n" and not folder.exists()
    with dataclasses.replace(pi, folder="~/kept here").load(of_file(KWS)):
        (folder / "letters.txt").write_text("mine")
        (folder / "run-99999").mkdir()
        busy = edgestill(["targets", "clean", "desk"], tmp_path / "store", **own)
        assert busy.returncode == 3 and "desk: files are measured there now; wait" in busy.stderr
    within(lambda: not machine.processes())
    told = json.loads(edgestill(["targets", "clean", "desk", "--json"], tmp_path / "store", **own).stdout)
    assert {name.split("-")[0] for name in told["names"]} == {"measure", "run", "site"} and told["bytes"] > 20_000_000
    assert [path.name for path in folder.iterdir()] == ["letters.txt"]
    (folder / "letters.txt").unlink()
    assert edgestill(["targets", "clean", "desk"], tmp_path / "store", **own).returncode == 0 and not folder.exists()


@pytest.mark.parametrize(("name", "words"), [("host", "host keeps nothing on a device"), ("", "wants the name")])
def test_what_keeps_nothing_elsewhere_cannot_be_cleaned(
    name: str, words: str, edgestill: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ended = edgestill(["targets", "clean", *filter(None, [name])], tmp_path / "store")
    assert ended.returncode == 2 and words in ended.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pi", "is no TOML"),
        ("pi = 3", r"\[pi\]: must be a table"),
        ("[pi]\nhost = 'a'", "kind is None; there are .*ssh"),
        ("[pi]\nkind = 'usb'", "kind is 'usb'; there are .*ssh"),
        ("[pi]\nkind = 'ssh'", "host is ''"),
        ("[pi]\nkind = 'ssh'\nhost = '-oProxyCommand=x'", "host is '-oProxyCommand=x'"),
        ("[pi]\nkind = 'ssh'\nhost = 'a'\nport = '22'", "port is '22'; it must be a number"),
        ("[pi]\nkind = 'ssh'\nhost = 'a'\nport = 70000", "port is 70000"),
        ("[pi]\nkind = 'ssh'\nhost = 'a'\nprot = 22", "no option is named 'prot'; there are config, folder"),
        ("['a b']\nkind = 'ssh'\nhost = 'a'", "'a b' is no name"),
    ],
)
def test_a_list_of_targets_that_is_wrong_is_told_with_file_and_table(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESTILL_TARGETS", str(tmp_path / "targets.toml"))
    (tmp_path / "targets.toml").write_text(text)
    with pytest.raises(BadInput, match=f"targets.toml: .*{words}"):
        own_targets()


def test_the_list_here_comes_before_the_one_in_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGESTILL_TARGETS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    assert add("pi", {"kind": "ssh", "host": "one"}, []) == tmp_path / "config" / "edgestill" / "targets.toml"
    add("my.pi", {"kind": "ssh", "host": "two", "python": "~/venv/bin/python"}, [])
    (tmp_path / "targets.toml").write_text("[pi]\nkind = 'ssh'\nhost = 'here'\n")
    own = own_targets()
    assert sorted(own) == ["my.pi", "pi"]
    assert isinstance(own["pi"], RaspberryPi) and own["pi"].address.host == "here"
    assert isinstance(own["my.pi"], RaspberryPi) and own["my.pi"].python == "~/venv/bin/python"


@pytest.mark.parametrize(
    ("folder", "script"), [("~/a b", "~/'a b'"), ("/opt/x;rm", "'/opt/x;rm'"), ("~other/x", "'~other/x'")]
)
def test_a_folder_is_quoted_for_the_shell_there(folder: str, script: str) -> None:
    assert tilde(folder) == script


def test_words_of_ssh_that_nobody_knows_are_passed_on() -> None:
    found = cause("kex_exchange_identification: read: Connection reset by peer\n", "ssh pi", "pi", None)
    assert found.code == "connection-lost" and "Connection reset by peer" in found.what


def test_one_step_is_allowed_to_what_rounds_otherwise() -> None:
    one, other = np.array([1, 2, 3], np.int8), np.array([1, 3, 5], np.int8)
    assert differing(one, other, None) == 2 and differing(one, other, 1.0) == 1
    floats = np.array([0.5, np.nan], np.float32)
    assert differing(floats, floats + np.float32(1e-6), None) == 0
    assert differing(floats, floats + np.float32(1e-3), None) == 1
