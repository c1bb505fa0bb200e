"""This machine as a target: what it gives, what it refuses, and that it leaves nothing behind."""

import ast
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, helper, numpy_helper

from edgestill.pipeline.artifact import Artifact, of_file
from edgestill.pipeline.errors import BadInput, BadModel, MissingTool, RuntimeDied
from edgestill.targets.catalog import available, find
from edgestill.targets.conversation import AGENT, Conversation
from edgestill.targets.devices.remote import AGENT_FILES, agent_source
from edgestill.targets.host import Host
from edgestill.targets.target import Evidence, Plan

KWS = Path(__file__).parent / "cases" / "mlperf-tiny" / "kws_int8.tflite"
SHORT = Plan(warmup=1, runs=25, seconds=5.0, rounds=1, warmup_seconds=0.0)


@pytest.fixture(scope="module")
def matmul(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """y = x @ w in float, with any batch."""
    weights = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2) - 2, "w")
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in (("x", 3), ("y", 2))]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "m", ports[:1], ports[1:], [weights])
    path = tmp_path_factory.mktemp("host") / "matmul.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return of_file(path)


@pytest.fixture(scope="module")
def agent() -> ModuleType:
    """The agent, imported: on devices it is only ever run."""
    spec = importlib.util.spec_from_file_location("agent", AGENT[1])
    assert spec and spec.loader
    sys.path.insert(0, str(Path(AGENT[1]).parent))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


def children(parent: int | None = None) -> set[int]:
    """The processes that this one, or another, has started and that still run."""
    wanted, found = str(parent or os.getpid()), set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, ppid = status.read_text().rsplit(")", 1)[1].split()[:2]
            if ppid == wanted and state != "Z":
                found.add(int(status.parent.name))
    return found


