"""A real Chromium that says it is a phone: driven over a pipe (DevTools protocol), as a thumb would."""

import base64
import contextlib
import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

WIDTH, HEIGHT = 390, 844
USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Mobile Safari/537.36"
)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
QUIET = ("--disable-background-networking", "--disable-component-update", "--hide-scrollbars")


class Chromium:
    """A browser without a window; `open` gives it a page."""

    def __init__(self, to: IO[bytes], back: IO[bytes]) -> None:
        self._to, self._from, self._numbers = to, back, itertools.count(1)

    def open(self, url: str) -> "Page":
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, target, self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        page.send("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=2, mobile=True)
        page.send("Emulation.setUserAgentOverride", userAgent=USER_AGENT, platform="Linux armv81")
        page.send("Security.setIgnoreCertificateErrors", ignore=True)
        page.send("Page.navigate", url=url)
        return page

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while (answer := json.loads(self._message())).get("id") != number:
            pass
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _message(self) -> bytes:
        parts = bytearray()
        while (octet := self._from.read(1)) != b"\0":
            assert octet, "the browser is gone"
            parts += octet
        return bytes(parts)


class Page:
    """One open page."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **params)

    def see(self, script: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)["result"].get(
            "value"
        )

    def text(self) -> str:
        return str(self.see("document.body.innerText"))

    def wait(self, script: str, seconds: float = 60.0) -> Any:
        """The expression's first value that is true."""
        end = time.monotonic() + seconds
        while not (found := self.see(script)):
            assert time.monotonic() < end, f"{script} did not come true; the page says: {self.text()}"
            time.sleep(0.05)
        return found

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        self._browser.send("Target.closeTarget", targetId=self._target)


@contextmanager
def chromium(program: str, profile: Path, *flags: str) -> Iterator[Chromium]:
    """The browser, gone with the block; it talks through file descriptors 3 and 4."""
    read_end, to = os.pipe()
    back, write_end = os.pipe()
    command = [program, *FLAGS, *QUIET, *flags, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
    script = f'exec "$@" 3<&{read_end} 4>&{write_end}'
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(
        ["bash", "-c", script, "bash", *command], pass_fds=(read_end, write_end), start_new_session=True, **silent
    )
    os.close(read_end)
    os.close(write_end)
    with os.fdopen(to, "wb") as writing, os.fdopen(back, "rb") as reading:
        try:
            yield Chromium(writing, reading)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, 9)
            child.wait()
