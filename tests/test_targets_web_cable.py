"""A phone on a cable opens the page as its own: real adb, its reversed port, and a real Chromium behind that port."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path

from edgestill.pipeline.errors import MissingTool
from edgestill.targets.setup.parts import web_assets
from edgestill.targets.web.assets import assets
from edgestill.tests.adb_daemon import LOCALHOST
from edgestill.tests.android_phone import adb_server
from edgestill.tests.arm64_sshd import free_port, wait_for
from edgestill.tests.phone_browser import Chromium, chromium
from edgestill.tests.wanted import want, want_program

CASES = Path(__file__).parent / "cases" / "mlperf-tiny"
KWS, FLOAT = CASES / "kws_int8.tflite", CASES / "kws_fp32.tflite"
DAEMON = Path(__file__).with_name("adb_daemon.py")
DONE = "document.body.innerText.includes('Done. You can close this page.')"


@dataclass(frozen=True)
class Phone:
    """A phone that adb sees: a daemon whose localhost is another than ours, and a browser that knows that one alone."""

    adb: str
    serial: str
    variables: Mapping[str, str]
    browser: Chromium

    def reversals(self) -> str:
        """What adb says of ports of the phone that are ours."""
        command = [self.adb, "-s", self.serial, "reverse", "--list"]
        return subprocess.run(command, env={**os.environ, **self.variables}, capture_output=True, text=True).stdout

    def listens(self, port: int) -> bool:
        with socket.socket() as one:
            return one.connect_ex((LOCALHOST, port)) == 0


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    adb, browser, folder = want_program("adb", "adb"), want_program("chromium", "web"), tmp_path_factory.mktemp("cable")
    try:
        assets()
    except MissingTool:
        want(False, "web", web_assets())
    port = free_port()
    with subprocess.Popen([sys.executable, str(DAEMON), str(port)]) as daemon:
        try:
            wait_for(port, daemon.pid)
            with (
                adb_server(adb, folder / "home") as variables,
                chromium(browser, folder / "profile", f"--host-resolver-rules=MAP localhost {LOCALHOST}") as opened,
            ):
                connect = [adb, "connect", f"127.0.0.1:{port}"]
                subprocess.run(connect, env={**os.environ, **variables}, capture_output=True, check=True)
                yield Phone(adb, f"127.0.0.1:{port}", variables, opened)
        finally:
            daemon.kill()


def test_without_a_reversed_port_that_browser_does_not_reach_us(phone: Phone) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        page = phone.browser.open(f"http://localhost:{ours.getsockname()[1]}/")
        assert "ERR_CONNECTION_REFUSED" in page.wait("document.body.innerText")
        page.close()


@dataclass(frozen=True)
class Bench:
    """`edgestill bench --on web` as a shell starts it, and the address that it printed."""

    child: "subprocess.Popen[str]"
    address: str
    said: str

    @property
    def port(self) -> int:
        return int(self.address.split("/")[2].split(":")[1])


@contextmanager
def benched(phone: Phone, *arguments: str) -> Iterator[Bench]:
    command = [sys.executable, "-m", "edgestill", "bench", *arguments, "--on", "web", "--json"]
    kept = {"XDG_CACHE_HOME": str(user_cache_path())}  # adb's home is another, our cache is not
    variables, said = {**os.environ, **phone.variables, **kept}, ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables) as child:
        try:
            assert child.stderr
            while "by cable" not in said:
                assert (line := child.stderr.readline()), said
                said += line
            yield Bench(child, next(word for word in said.split() if word.startswith("http://")), said)
        finally:
            child.terminate()


def test_the_phones_browser_runs_files_through_its_own_localhost(phone: Phone) -> None:
    with benched(phone, str(KWS), str(FLOAT), "--runs", "50", "--seconds", "1", "--threads", "2") as running:
        assert running.address.startswith(f"http://localhost:{running.port}/") and f"({phone.serial})" in running.said
        assert f"tcp:{running.port} tcp:{running.port}" in phone.reversals() and phone.listens(running.port)
        page = phone.browser.open(running.address)
        page.wait(DONE)
        out, said = running.child.communicate(timeout=120)
    assert running.child.returncode == 0, said
    rows: list[dict[str, Any]] = json.loads(out)["results"]
    assert [Path(row["artifact"]["path"]).name for row in rows] == [KWS.name, FLOAT.name]
    for row in rows:
        device = row["telemetry"]["device"]
        assert row["error"] is None and row["latency_us"]["p50"] > 0 and row["output"]["matches_reference"]
        assert device["secure_context"] and device["cross_origin_isolated"] and row["runtime"]["threads"] == 2
    page.close()
    assert not phone.reversals().strip() and not phone.listens(running.port)


def test_the_port_is_the_phones_own_again_when_the_command_is_interrupted(phone: Phone) -> None:
    with benched(phone, str(FLOAT), "--seconds", "60", "--runs", "100000000") as running:
        page = phone.browser.open(running.address)
        page.wait("document.body.innerText.includes('Measuring')")
        running.child.terminate()
        running.child.communicate(timeout=60)
    assert running.child.returncode == 130
    page.close()
    assert not phone.reversals().strip() and not phone.listens(running.port)
