"""Browsers as targets: a real Chromium that says it is a phone, the page in it, and all that the server refuses."""

import http.client
import json
import os
import queue
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgestill.benchmarks.harness.measure import bench
from edgestill.benchmarks.harness.result import Result
from edgestill.benchmarks.page import sustained
from edgestill.benchmarks.tables.table import print_results
from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.errors import BadInput, MissingTool
from edgestill.targets.host import Host
from edgestill.targets.own import add, own_targets
from edgestill.targets.setup.parts import WEB_RUNTIMES, web_assets
from edgestill.targets.target import HERE, Plan
from edgestill.targets.web import run as running
from edgestill.targets.web.answers import Unreadable, arrays_of, event_of, facts_of, packed, samples_of
from edgestill.targets.web.assets import LIST, assets
from edgestill.targets.web.browser import Browser, browsers
from edgestill.targets.web.invitation import Invitation, words
from edgestill.targets.web.run import Door, Run
from edgestill.targets.web.server import LARGEST
from edgestill.tests.phone_browser import HEIGHT, WIDTH, Chromium, Page, chromium
from edgestill.tests.wanted import want, want_program

CASES = Path(__file__).parent / "cases" / "mlperf-tiny"
KWS, IC, FLOAT = (CASES / f"{name}.tflite" for name in ("kws_int8", "ic_int8", "kws_fp32"))
SHORT = Plan(warmup=1, runs=60, seconds=1.0, rounds=2)
DONE = "document.body.innerText.includes('Done. You can close this page.')"


class Bench:
    """A bench that runs beside the test, which waits for its address and, in the end, for its rows."""

    def __init__(self, files: list[Path], door: Door, phones: int = 1, plan: Plan = SHORT) -> None:
        self._addresses: queue.Queue[Invitation] = queue.Queue()
        names = ["web"] if phones == 1 else [f"web-{number + 1}" for number in range(phones)]
        self.run = Run(names, door, self._addresses.put)
        self._targets = [Browser(name, self.run, index) for index, name in enumerate(names)]
        self._rows: list[Result] = []
        self._thread = threading.Thread(target=lambda: self._rows.extend(bench(files, self._targets, plan)))
        self._thread.start()

    def invitation(self) -> Invitation:
        return self._addresses.get(timeout=30)

    def rows(self) -> list[Result]:
        self._thread.join(120)
        assert not self._thread.is_alive()
        return self._rows


@pytest.fixture(scope="module")
def kept() -> None:
    """What a page loads; it is brought by a command of its own."""
    try:
        assets()
    except MissingTool:
        want(False, "web", web_assets())


