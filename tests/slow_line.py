"""A line to a port of this machine that carries so many bytes a second: what ssh takes as its ProxyCommand."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable


def carry(take: Callable[[int], bytes], give: Callable[[bytes], object], rate: int) -> None:
    while data := take(rate // 20):
        give(data)
        time.sleep(len(data) / rate)


def main() -> None:
    port, rate = map(int, sys.argv[1:])
    with socket.create_connection(("127.0.0.1", port)) as there:
        threading.Thread(target=carry, args=(there.recv, lambda data: os.write(1, data), 10**6), daemon=True).start()
        carry(lambda size: os.read(0, size), there.sendall, rate)


if __name__ == "__main__":
    main()
