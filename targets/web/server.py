"""The server behind the page: it hands out what it has by exact names, and listens to the pages that joined alone."""

import hmac
import json
import queue
import secrets
import ssl
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

from .answers import Unreadable, event_of, facts_of
from .seat import Seat

LARGEST = 64 << 20  # bytes of a body: the outputs of one call in base64
HEARTBEAT_SECONDS = 1.0  # between two signs of life, by which a page that is gone is noticed
IDLE_SECONDS = 30.0
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript"}
USED = "This address was used. Start `edgestill bench` again for a new one."
ISOLATION = {  # what gives a page shared memory, hence threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
CAREFUL = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
ONLY_OURS = (
    "default-src 'self'; script-src 'self' blob: 'wasm-unsafe-eval' 'nonce-{nonce}'; worker-src 'self' blob:; "
    "img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class Server(ThreadingHTTPServer):
    """Listens until it is closed. `hosts` are the names (with port) by which it may be asked; `token` opens the page.

    Each of the `seats` is taken by one page; then the token opens nothing more.
    """

    daemon_threads, block_on_close = True, False

    def __init__(
        self,
        address: tuple[str, int],
        seats: Sequence[Seat],
        assets: Mapping[str, Path],
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(address, Handler)
        self.seats, self.assets, self.token = seats, assets, secrets.token_urlsafe(16)
        self.scheme, self.hosts = ("https" if certificate else "http"), set[str]()
        self.joining = threading.Lock()
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def seat_of(self, key: str) -> Seat | None:
        """The seat that a page with this key has."""
        return next((one for one in self.seats if one.joined.is_set() and same(one.key, key)), None)

    def taken(self, facts: Mapping[str, Any]) -> Seat | None:
        """The next seat, for a page that joins now; None when there is none left."""
        with self.joining:
            free = next((one for one in self.seats if not one.joined.is_set()), None)
            if free:
                free.take(facts)
            return free

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks off is a phone's everyday business."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    server_version, sys_version, protocol_version = "edgestill", "", "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        key, _, name = self.path.removeprefix("/").partition("/")
        if not self._is_asked_rightly():
            return self._refuse(HTTPStatus.FORBIDDEN, "Not by this name, and not from another page.")
        if seat := self.server.seat_of(key):
            return self._give_seat(seat, name)
        if not same(key, self.server.token):
            return self._refuse(HTTPStatus.FORBIDDEN, "Not with this address.")
        if name == "" and all(seat.joined.is_set() for seat in self.server.seats):
            return self._refuse(HTTPStatus.GONE, USED)
        self._give_page(name)

    def do_POST(self) -> None:
        key, _, name = self.path.removeprefix("/").partition("/")
        seat = self.server.seat_of(key)
        if not self._is_asked_rightly() or not self.headers["Origin"]:
            return self._refuse(HTTPStatus.FORBIDDEN, "Not by this name, and not from another page.")
        joins = name == "join" and same(key, self.server.token)
        if not joins and not (seat and name == "events"):
            return self._refuse(HTTPStatus.FORBIDDEN, "Not with this address.")
        if (body := self._body()) is None:
            return
        try:
            if seat:
                seat.hear(event_of(body))
                self._give(b"", "text/plain", HTTPStatus.NO_CONTENT)
            else:
                self._join(facts_of(body))
        except Unreadable as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"That is {error}.")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what matters becomes a row."""

    def _is_asked_rightly(self) -> bool:
        """By a name of ours (another's may have been pointed at us), and from no page but ours."""
        host, origin = self.headers["Host"] or "", self.headers["Origin"]
        return host in self.server.hosts and origin in (None, f"{self.server.scheme}://{host}")

    def _join(self, facts: Mapping[str, Any]) -> None:
        seat = self.server.taken(facts)
        if seat is None:
            return self._refuse(HTTPStatus.GONE, USED)
        self._give(json.dumps({"seat": seat.key}).encode(), "application/json")

    def _give_page(self, name: str) -> None:
        """A file of the page, or of a runtime."""
        runtime = self.server.assets.get(name.removeprefix("runtimes/")) if name.startswith("runtimes/") else None
        content = runtime.read_bytes() if runtime else PAGE.get(name or "page.html")
        if content is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "There is no such file.")
        nonce = secrets.token_urlsafe(16)
        if not name:
            content = content.replace(b"{nonce}", nonce.encode())
        suffix = Path(name or "page.html").suffix
        kind = TYPES.get(suffix, "application/wasm" if suffix == ".wasm" else "application/octet-stream")
        self._give(content, kind, policy=ONLY_OURS.format(nonce=nonce))

    def _give_seat(self, seat: Seat, name: str) -> None:
        """What we ask of a page, as it comes; or a model file."""
        if name == "requests":
            return self._stream(seat)
        path = seat.files.get(name.removeprefix("files/")) if name.startswith("files/") else None
        if path is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "There is no such file.")
        self._give(path.read_bytes(), "application/octet-stream")

    def _stream(self, seat: Seat) -> None:
        """Server-sent events, until the seat's run ends or its page is gone."""
        self.close_connection = True
        self._head(HTTPStatus.OK, "text/event-stream", None)
        try:
            while not seat.lost.is_set():
                try:
                    request = seat.requests.get(timeout=HEARTBEAT_SECONDS)
                except queue.Empty:
                    self.wfile.write(b":\n\n")
                    continue
                self.wfile.write(f"data: {json.dumps(request)}\n\n".encode())
                if request["do"] == "done":
                    return
        except OSError:
            seat.leave()
        finally:
            seat.ended.set()

    def _body(self) -> bytes | None:
        """What was sent; None when it was refused."""
        length = self.headers["Content-Length"] or ""
        if not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "How long is it?")
            return None
        if int(length) > LARGEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {LARGEST} bytes.")
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self.close_connection = True
        self._give(text.encode(), "text/plain", status)

    def _give(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, policy: str = "") -> None:
        self._head(status, kind, len(content), policy)
        self.wfile.write(content)

    def _head(self, status: HTTPStatus, kind: str, length: int | None, policy: str = "") -> None:
        self.send_response(status)
        headers = {**ISOLATION, **CAREFUL, "Content-Type": kind}
        if policy:
            headers["Content-Security-Policy"] = policy
        if length is not None:
            headers["Content-Length"] = str(length)
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def same(one: str, other: str) -> bool:
    """Compared in a time that does not tell how far they agree."""
    return hmac.compare_digest(one.encode(), other.encode(errors="replace"))


def _page() -> dict[str, bytes]:
    folder = Path(str(resources.files("edgestill.targets.web"))) / "page"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


PAGE = _page()