@pytest.fixture(scope="module")
def browser(kept: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    flags = ("--host-resolver-rules=MAP *.local 127.0.0.1", "--ignore-certificate-errors")
    with chromium(want_program("chromium", "web"), tmp_path_factory.mktemp("profile"), *flags) as opened:
        yield opened


@pytest.fixture(scope="module")
def qdq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """y = x @ w on quantized values, as an .onnx file has them."""
    weights = [
        numpy_helper.from_array(np.arange(-12, 12, dtype=np.int8).reshape(8, 3), "w8"),
        *(
            numpy_helper.from_array(np.array(scale, np.float32), name)
            for scale, name in ((1 / 127, "sx"), (0.02, "sw"), (0.01, "sy"))
        ),
        numpy_helper.from_array(np.array(0, np.int8), "zero"),
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "sx", "zero"], ["x8"]),
        helper.make_node("DequantizeLinear", ["x8", "sx", "zero"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w8", "sw", "zero"], ["w"]),
        helper.make_node("MatMul", ["xf", "w"], ["yf"]),
        helper.make_node("QuantizeLinear", ["yf", "sy", "zero"], ["y8"]),
        helper.make_node("DequantizeLinear", ["y8", "sy", "zero"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in (("x", 8), ("y", 3))]
    graph = helper.make_graph(nodes, "m", ports[:1], ports[1:], weights)
    path = tmp_path_factory.mktemp("web") / "qdq.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_phone_runs_files_shows_the_figures_and_sends_them_back(browser: Chromium, qdq: Path, capsys: Any) -> None:
    running = Bench([KWS, IC, FLOAT, qdq], Door(wait=60))
    page = browser.open(running.invitation().url)
    seen = float(page.wait("document.getElementById('bar').value"))
    page.wait(DONE)
    rows = running.rows()
    assert 0 < seen < 1 and page.see("document.getElementById('bar').value") == 1
    assert [row.error for row in rows] == [None] * 4
    assert [row.runtime and row.runtime["name"] for row in rows] == ["litert.js/wasm"] * 3 + ["onnxruntime-web/wasm"]
    for row in rows:
        latency = row.latency()
        assert row.evidence == "measured" and latency and latency.p50 > 0 and len(row.rounds_us) == SHORT.rounds
        assert row.output and row.output.reference.startswith("host, ") and row.output.mismatches == 0
    native = bench([KWS, IC], [Host()], replace(SHORT, runs=2))
    assert [row.output and row.output.sha256 for row in native] == [
        row.output and row.output.sha256 for row in rows[:2]
    ]
    shown = page.text()
    assert [
        one for one in ("kws_int8.tflite", "p50 in litert.js/wasm", "p50 in onnxruntime-web/wasm") if one not in shown
    ] == []
    device = rows[0].telemetry["device"]
    assert "Pixel 7" in device["user_agent"] and device["screen"] == f"{WIDTH}x{HEIGHT}" and device["clock_us"] > 0
    assert page.see("document.documentElement.scrollWidth") <= WIDTH
    page.close()
    print_results(rows)
    told = capsys.readouterr().out
    assert "ic_int8.tflite: LiteRT.js takes no int8" in told and "qdq.onnx: INT8 in ONNX Runtime Web" in told


def test_a_page_computes_what_it_is_given(browser: Chromium, qdq: Path) -> None:
    addresses: queue.Queue[Invitation] = queue.Queue()
    target, values = Browser(run=Run(["web"], Door(wait=60), addresses.put)), np.random.default_rng(0)
    opener = threading.Thread(target=lambda: browser.open(addresses.get(timeout=30).url))
    opener.start()
    floats = [values.uniform(-1, 1, (1, 8)).astype(np.float32)]
    integers = [values.integers(-128, 128, (1, 49, 10, 1)).astype(np.int8)]
    with target.load(of_file(qdq)) as loaded, target.load(of_file(KWS)) as other:
        given, own = loaded.infer(floats), other.infer(integers)
    opener.join()
    with Host().load(of_file(qdq)) as loaded, Host().load(of_file(KWS)) as other:
        np.testing.assert_allclose(given[0], loaded.infer(floats)[0], atol=0.0101)
        np.testing.assert_array_equal(own[0], other.infer(integers)[0])


def test_two_browsers_join_one_run(browser: Chromium) -> None:
    running = Bench([FLOAT], Door(wait=60), phones=2)
    url = running.invitation().url
    pages = [browser.open(url), browser.open(url)]
    rows = running.rows()
    for page in pages:
        page.wait(DONE)
        page.close()
    assert [(row.target, row.error) for row in rows] == [("web-1", None), ("web-2", None)]


def test_plain_http_in_a_network_is_measured_on_one_thread_and_says_so(browser: Chromium, capsys: Any) -> None:
    running = Bench([FLOAT], Door(lan=True, wait=60))
    url = running.invitation().url
    assert "localhost" not in url
    page = browser.open(url)
    [row] = running.rows()
    page.close()
    assert row.error is None and row.output and row.output.mismatches == 0
    device = row.telemetry["device"]
    assert (device["secure_context"], device["cross_origin_isolated"]) == (False, False)
    print_results([row])
    assert "not isolated (one thread, a coarse clock)" in capsys.readouterr().out


def test_a_page_runs_for_long_and_says_so_period_by_period(browser: Chromium) -> None:
    running = Bench([KWS, FLOAT], Door(wait=60), plan=replace(SHORT, rounds=1, sustain=2.0))
    page = browser.open(running.invitation().url)
    rows = running.rows()
    page.wait(DONE)
    page.close()
    for row in rows:
        assert row.error is None and len(row.sustained) >= 4
        ends = [period.end for period in row.sustained]
        assert ends == sorted(ends) and ends[-1] >= 2.0
        assert all(0 < len(one.latency_us) <= one.calls and one.facts["visible"] for one in row.sustained)
        told = row.to_json()["sustained"]
        assert all(0 < one["p50_us"] <= one["p90_us"] for one in told)
    assert figure_of(rows) == {"kws_int8.tflite", "kws_fp32.tflite"}


def figure_of(rows: list[Result]) -> set[str]:
    """The files whose long runs are drawn."""
    section = sustained.of_lines(
        [sustained.Line(index, Path(row.file.path).name, row) for index, row in enumerate(rows)]
    )
    assert section and section.figure
    return {str(trace["name"]) for trace in section.figure.data}


def test_several_threads_want_a_page_that_is_isolated(browser: Chromium) -> None:
    two = replace(SHORT, threads=2)
    refused = Bench([FLOAT], Door(lan=True, wait=60), plan=two)
    browser.open(refused.invitation().url)
    [row] = refused.rows()
    assert (
        row.error
        and (row.error.step, row.error.code) == ("load", "not-isolated")
        and "--https" in (row.error.remedy or "")
    )
    want_program("openssl", "web")
    taken = Bench([FLOAT], Door(lan=True, https=True, wait=60), plan=two)
    invitation = taken.invitation()
    browser.open(invitation.url)
    [row] = taken.rows()
    assert invitation.url.startswith("https://") and len(invitation.fingerprint or "") == 64
    assert row.error is None and row.runtime and row.runtime["threads"] == 2
    assert row.telemetry["device"]["cross_origin_isolated"] is True


def test_a_page_that_is_closed_becomes_a_row_with_its_remedy(browser: Chromium) -> None:
    running = Bench([KWS, FLOAT], Door(wait=60), plan=replace(SHORT, runs=10_000_000, seconds=40.0))
    page = browser.open(running.invitation().url)
    page.wait("document.body.innerText.includes('Measuring')")
    page.close()
    rows = running.rows()
    found = [(row.error.step, row.error.code) for row in rows if row.error]
    assert found == [("measure", "page-closed")] * 2
    assert all(row.error and "keep it in front" in (row.error.remedy or "") for row in rows)


def test_a_browser_that_dies_without_a_word_is_noticed(kept: None, tmp_path: Path) -> None:
    running = Bench([FLOAT], Door(wait=60), plan=replace(SHORT, runs=10_000_000, seconds=40.0))
    with chromium(want_program("chromium", "web"), tmp_path) as dying:
        dying.open(running.invitation().url).wait("document.body.innerText.includes('Measuring')")
    [row] = running.rows()
    assert row.error and (row.error.step, row.error.code) == ("measure", "page-closed")


def test_a_run_that_nobody_joins_is_rows_after_one_wait(kept: None) -> None:
    rows = Bench([KWS, FLOAT], Door(wait=0.3)).rows()
    assert [(row.error.step, row.error.code) for row in rows if row.error] == [("connect", "nobody-joined")] * 2
    assert rows[0].error and rows[0].error.is_missing and "--wait" in (rows[0].error.remedy or "")


def test_files_that_cannot_be_read_wait_for_nobody(kept: None, tmp_path: Path) -> None:
    for name in ("cut.tflite", "cut.onnx"):
        (tmp_path / name).write_bytes(KWS.read_bytes()[:999])
    rows = Bench([tmp_path / "cut.tflite", tmp_path / "cut.onnx"], Door(wait=0.1)).rows()
    assert [row.error and row.error.code for row in rows] == ["BadModel", "BadModel"]


class Line:
    """Requests to the server of a run, as a program that is no page of ours makes them."""

    def __init__(self, url: str) -> None:
        _, _, self.host, self.token, _ = url.split("/")

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        given = {"Host": self.host, **({"Origin": f"http://{self.host}"} if body is not None else {}), **headers}
        connection.request("GET" if body is None else "POST", path, body, {k: v for k, v in given.items() if v})
        answer = connection.getresponse()
        found = answer.status, answer.read(), answer.msg
        connection.close()
        return found


@pytest.fixture
def line(kept: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """To a run that waits for a page."""
    monkeypatch.setattr(running, "GOODBYE_SECONDS", 0.1)
    waiting = Bench([FLOAT], Door(wait=5.0))
    yield Line(waiting.invitation().url)
    for seat in waiting.run.seats:
        seat.joined.set()
        seat.leave()
    waiting.rows()


def test_the_page_is_isolated_and_loads_nothing_from_elsewhere(line: Line) -> None:
    status, body, headers = line.ask(f"/{line.token}/")
    assert status == 200 and not re.search(rb"https?://", body)
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert line.ask(f"/{line.token}/runtimes/onnxruntime-web/dist/ort.wasm.min.mjs")[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/page.js", "/wrong/", "/wrong/page.js", "/wrong/runtimes/onnxruntime-web/dist/ort.wasm.min.mjs"]
)
def test_nothing_is_given_without_the_token(line: Line, path: str) -> None:
    assert line.ask(path)[0] == 403


@pytest.mark.parametrize(
    "name",
    ["../server.py", "..%2fserver.py", "runtimes/../files.json", "runtimes//etc/passwd", "runtimes/files.json", "x"],
)
def test_only_what_is_listed_is_given(line: Line, name: str) -> None:
    assert line.ask(f"/{line.token}/{name}")[0] == 404


def test_the_token_is_good_for_one_page(line: Line) -> None:
    status, body, _ = line.ask(f"/{line.token}/join", b"{}")
    seat = json.loads(body)["seat"]
    assert status == 200 and line.ask(f"/{line.token}/join", b"{}")[0] == 410 and line.ask(f"/{line.token}/")[0] == 410
    assert line.ask(f"/{line.token}/events", b'{"event": "gone"}')[0] == 403
    assert line.ask(f"/{seat}/files/0")[0] == 404 and line.ask(f"/{seat}/events", b'{"event": "x"}')[0] == 400
    assert line.ask(f"/{seat}/events", b'{"event": "progress", "done": 1}')[0] == 204


def test_other_sites_and_other_names_are_refused(line: Line) -> None:
    page, join = f"/{line.token}/", f"/{line.token}/join"
    assert line.ask(page, Host="attacker.example")[0] == 403
    assert line.ask(page, Origin="https://attacker.example")[0] == 403
    assert line.ask(join, b"{}", Origin="https://attacker.example")[0] == 403
    assert line.ask(join, b"{}", Origin="null")[0] == 403
    assert line.ask(join, b"{}", Origin="")[0] == 403
    assert line.ask(join, b"{}")[0] == 200


def test_bodies_have_a_limit_and_a_length(line: Line) -> None:
    join = f"/{line.token}/join"
    assert line.ask(join, b"{}", **{"Content-Length": str(LARGEST + 1)})[0] == 413
    assert line.ask(join, b"{}", **{"Content-Length": "-2"})[0] == 411
    assert line.ask(join, b"[" * 100_000)[0] == 400
    assert line.ask(join, b"nonsense")[0] == 400


def read(reader: Callable[[Any], object], value: Any) -> bool:
    try:
        reader(value)
    except Unreadable:
        return False
    return True


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda more: st.lists(more) | st.dictionaries(st.text(), more),
)


@pytest.mark.parametrize("odd", [0, -1, float("nan"), float("inf"), 10**400, "1", True, None])
def test_a_time_that_no_clock_gives_is_no_latency(odd: Any) -> None:
    assert samples_of({"latency_us": [1.5, 2]}) == (1.5, 2.0)
    assert not read(samples_of, {"latency_us": [1.5, odd]})


@settings(max_examples=50)
@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_page_sends_is_read_or_refused(body: bytes) -> None:
    read(event_of, body)
    read(facts_of, body)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["outputs", "dtype", "shape", "data"]), json_values), json_values)
