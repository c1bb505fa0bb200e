"""Ethos-U by Vela: an estimate that says what it is, and stands in no column of a measurement."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.errors import BadInput, BadModel, MissingTool
from edgestill.targets import ethos_u
from edgestill.targets.ethos_u import ACCELERATORS, EthosU
from edgestill.targets.setup.installation import version_of
from edgestill.targets.setup.parts import TARGETS
from edgestill.targets.target import Evidence, Plan
from edgestill.tests.wanted import want

MODELS = Path(__file__).parent / "cases" / "mlperf-tiny"


@pytest.fixture(autouse=True)
def vela_is_here() -> None:
    want(version_of("ethos-u-vela") is not None, "mcu", "Vela is missing: pip install 'edgestill[ethos-u]'")


def test_an_estimate_names_what_it_assumes(edgestill: Any, tmp_path: Path) -> None:
    command = ["bench", str(MODELS / "kws_int8.tflite"), "--on", "ethos-u55-128", "--json"]
    [row] = json.loads(edgestill(command, tmp_path / "store").stdout)["results"]
    assert row["evidence"] == "estimated" and row["error"] is None
    assert row["latency_us"] is None and row["instructions"] is None and row["output"] is None
    cycles = row["cycles_estimate"]
    assert cycles["low"] == cycles["high"] > 10_000
    assert "Ethos_U55_High_End_Embedded, Shared_Sram" in cycles["board"] and "no time" in cycles["caveat"]
    assert row["operators"]["cpu"] == 0 < row["operators"]["npu"]
    assert 16_000 <= row["ram_bytes"]["total"] < 64_000 and row["flash_bytes"]["code"] is None
    assert row["runtime"]["name"] == "vela" and row["runtime"]["memory_mode"] == "Shared_Sram"


def test_the_larger_accelerator_takes_fewer_cycles() -> None:
    taken = []
    for name in ACCELERATORS:
        with EthosU(name).load(of_file(MODELS / "kws_int8.tflite")) as loaded:
            estimate = loaded.measure(Plan()).estimate
        assert estimate is not None
        taken.append(estimate.cycles.low)
    assert taken[0] > taken[1]


def test_what_vela_cannot_place_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(BadModel, match="none of its operators runs on the NPU"),
        EthosU("ethos-u55-128").load(of_file(MODELS / "kws_fp32.tflite")),
    ):
        pass
    (tmp_path / "bad.tflite").write_bytes(b"no flatbuffer" * 9)
    with (
        pytest.raises(BadModel, match="bad.tflite on ethos-u55-128: Vela refuses it"),
        EthosU("ethos-u55-128").load(of_file(tmp_path / "bad.tflite")),
    ):
        pass
    (tmp_path / "net.onnx").write_bytes(b"")
    with (
        pytest.raises(BadInput, match="takes full-integer .tflite files"),
        EthosU("ethos-u55-128").load(of_file(tmp_path / "net.onnx")),
    ):
        pass


def test_an_estimate_computes_nothing() -> None:
    with EthosU("ethos-u55-128").load(of_file(MODELS / "ad_int8.tflite")) as loaded, pytest.raises(BadInput):
        loaded.infer()


def test_without_vela_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ethos_u, "version_of", lambda name: None)
    target = EthosU("ethos-u55-128")
    assert target.evidence is Evidence.ESTIMATED and "edgestill doctor ethos-u55-128" in target.probe().name
    with (
        pytest.raises(MissingTool, match=r"Vela is missing; .*pip install .*\[ethos-u\]"),
        target.load(of_file(MODELS / "ad_int8.tflite")),
    ):
        pass


def test_the_doctor_knows_every_accelerator() -> None:
    assert set(ACCELERATORS) <= set(TARGETS)
