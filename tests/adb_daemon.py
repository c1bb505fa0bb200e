"""A phone's adbd in Python alone: it speaks adb's wire protocol over TCP and runs real shells where it is started.

The protocol is described in Android's sources (protocol.txt, SYNC.TXT, shell_protocol.h). Here are shell, shell_v2,
exec, sync, forward and reverse; no keys, no TLS, no terminals. Its localhost is 127.0.0.2, so that a port may be the
phone's and this machine's at once. SIGUSR1 pulls the cable: every connection breaks.
"""

import contextlib
import os
import queue
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

CNXN, OPEN, OKAY, WRTE, CLSE = (
    int.from_bytes(word, "little") for word in (b"CNXN", b"OPEN", b"OKAY", b"WRTE", b"CLSE")
)
VERSION, MOST = 0x01000001, 1 << 20  # of the protocol; bytes of a message
PIECE = 1 << 16
BANNER = b"device::ro.product.name=standin;ro.product.model=Stand-in;ro.product.device=standin;features="
FEATURES = b"shell_v2,stat_v2,ls_v2,fixed_push_mkdir"
LOCALHOST = "127.0.0.2"
STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)  # packets of shell_v2


class Gone(ConnectionError):
    """The other side hung up."""


class Stream:
    """One of many conversations of a connection; what is written waits until the other side has taken it."""

    def __init__(self, cable: "Cable", local: int, remote: int) -> None:
        self.cable, self.local, self.remote = cable, local, remote
        self.came: queue.Queue[bytes] = queue.Queue()
        self.taken, self.rest, self.is_open = threading.Semaphore(0), b"", True
        self.writing = threading.Lock()

    def write(self, data: bytes) -> None:
        with self.writing:
            for start in range(0, len(data), PIECE):
                if not self.is_open:
                    raise Gone
                self.cable.send(WRTE, self.local, self.remote, data[start : start + PIECE])
                self.taken.acquire()

    def some(self) -> bytes:
        """What came next; nothing once the other side has closed."""
        return self.came.get()

    def read(self, count: int) -> bytes:
        while len(self.rest) < count:
            if not (more := self.some()):
                raise Gone
            self.rest += more
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def hang_up(self) -> None:
        self.is_open = False
        self.came.put(b"")
        self.taken.release()

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self.cable.send(CLSE, self.local, self.remote)
        self.cable.streams.pop(self.local, None)


class Cable:
    """A connection with one adb server."""

    def __init__(self, wire: socket.socket) -> None:
        self.wire, self.sending = wire, threading.Lock()
        self.streams: dict[int, Stream] = {}
        self.listeners: dict[str, tuple[socket.socket, str]] = {}
        self.numbers = iter(range(1, 1 << 31))

    def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        head = struct.pack("<6I", command, first, second, len(data), sum(data) & 0xFFFFFFFF, command ^ 0xFFFFFFFF)
        with self.sending:
            self.wire.sendall(head + data)

    def stream(self, remote: int) -> Stream:
        local = next(self.numbers)
        self.streams[local] = Stream(self, local, remote)
        return self.streams[local]

    def serve(self) -> None:
        reader = self.wire.makefile("rb")
        try:
            while len(head := reader.read(24)) == 24:
                command, first, second, length, _, _ = struct.unpack("<6I", head)
                self.take(command, first, second, reader.read(length))
        except OSError:
            pass
        finally:
            for listener, _ in self.listeners.values():
                shut(listener)
            for stream in list(self.streams.values()):
                stream.hang_up()

    def take(self, command: int, first: int, second: int, data: bytes) -> None:
        stream = self.streams.get(second)
        if command == CNXN:
            self.send(CNXN, VERSION, MOST, BANNER + FEATURES)
        elif command == OPEN:
            threading.Thread(target=serve, args=(self.stream(first), data.rstrip(b"\0").decode()), daemon=True).start()
        elif stream and command == OKAY:
            stream.remote = first
            stream.taken.release()
        elif stream and command == WRTE:
            self.send(OKAY, second, first)
            stream.came.put(data)
        elif stream and command == CLSE:
            self.streams.pop(second).hang_up()
            self.send(CLSE, second, first)