def test_whatever_stands_for_an_array_is_read_or_refused(one: dict[str, Any], other: Any) -> None:
    read(arrays_of, {"outputs": [one, other]})
    read(arrays_of, {"outputs": [{"dtype": "int8", "shape": [2], "data": one.get("data")}]})
    read(arrays_of, {"outputs": [{"dtype": "int8", "shape": one.get("shape"), "data": "AAAA"}]})


@given(st.sampled_from(["int8", "float32", "int64"]), st.lists(st.integers(0, 3), max_size=3))
def test_an_array_comes_back_as_it_went(dtype: str, shape: list[int]) -> None:
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    [found] = arrays_of({"outputs": [packed(array)]})
    assert found.dtype == array.dtype and found.shape == array.shape and (found == array).all()


def test_runtimes_that_are_missing_or_damaged_name_the_command_that_brings_them(tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match=r"not there; .* -m edgestill\.targets\.web\.assets"):
        assets(tmp_path)
    (tmp_path / "a.js").write_text("now")
    (tmp_path / LIST).write_text(json.dumps({"a.js": "before"}))
    with pytest.raises(MissingTool, match=r"damaged \(a\.js\); .* -m edgestill\.targets\.web\.assets"):
        assets(tmp_path)
    assert WEB_RUNTIMES.name in str(WEB_RUNTIMES)


