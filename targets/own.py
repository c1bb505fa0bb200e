"""The user's own targets: tables of targets.toml, each a device and how to reach it."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..pipeline.disk import written_to
from ..pipeline.errors import BadInput, choices
from .android.table import KEYS as OF_PHONES
from .android.table import phone_of
from .host_python import HostPython
from .linux.raspberry_pi import RaspberryPi
from .linux.ssh import Address
from .places import lists
from .target import Target
from .web.browser import Browser
from .web.run import Door, Run

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
KINDS = {  # what the table of each may hold, besides its kind
    "adb": OF_PHONES,
    "host": ("python",),
    "ssh": ("host", "port", "key", "config", "python", "folder"),
    "web": ("lan", "https", "port"),
}
OPTIONS: dict[str, type] = {
    **{key: str for keys in KINDS.values() for key in keys},
    "port": int,
    "lan": bool,
    "https": bool,
}
TYPES = {int: "a number", bool: "true or false", str: "a text"}
NAMES = "a name holds letters, digits, dots, dashes and underscores"


def own_targets() -> dict[str, Target]:
    """Every target of the user's by its name; BadInput says which file, table and key is wrong."""
    found: dict[str, Target] = {}
    for path in lists():
        for name, table in _tables(path).items():
            found.setdefault(name, _target(f"{path}: [{name}]", name, table))
    return found


def add(name: str, table: Mapping[str, Any], taken: object) -> Path:
    """Writes a target at the end of the user's list, and says which file that is; BadInput when it cannot be."""
    path = lists()[-1]
    if name in _tables(path) or name in taken:  # type: ignore[operator]
        raise BadInput(f"{path}: there is a target {name!r} already; take another name, or edit the file")
    _target(f"target {name!r}", name, table)
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    with written_to(path.parent, "name another file with $EDGESTILL_TARGETS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if path.exists() else ""
        path.write_text("\n\n".join((*filter(None, [before.rstrip()]), "\n".join((f"[{_key(name)}]", *lines)))) + "\n")
    return path


def _key(name: str) -> str:
    return f'"{name}"' if "." in name else name


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: is no TOML: {error}") from error


def _target(where: str, name: str, table: Any) -> Target:
    """The target of one table; every wrong key is told with what there is."""
    if not NAME.fullmatch(name):
        raise BadInput(f"{where}: {name!r} is no name for a target; {NAMES}")
    if not isinstance(table, dict):
        raise BadInput(
            f'{where}: must be a table, such as\n  [{name}]\n  kind = "ssh"\n  host = "pi@raspberrypi.local"'
        )
    if (kind := table.get("kind")) not in tuple(KINDS):
        raise BadInput(f"{where}: kind is {kind!r}; there are {choices(KINDS, kind)}")
    values = {key: value for key, value in table.items() if key != "kind"}
    for key, value in values.items():
        if key not in KINDS[kind]:
            raise BadInput(f"{where}: no option is named {key!r}; there are {choices(KINDS[kind], key)}")
        if type(value) is not OPTIONS[key]:
            raise BadInput(f"{where}: {key} is {value!r}; it must be {TYPES[OPTIONS[key]]}")
    if kind == "adb":
        return phone_of(where, name, values)
    if kind == "web":
        return Browser(name, Run([name], Door(**values)))
    if kind == "host":
        return _on_this_machine(where, name, values)
    host = values.get("host", "")
    if not host or host.startswith("-") or not host.isprintable() or " " in host:
        raise BadInput(f"{where}: host is {host!r}; it must be a machine as ssh takes it, such as pi@raspberrypi.local")
    port = values.get("port")
    if port is not None and not 0 < port < 65536:
        raise BadInput(f"{where}: port is {port}; it must be 1 to 65535")
    files = {key: Path(values[key]).expanduser() for key in ("key", "config") if key in values}
    address = Address(host, port, files.get("key"), files.get("config"))
    return RaspberryPi(name, address, **{key: values[key] for key in ("python", "folder") if key in values})


def _on_this_machine(where: str, name: str, values: Mapping[str, Any]) -> Target:
    """Another Python here."""
    if list(values) != ["python"]:
        raise BadInput(f'{where}: a target of kind "host" has one key, python: the program that runs files')
    return HostPython(name, values["python"])
