"""Another Python of this machine as a target: its own runtime runs our files and is a row of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.errors import BadInput, DeviceFailed
from edgestill.targets.host import Host
from edgestill.targets.host_python import OLD, HostPython
from edgestill.targets.own import own_targets
from edgestill.targets.target import HERE, Evidence, Plan
from edgestill.tests.conftest import WholeRun

CASES = Path(__file__).parent / "cases" / "mlperf-tiny"
KWS = CASES / "kws_int8.tflite"
SHORT = Plan(warmup=1, runs=25, seconds=5.0, rounds=1, warmup_seconds=0.0)
of_python_311 = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the last tflite-runtime is for Python 3.11: run the tests in one"
)


def test_a_python_of_the_user_s_runs_files_with_what_it_has() -> None:
    target = HostPython("mine", sys.executable)
    assert target.evidence is Evidence.MEASURED and target.place == HERE
    assert target.probe().facts["runtimes"]["litert"] == version("ai-edge-litert")
    with target.load(of_file(KWS)) as loaded:
        samples = loaded.measure(SHORT)
    assert samples.runtime["name"] == "litert" and len(samples.latency_us) == 25
    assert samples.agreement and samples.agreement.mismatches == 0


def test_a_python_without_a_runtime_names_what_to_install(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty")], check=True)
    python = str(tmp_path / "empty" / "bin" / "python")
    with pytest.raises(DeviceFailed, match="has no litert or tflite-runtime; .*-m pip install numpy ai-edge-litert"):
        HostPython("mine", python).load(of_file(KWS)).__enter__()
    assert "no runtime" in HostPython("mine", python).probe().name


@pytest.mark.parametrize("python", ["no/python", shutil.which("true") or "/bin/true"])
def test_what_is_no_python_is_told(python: str) -> None:
    with pytest.raises(DeviceFailed) as caught:
        HostPython("mine", python).probe()
    assert caught.value.code == "no-python" and "targets.toml" in caught.value.remedy


def test_a_program_that_prints_without_end_is_no_python_and_is_ended_at_once(tmp_path: Path) -> None:
    program = tmp_path / "endless"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nwhile :; do echo yes yes yes yes yes; done\n")
    program.chmod(0o755)
    with pytest.raises(DeviceFailed) as caught:
        HostPython("mine", str(program)).probe()
    assert caught.value.code == "no-python"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_program_that_never_answers_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgestill.targets.host_python.PROBE_SECONDS", 0.5)
    program = tmp_path / "silent"
    program.write_text("#!/bin/sh\nsleep 600\necho never\n")
    program.chmod(0o755)
    with pytest.raises(DeviceFailed, match=r"silent did not answer within 0\.5 s") as caught:
        HostPython("mine", str(program)).probe()
    assert caught.value.code == "no-answer"


def test_only_tflite_files_run_where_there_is_only_that_runtime(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(BadInput, match=r"host:tflite-runtime runs \.tflite files, not onnx"):
        HostPython().load(of_file(tmp_path / "a.onnx")).__enter__()


def test_targets_toml_names_a_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "targets.toml"
    monkeypatch.setenv("EDGESTILL_TARGETS", str(path))
    path.write_text('[old]\nkind = "host"\npython = "~/venv/bin/python"\n')
    assert own_targets() == {"old": HostPython("old", "~/venv/bin/python")}
    for wrong, told in (('host = "pi"', "no option is named 'host'; there are python"), ("", "has one key, python")):
        path.write_text(f'[old]\nkind = "host"\n{wrong}\n')
        with pytest.raises(BadInput, match=told):
            own_targets()


@of_python_311
@pytest.mark.nightly
def test_tflite_runtime_runs_our_int8_files_out_of_a_folder_of_its_own(whole: WholeRun) -> None:
    ours = whole.out / "model.int8.tflite"
    for path in (ours, *(CASES / f"{name}.tflite" for name in ("kws_int8", "ic_int8", "vww_int8", "ad_int8"))):
        with HostPython().load(of_file(path)) as loaded:
            samples, outputs = loaded.measure(SHORT), loaded.infer()
        assert (samples.runtime["name"], samples.runtime["version"]) == (OLD, "2.14.0")
        assert samples.agreement and samples.agreement.reference.startswith("host, litert ")
        if path == ours:
            with Host().load(of_file(path)) as newer:
                assert np.abs(outputs[0].astype(int) - newer.infer()[0]).max() <= 1


@of_python_311
@pytest.mark.nightly
def test_tflite_runtime_in_a_virtual_environment_is_a_row(tmp_path: Path, edgestill: Callable[..., Any]) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    packages = ["tflite-runtime==2.14.0", "numpy<2"]
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--only-binary=:all:", *packages], check=True)
    own = {"EDGESTILL_TARGETS": str(tmp_path / "targets.toml")}
    added = edgestill(["targets", "add", "old", "--kind", "host", "--python", str(python)], tmp_path / "store", **own)
    assert added.returncode == 0, added.stderr
    command = ["bench", str(KWS), "--on", "host,old", "--runs", "50", "--seconds", "1", "--json"]
    ended = edgestill(command, tmp_path / "store", **own)
    assert ended.returncode == 0, ended.stderr
    rows = {row["target"]: row for row in json.loads(ended.stdout)["results"]}
    assert rows["host"]["runtime"]["name"] == "litert" and rows["old"]["runtime"]["name"] == OLD
    assert rows["old"]["runtime"]["version"] == "2.14.0" and rows["old"]["latency_us"]["p50"] > 0
    assert rows["old"]["output"]["reference"].startswith("host, litert ")