def test_a_phone_on_a_cable_reaches_the_page_as_its_own(
    kept: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in adb's place, which notes what it is asked: no phone is here."""
    adb, notes = tmp_path / "adb", tmp_path / "notes"
    listed = "List of devices attached\\nP7\\tdevice\\nP8\\tunauthorized\\n"
    adb.write_text(f'#!/bin/sh\necho "$*" >> {notes}\n[ "$1" = devices ] && printf "{listed}"; true\n')
    adb.chmod(adb.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    waiting = Bench([FLOAT], Door(lan=True, wait=0.3))
    invitation = waiting.invitation()
    waiting.rows()
    port = invitation.url.split("/")[2].removeprefix("localhost:")
    assert invitation.cabled == ("P7",) and any("P7" in line for line in words(invitation))
    assert notes.read_text().splitlines() == [
        "devices -l",
        f"-s P7 reverse tcp:{port} tcp:{port}",
        f"-s P7 reverse --remove tcp:{port}",
    ]


def test_a_phone_of_the_users_own_has_its_door_in_targets_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESTILL_TARGETS", str(tmp_path / "targets.toml"))
    add("phone", {"kind": "web", "lan": True, "https": True}, [])
    own = own_targets()["phone"]
    assert isinstance(own, Browser) and own.name == "phone" and own.run.door == Door(lan=True, https=True)
    assert own.place != HERE and Browser().place == HERE
    (tmp_path / "targets.toml").write_text("[phone]\nkind = 'web'\nlan = 'yes'\n")
    with pytest.raises(BadInput, match="lan is 'yes'; it must be true or false"):
        own_targets()


@pytest.mark.parametrize("wrong", [{"wait": 0.0}, {"port": 70000}])
def test_a_door_that_cannot_be_is_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="must be"):
        Door(**wrong)
    with pytest.raises(BadInput, match="1 to 32"):
        browsers(Door(), 0)


def test_the_command_prints_an_address_and_then_a_row(browser: Chromium, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "edgestill",
        "bench",
        str(FLOAT),
        "--on",
        "web",
        "--json",
        "--runs",
        "50",
        "--seconds",
        "1",
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert child.stdout and child.stderr
    address = next(found[0] for line in child.stderr if (found := re.search(r"http://localhost:\d+/\S+/", line)))
    page: Page = browser.open(address)
    out, _ = child.communicate(timeout=120)
    page.wait(DONE)
    [row] = json.loads(out)["results"]
    assert child.returncode == 0 and row["target"] == "web" and row["evidence"] == "measured"
    assert row["latency_us"]["p50"] > 0 and row["output"]["matches_reference"] and row["runtime"]["version"] == "2.5.3"
    page.close()