def gone(pid: int, within: float = 10.0) -> bool:
    """Whether this process has ended before so many seconds are over."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                time.sleep(0.02)
                continue
        return True
    return False


def test_host_is_found_by_its_name_and_measures() -> None:
    host = find("host")
    assert (host.name, host.evidence) == ("host", Evidence.MEASURED)
    assert "host" in [target.name for target, _ in available()]


def test_an_unknown_target_is_answered_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="'pi9'; there are .*host"):
        find("pi9")


def test_a_tflite_file_gives_what_litert_gives_in_process() -> None:
    sounds = np.random.default_rng(0).integers(-128, 128, (1, 49, 10, 1)).astype(np.int8)
    interpreter = Interpreter(model_path=str(KWS), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sounds)
    interpreter.invoke()
    with Host().load(of_file(KWS)) as loaded:
        outputs = loaded.infer([sounds])
    assert np.array_equal(outputs[0], interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def test_an_onnx_file_gives_the_right_numbers(matmul: Artifact) -> None:
    with Host().load(matmul) as loaded:
        outputs = loaded.infer([np.array([[1, 2, 3]], np.float32)])
    assert outputs[0].tolist() == [[4.0, 10.0]]


def test_inputs_can_change_and_return_to_the_seeded_ones(matmul: Artifact) -> None:
    with Host().load(matmul) as loaded:
        seeded = loaded.infer()
        assert loaded.infer([np.zeros((1, 3), np.float32)])[0].tolist() == [[0.0, 0.0]]
        assert np.array_equal(loaded.infer()[0], seeded[0])
        samples = loaded.measure(SHORT)
    assert samples.output_sha256 == hashlib.sha256(seeded[0].tobytes()).hexdigest()


def test_every_counted_call_is_a_raw_sample(matmul: Artifact) -> None:
    with Host().load(matmul) as loaded:
        first, second = loaded.measure(SHORT), loaded.measure(SHORT)
    assert len(first.latency_us) == len(second.latency_us) == 25
    assert min(first.latency_us) > 0
    assert first.first_us == second.first_us


def test_measuring_stops_when_its_seconds_are_over(matmul: Artifact) -> None:
    with Host().load(matmul) as loaded:
        samples = loaded.measure(Plan(warmup=0, runs=10**9, seconds=0.05, rounds=1, warmup_seconds=0.0))
    assert 0 < len(samples.latency_us) < 10**9


def test_facts_say_runtime_threads_and_circumstances() -> None:
    with Host().load(of_file(KWS), threads=2) as loaded:
        samples = loaded.measure(SHORT)
    assert samples.runtime["name"] == "litert"
    assert samples.runtime["version"] == version("ai-edge-litert")
    assert samples.runtime["threads"] == 2
    assert samples.runtime["delegate"] == "XNNPACK"
    assert samples.peak_memory_bytes is not None and samples.peak_memory_bytes > KWS.stat().st_size
    assert samples.facts["before"]["load_average"] and samples.facts["clock_us"] > 0


@pytest.mark.parametrize("ending", [".onnx", ".tflite"])
def test_a_damaged_file_is_refused_by_its_name_alone(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"broken{ending}"
    path.write_bytes(KWS.read_bytes()[:500] * 3)
    with pytest.raises(BadModel, match=f"^broken{ending}: loading it: ") as caught, Host().load(of_file(path)):
        pass
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_no_runtime_runs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.touch()
    words = "host runs .onnx, .ort and .tflite files, not checkpoint"
    with pytest.raises(BadInput, match=words), Host().load(of_file(path)):
        pass


def test_wrong_inputs_are_refused_and_the_file_stays_open(matmul: Artifact) -> None:
    with Host().load(matmul) as loaded:
        with pytest.raises(BadModel, match="running it: 2 inputs given, the file takes 1"):
            loaded.infer([np.zeros((1, 3), np.float32)] * 2)
        assert loaded.infer([np.zeros((1, 3), np.float32)])[0].tolist() == [[0.0, 0.0]]


def test_a_child_that_is_killed_is_named_with_file_step_and_signal(matmul: Artifact) -> None:
    before = set(children())
    with Host().load(matmul) as loaded:
        [child] = set(children()) - before
        os.kill(child, signal.SIGKILL)
        with pytest.raises(RuntimeDied, match=r"matmul.onnx: measuring it: .*signal 9 \(SIGKILL\)"):
            loaded.measure(SHORT)


def test_a_crash_is_told_with_the_last_words(tmp_path: Path) -> None:
    code = "import os, sys; input(); print('segment 7 is bad', file=sys.stderr, flush=True); os.kill(os.getpid(), 11)"
    with (
        Conversation(tmp_path / "net.onnx", (sys.executable, "-c", code)) as child,
        pytest.raises(RuntimeDied, match=r"net.onnx: loading it: .*signal 11 \(SIGSEGV\); it said: segment 7 is bad"),
    ):
        child.ask("load", 30.0)


def test_a_child_that_ends_halfway_through_a_line_is_dead(tmp_path: Path) -> None:
    code = 'import os, sys; input(); sys.stdout.write(\'{"event": "lo\'); sys.stdout.flush(); os.kill(os.getpid(), 9)'
    with (
        Conversation(tmp_path / "net.onnx", (sys.executable, "-c", code)) as child,
        pytest.raises(RuntimeDied, match=r"net.onnx: loading it: .*signal 9 \(SIGKILL\)"),
    ):
        child.ask("load", 30.0)


def test_a_child_that_never_answers_is_ended(tmp_path: Path) -> None:
    before = set(children())
    with Conversation(tmp_path / "net.onnx", (sys.executable, "-c", "import time; time.sleep(600)")) as child:
        [pid] = set(children()) - before
        with pytest.raises(RuntimeDied, match="net.onnx: loading it: no answer within 0.2 s"):
            child.ask("load", 0.2)
        assert gone(pid)


def test_a_missing_runtime_is_told_with_its_cure(matmul: Artifact) -> None:
    code = (
        f"import runpy, sys; sys.modules['onnxruntime'] = None; sys.path[0] = {str(Path(AGENT[1]).parent)!r}; "
        f"runpy.run_path({AGENT[1]!r}, run_name='__main__')"
    )
    with (
        Conversation(matmul.path, (sys.executable, "-c", code)) as child,
        pytest.raises(MissingTool, match="matmul.onnx: loading it: .*pip install onnxruntime"),
    ):
        child.ask("load", 30.0, file=str(matmul.path), runtime="onnxruntime")


def test_an_interrupt_inside_the_block_leaves_no_process(matmul: Artifact) -> None:
    with pytest.raises(KeyboardInterrupt), Host().load(matmul):
        raise KeyboardInterrupt


BENCH = """
import signal, sys
from pathlib import Path
from edgestill.benchmarks.harness.measure import bench
from edgestill.targets.host import Host
from edgestill.targets.target import Plan
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
bench([Path(sys.argv[1])], [Host()], Plan(runs=10**9, seconds=600.0, rounds=1))
"""


def busy(host: subprocess.Popen[bytes]) -> int:
    """The agent of a bench, once it measures: it has then used up half a second of the processor."""
    while True:
        assert host.poll() is None, host.stderr and host.stderr.read().decode()
        for pid in children(host.pid):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_text()
                ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11])
                if AGENT[1] in command and ticks > 0.5 * os.sysconf("SC_CLK_TCK"):
                    return pid
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_child_ends_when_its_host_is_interrupted_or_killed(matmul: Artifact, number: signal.Signals) -> None:
    command = [sys.executable, "-c", BENCH, str(matmul.path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        pid = busy(running)
        running.send_signal(number)
        running.communicate()
    assert gone(pid)


@pytest.fixture
def running_agent(matmul: Artifact) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """The agent by itself, with a file loaded and one more request sent."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**request: object) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(AGENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(child)
        assert child.stdin and child.stdout
        for line in ({"do": "load", "file": str(matmul.path), "runtime": "onnxruntime"}, request):
            child.stdin.write(json.dumps(line).encode() + b"\n")
            child.stdin.flush()
        assert json.loads(child.stdout.readline())["event"] == "ready"
        return child

    yield start
    for child in started:
        with child:
            child.kill()


