"""The address for the phone: in words, and as a QR code where there is a terminal to show it."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec

from ...pipeline.progress import say


@dataclass(frozen=True)
class Invitation:
    """Where pages join. `cabled` are the serials of phones on which localhost is we."""

    url: str
    pages: int
    cabled: tuple[str, ...] = ()
    fingerprint: str | None = None

    @property
    def is_local(self) -> bool:
        return self.url.split("/")[2].rpartition(":")[0] in ("localhost", "127.0.0.1")


def invite(invitation: Invitation) -> None:
    """Tells the user, on the terminal."""
    for line in words(invitation):
        say(line)
    if sys.stderr.isatty() and not (invitation.is_local and not invitation.cabled) and find_spec("segno"):
        import segno

        segno.make(invitation.url).terminal(out=sys.stderr, compact=True)


def words(invitation: Invitation) -> list[str]:
    """What to open where, and what to expect there."""
    phones = "in one browser" if invitation.pages == 1 else f"in {invitation.pages} browsers"
    lines = [f"open {phones}: {invitation.url}"]
    if invitation.cabled:
        lines.append(f"on the phone by cable ({', '.join(invitation.cabled)}) that address works as it is")
    elif invitation.is_local:
        lines.append("only this machine reaches that address; --lan lets phones in the same network join")
    elif invitation.fingerprint:
        lines.append(f"the browser will warn: the certificate is our own, its sha-256 is {invitation.fingerprint}")
    else:
        lines.append("plain http gives one thread and a coarse clock; --https or a cable (adb) gives more")
    return lines
