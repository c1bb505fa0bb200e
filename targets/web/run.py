"""One run with phones: the server stands while any file is loaded, and every phone keeps its seat."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ...pipeline.errors import BadInput, DeviceFailed
from ...pipeline.scratch import scratch_folder
from .assets import assets
from .cable import reversed_port
from .certificate import make_certificate
from .invitation import Invitation, invite
from .seat import Seat
from .server import Server

NOBODY = "open the address in the phone's browser, or give more time with --wait"
GOODBYE_SECONDS = 3.0
LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Door:
    """How pages get in. `port` 0 is any free one; `wait` is how many seconds a seat stays free."""

    lan: bool = False
    https: bool = False
    wait: float = 120.0
    port: int = 0

    def __post_init__(self) -> None:
        if self.wait <= 0:
            raise BadInput(f"the wait is {self.wait:g} s; it must be more than nothing")
        if not 0 <= self.port < 65536:
            raise BadInput(f"the page's port is {self.port}; it must be 1 to 65535, or 0 for any free one")


class Run:
    """Opens with the first file and closes with the last; a run that nobody joined is not opened again."""

    def __init__(self, names: list[str], door: Door, announce: Callable[[Invitation], None] = invite) -> None:
        self.seats = [Seat(name) for name in names]
        self.door, self._announce = door, announce
        self._users, self._stack, self._end = 0, ExitStack(), 0.0

    @contextmanager
    def seat(self, index: int) -> Iterator[Seat]:
        """The seat, with a page in it; DeviceFailed when none joins in time."""
        seat = self.seats[index]
        if seat.lost.is_set():
            raise self._nobody(seat)
        if not self._users:
            self._open()
        self._users += 1
        try:
            if not seat.joined.wait(max(0.0, self._end - time.monotonic())):
                seat.lost.set()
                raise self._nobody(seat)
            yield seat
        finally:
            self._users -= 1
            if not self._users:
                self._close()

    def _nobody(self, seat: Seat) -> DeviceFailed:
        if seat.joined.is_set():
            return seat.failed("load", "page-closed", "the page is gone", "start again, and keep the page in front")
        return seat.failed("connect", "nobody-joined", f"no browser joined within {self.door.wait:g} s", NOBODY)

    def _open(self) -> None:
        with ExitStack() as stack:
            names = [*LOOPBACK, *(reachable() if self.door.lan else ())]
            folder = stack.enter_context(scratch_folder())
            certificate = make_certificate(names, folder) if self.door.https else None
            files = (certificate.certificate, certificate.key) if certificate else None
            server = Server(("" if self.door.lan else "127.0.0.1", self.door.port), self.seats, assets(), files)
            stack.callback(server.server_close)
            port = server.server_address[1]
            server.hosts = {f"{name}:{port}" for name in names}
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
            cabled = stack.enter_context(reversed_port(port))
            name = "localhost" if cabled or not self.door.lan else names[len(LOOPBACK)]
            url = f"{server.scheme}://{name}:{port}/{server.token}/"
            waiting = sum(not seat.joined.is_set() for seat in self.seats)
            self._announce(Invitation(url, waiting, cabled, certificate.fingerprint if certificate else None))
            self._end = time.monotonic() + self.door.wait
            self._stack = stack.pop_all()

    def _close(self) -> None:
        """The pages are told that it is over, and have a moment to hear it."""
        present = [seat for seat in self.seats if seat.joined.is_set() and not seat.lost.is_set()]
        for seat in present:
            seat.end()
        for seat in present:
            seat.ended.wait(GOODBYE_SECONDS)
            seat.lost.set()
        self._stack.close()


def reachable() -> list[str]:
    """How others in the network may call this machine, the surest first; nothing is sent to find out."""
    names = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation (RFC 5737): only the route is looked up
            names.append(probe.getsockname()[0])
        except OSError:
            pass
    name = socket.gethostname().lower()
    return [*names, f"{name}.local", name]