def test_the_agent_ends_with_its_input(running_agent: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = running_agent(do="measure", runs=10**9, seconds=600.0)
    assert child.stdin and child.stdout
    assert json.loads(child.stdout.readline())["event"] == "progress"
    child.stdin.close()
    assert child.wait(10) == 0


def test_the_agent_ends_at_its_own_limit(running_agent: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = running_agent(do="measure", runs=10**9, seconds=600.0, limit_seconds=0.3)
    assert child.wait(10) == -signal.SIGALRM


def test_the_agent_answers_nonsense_with_an_error(running_agent: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = running_agent(do="dance")
    assert child.stdout
    assert json.loads(child.stdout.readline())["event"] == "error"


def test_the_agent_needs_python_39_and_numpy_alone() -> None:
    modules = set[str]()
    for name in AGENT_FILES:
        tree = ast.parse((Path(AGENT[1]).parent / name).read_text(), feature_version=(3, 9))
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    own = {Path(name).stem for name in AGENT_FILES}
    assert {module.split(".")[0] for module in modules} - sys.stdlib_module_names - own == {"numpy"}


def test_the_agent_goes_to_devices_as_one_file_that_python_runs(tmp_path: Path, matmul: Artifact) -> None:
    alone = tmp_path / agent_source().name
    shutil.copy(agent_source(), alone)
    with Conversation(matmul.path, (sys.executable, "-I", str(alone))) as child:
        child.ask("load", 30.0, file=str(matmul.path), runtime="onnxruntime")
        assert child.ask("measure", 30.0, runs=3, seconds=1.0)["affinity"] == sorted(os.sched_getaffinity(0))


def test_seeded_inputs_are_the_same_everywhere(agent: ModuleType) -> None:
    stream = hashlib.sha256(b"0:0").digest() + hashlib.sha256(b"0:1").digest()
    assert agent.seeded([2, 20], "uint8", 0).tobytes() == stream[:40]
    assert agent.seeded([40], "int8", 0).tobytes() == stream[:40]
    floats = agent.seeded([40], "float32", 0)
    assert floats.dtype == np.float32 and -1 <= floats.min() < floats.max() <= 1
    assert set(agent.seeded([40], "int64", 0).tolist()) == {0, 1}


def test_probing_tells_what_the_machine_is_but_not_whose() -> None:
    device = Host().probe()
    assert device.facts["cores"] >= 1
    assert device.facts["runtimes"]["onnxruntime"] == version("onnxruntime")
    told = json.dumps(device.facts)
    assert os.uname().nodename not in told and str(Path.home()) not in told


def test_the_host_imports_no_runtime() -> None:
    code = (
        "from edgestill.targets.catalog import find\n"
        "import sys\n"
        "find('host').probe()\n"
        "print(*sorted({'torch', 'onnx', 'onnxruntime', 'ai_edge_litert', 'tflite_micro'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize("wrong", [{"runs": 0}, {"threads": 0}, {"rounds": 0}, {"seconds": -1.0}])
def test_a_plan_that_measures_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=f"plan: {next(iter(wrong))} is "):
        Plan(**wrong)


def test_rounds_share_a_plan() -> None:
    whole = Plan(runs=1000, seconds=5.0, rounds=3)
    assert (whole.one_round().runs, whole.one_round().rounds) == (334, 1)
    assert whole.one_round().seconds == pytest.approx(5 / 3)
