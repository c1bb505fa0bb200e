"""What ssh says when it fails, told as a cause in one word, what happened, and what to do about it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """`code` is one word for programs; `remedy` says what to do, with the command where there is one."""

    code: str
    what: str
    remedy: str


FOUND = (  # (what ssh's standard error holds, code, what happened, remedy), the first that fits counts
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "host-key-changed",
        "its host key is not the one that is known",
        "if the device was set up anew, forget the old key with `{forget}`, then compare the new one with `{ssh}`",
    ),
    (
        "Host key verification failed",
        "host-key-unknown",
        "its host key is not known yet",
        "compare its fingerprint and accept it once with `{ssh}`",
    ),
    (
        r"Permission denied \(",
        "login-refused",
        "it accepts none of your keys",
        "give it one with `{copy}`; a key with a passphrase must be in ssh-agent (`ssh-add`)",
    ),
    (
        "Could not resolve hostname",
        "name-unknown",
        "no machine of this name is known",
        "check `host` in targets.toml, or use its address",
    ),
    (
        "Connection refused",
        "port-closed",
        "it is there, but nothing listens on the port",
        "switch ssh on there (`sudo systemctl enable --now ssh`), or correct `port` in targets.toml",
    ),
    (
        "timed out|No route to host|Network is unreachable|Host is down",
        "unreachable",
        "it does not answer",
        "check its power and its network; `{ssh}` must work",
    ),
    (
        "Bad owner or permissions|[Bb]ad configuration option|terminating, .* bad|Can't open user config file",
        "ssh-config",
        "ssh refuses its configuration",
        "correct it; `{ssh}` must work",
    ),
)
LOST = ("connection-lost", "the connection broke", "check its power and its network, then measure again")


def cause(said: str, ssh: str, host: str, port: int | None) -> Cause:
    """The cause behind the standard error of an ssh that failed; `ssh` is the command that a user would type."""
    commands = {"ssh": ssh, "copy": ssh.replace("ssh ", "ssh-copy-id ", 1), "forget": _forget(said, host, port)}
    for pattern, code, what, remedy in FOUND:
        if re.search(pattern, said):
            return Cause(code, f"{what}{_last(said)}", remedy.format(**commands))
    code, what, remedy = LOST
    return Cause(code, f"{what}{_last(said)}", remedy)


def _forget(said: str, host: str, port: int | None) -> str:
    """ssh's own advice where it gives one, since it knows the file and the name."""
    if found := re.search(r"^\s*(ssh-keygen -f .* -R .*)$", said, re.M):
        return found[1].strip()
    name = host.rpartition("@")[2]
    return f"ssh-keygen -R '[{name}]:{port}'" if port else f"ssh-keygen -R {name}"


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip(" @\r")]
    return f" (ssh: {lines[-1].removeprefix('ssh: ')})" if lines else ""