def serve(stream: Stream, asked: str) -> None:
    """Does what a stream was opened for: `shell,v2,raw:ls` and the like."""
    name, _, rest = asked.partition(":")
    service = SERVICES.get(name.split(",")[0])
    with contextlib.suppress(OSError):
        if service:
            stream.cable.send(OKAY, stream.local, stream.remote)
            service(stream, name, rest)
        stream.close()


def shell(stream: Stream, name: str, script: str) -> None:
    """A program with its own process group, which ends when the other side hangs up."""
    framed = ",v2" in name
    command = ["/bin/sh", *(("-c", script) if script else ())]
    environment = {**os.environ, "PATH": f"/system/bin:{os.environ.get('PATH', '/usr/bin:/bin')}"}
    child = subprocess.Popen(
        command,
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if framed else subprocess.STDOUT,
        start_new_session=True,
    )
    threading.Thread(target=feed, args=(stream, child, framed), daemon=True).start()
    pipes = [(child.stdout, STDOUT), (child.stderr, STDERR)][: 1 + framed]
    pumps = [threading.Thread(target=pump, args=(stream, pipe, kind, framed), daemon=True) for pipe, kind in pipes]
    for one in pumps:
        one.start()
    for one in pumps:
        one.join()
    code = child.wait()
    if framed:
        stream.write(struct.pack("<BIB", EXIT, 1, code if code >= 0 else 128 - code))


def pump(stream: Stream, pipe: "object", kind: int, framed: bool) -> None:
    with contextlib.suppress(OSError):
        while data := pipe.read1(1 << 15):  # type: ignore[attr-defined]
            stream.write(struct.pack("<BI", kind, len(data)) + data if framed else data)


def feed(stream: Stream, child: "subprocess.Popen[bytes]", framed: bool) -> None:
    assert child.stdin
    with contextlib.suppress(OSError, ValueError):
        while framed:
            kind, length = struct.unpack("<BI", stream.read(5))
            data = stream.read(length)
            if kind == STDIN:
                child.stdin.write(data)
                child.stdin.flush()
            elif kind == CLOSE_STDIN:
                child.stdin.close()
        while data := stream.some():
            child.stdin.write(data)
            child.stdin.flush()
    if not stream.is_open:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGHUP)
        with contextlib.suppress(OSError):
            child.stdin.close()


def sync(stream: Stream, *_: str) -> None:
    """Files: each request is four letters and a path."""
    while True:
        word, length = struct.unpack("<4sI", stream.read(8))
        if word == b"QUIT":
            return
        FILES[word](stream, word, stream.read(length).decode())


def tell_stat(stream: Stream, _: bytes, path: str) -> None:
    try:
        found = os.lstat(path)
        stream.write(struct.pack("<4s3I", b"STAT", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime)))
    except OSError:
        stream.write(struct.pack("<4s3I", b"STAT", 0, 0, 0))


def tell_stat_v2(stream: Stream, word: bytes, path: str) -> None:
    try:
        stream.write(packed(word, (os.stat if word == b"STA2" else os.lstat)(path)))
    except OSError as error:
        stream.write(struct.pack("<4sIQQIIIIQqqq", word, error.errno or 1, *[0] * 10))


def packed(word: bytes, found: os.stat_result) -> bytes:
    owner = (found.st_mode, found.st_nlink, found.st_uid, found.st_gid, found.st_size)
    times = (int(found.st_atime), int(found.st_mtime), int(found.st_ctime))
    return struct.pack("<4sIQQIIIIQqqq", word, 0, found.st_dev, found.st_ino, *owner, *times)


def tell_list(stream: Stream, word: bytes, path: str) -> None:
    second = word == b"LIS2"
    for entry in sorted(Path(path).iterdir()) if Path(path).is_dir() else []:
        found, name = entry.lstat(), entry.name.encode()
        short = struct.pack("<4s3I", b"DENT", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime))
        stream.write((packed(b"DNT2", found) if second else short) + struct.pack("<I", len(name)) + name)
    stream.write(b"DONE" + b"\0" * (72 if second else 16))


