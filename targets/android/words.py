"""What is told of a phone that adb cannot use: a cause in one word, what happened, and what to do about it."""

from collections.abc import Sequence

from ..linux.words import Cause
from .client import Attached, is_network

WIRELESS = (
    "on the phone, Developer options > Wireless debugging shows the address and the port, which change; pair once with "
    "`adb pair ADDRESS:PORT` and the code and the port that `Pair device with pairing code` shows"
)
OLD_ADB = "; this adb cannot pair: take one of version 30 or newer"
CABLE = "plug it in, switch on USB debugging in its Developer options, and allow this computer on its screen"
STATES = {  # what adb calls it: (code, what is so, remedy)
    "unauthorized": (
        "unauthorized",
        "it has not allowed this computer to debug it",
        "unlock it and allow the question on its screen; if none comes, `adb kill-server`, and revoke USB debugging "
        "authorizations in its Developer options",
    ),
    "authorizing": ("unauthorized", "it is asking on its screen", "unlock it and allow the question on its screen"),
    "offline": (
        "offline",
        "adb sees it, and it does not answer",
        "unplug it and plug it in again, or switch its debugging off and on; `adb reconnect offline` may help",
    ),
    "no permissions": (
        "no-permission",
        "this user may not speak to it",
        "`sudo apt-get install android-sdk-platform-tools-common`, then plug it in again; see `adb devices -l`",
    ),
    "recovery": ("not-started", "it is in its recovery system", "start Android on it"),
    "sideload": ("not-started", "it is in its recovery system", "start Android on it"),
    "bootloader": ("not-started", "it is in its bootloader", "start Android on it"),
}


def cause_of_state(state: str) -> Cause:
    """Of a phone that adb lists in another state than "device"."""
    known = STATES.get(state, ("not-ready", f"adb says that it is {state}", "start it anew, then see `adb devices -l`"))
    return Cause(*known)


def cause_of_absence(serial: str, said: str, phones: Sequence[Attached], pairs: bool) -> Cause:
    """Of a phone that adb does not list; `said` are its words on connecting, where it tried."""
    if is_network(serial):
        what = f"nothing answers at {serial}{f' ({said})' if said else ''}"
        return Cause("port-closed" if "refused" in said else "unreachable", what, WIRELESS + ("" if pairs else OLD_ADB))
    others = f"; there are {_listed(phones)}" if phones else ""
    return Cause("not-attached", f"no phone {serial} is attached{others}", f"{CABLE}; `adb devices` shows its serial")


def cause_of_choice(phones: Sequence[Attached]) -> Cause:
    """Where no serial is named and not one phone alone can be meant."""
    if not phones:
        return Cause("no-device", "no phone is attached", f"{CABLE}; or without a cable: {WIRELESS}")
    what = f"{len(phones)} phones are attached: {_listed(phones)}"
    return Cause("several-devices", what, "name the `serial` of one in targets.toml")


def _listed(phones: Sequence[Attached]) -> str:
    return ", ".join(map(str, phones))