def give(stream: Stream, _: bytes, path: str) -> None:
    try:
        with Path(path).open("rb") as file:
            while data := file.read(PIECE):
                stream.write(b"DATA" + struct.pack("<I", len(data)) + data)
        stream.write(b"DONE\0\0\0\0")
    except OSError as error:
        refuse(stream, error)


def take(stream: Stream, _: bytes, asked: str) -> None:
    """The data is read to its end also when it cannot be kept, or the other side would wait forever."""
    name, mode = asked.rsplit(",", 1)
    path, refused = Path(name), None  # type: Path, OSError | None
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("wb", buffering=0))
        except OSError as error:
            refused = error
        while True:
            word, length = struct.unpack("<4sI", stream.read(8))
            if word == b"DONE":
                break
            data = stream.read(length)
            try:
                refused or file.write(data)
            except OSError as error:
                refused = error
    if refused:
        return refuse(stream, refused)
    path.chmod(int(mode) & 0o777)
    stream.write(b"OKAY\0\0\0\0")


def refuse(stream: Stream, error: OSError) -> None:
    said = str(error.strerror or error).encode()
    stream.write(b"FAIL" + struct.pack("<I", len(said)) + said)


def relay(stream: Stream, other: socket.socket) -> None:
    def upwards() -> None:
        with contextlib.suppress(OSError):
            while data := other.recv(PIECE):
                stream.write(data)
            stream.close()

    threading.Thread(target=upwards, daemon=True).start()
    with other:
        while data := stream.some():
            other.sendall(data)


def forward(stream: Stream, _: str, port: str) -> None:
    relay(stream, socket.create_connection((LOCALHOST, int(port))))


def reverse(stream: Stream, _: str, asked: str) -> None:
    """This side listens, and adb's side connects."""
    verb, _, rest = asked.partition(":")
    listeners = stream.cable.listeners
    if verb == "forward":
        here, there = rest.removeprefix("norebind:").split(";")
        listener = socket.create_server((LOCALHOST, int(here.split(":")[1])))
        listeners[here] = listener, there
        threading.Thread(target=accept, args=(stream.cable, listener, there), daemon=True).start()
        return stream.write(b"OKAYOKAY")
    if verb == "list-forward":
        listed = "".join(f"host {here} {there}\n" for here, (_, there) in listeners.items())
        return stream.write(b"%04x%s" % (len(listed), listed.encode()))
    for name in [rest] if rest in listeners else list(listeners):
        shut(listeners.pop(name)[0])
    stream.write(b"OKAY")


def accept(cable: Cable, listener: socket.socket, there: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            visitor, _ = listener.accept()
            stream = cable.stream(0)
            cable.send(OPEN, stream.local, 0, there.encode() + b"\0")
            stream.taken.acquire()
            threading.Thread(target=relay, args=(stream, visitor), daemon=True).start()


def shut(listener: socket.socket) -> None:
    """Closing alone leaves the port taken while somebody waits in accept."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


SERVICES: dict[str, Callable[[Stream, str, str], None]] = {
    "shell": shell,
    "exec": shell,
    "sync": sync,
    "tcp": forward,
    "reverse": reverse,
}
FILES: dict[bytes, Callable[[Stream, bytes, str], None]] = {
    b"STAT": tell_stat,
    b"STA2": tell_stat_v2,
    b"LST2": tell_stat_v2,
    b"LIST": tell_list,
    b"LIS2": tell_list,
    b"RECV": give,
    b"SEND": take,
}
WIRES: set[socket.socket] = set()


class Plug(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        WIRES.add(self.request)
        Cable(self.request).serve()
        WIRES.discard(self.request)


class Socket(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def pull_the_cable(*_: object) -> None:
    for wire in list(WIRES):
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":  # ports from 5555 to 5585 are emulators to adb, and listed twice
    signal.signal(signal.SIGUSR1, pull_the_cable)
    sockets = [Socket(("127.0.0.1", int(port)), Plug) for port in sys.argv[1:]]
    for one in sockets[1:]:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    sockets[0].serve_forever()
