"""What `edgestill targets` does: lists them, adds one of the user's, takes off what lies on one."""

from argparse import Namespace

from ...pipeline.errors import BadInput
from ..plain import print_json

HERE_ALONE = (
    "keeps nothing on a device; what targets need on this machine lies in the cache folder, see docs/measuring.md"
)


def targets(arguments: Namespace) -> int:
    """Exit code 3 when a device cannot be reached that is to be cleaned."""
    return {"list": _list, "add": _add, "clean": _clean}[arguments.action](arguments)


def _list(arguments: Namespace) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ...targets.catalog import available

    found = list(available())
    if arguments.json:
        rows = [
            {"name": target.name, "evidence": target.evidence, "facts": dict(device.facts)} for target, device in found
        ]
        print_json({"schema": 1, "targets": rows})
        return 0
    table = Table("target", "evidence", "what it is", box=None, header_style="dim")
    for target, device in found:
        table.add_row(*map(Text, (target.name, target.evidence, device.name)))
    Console().print(table)
    return 0


def _add(arguments: Namespace) -> int:
    from ...targets.catalog import TARGETS
    from ...targets.own import OPTIONS, add

    if not arguments.name or not arguments.kind:
        raise BadInput(
            "targets add wants a name and a kind, such as: targets add pi --kind ssh --host pi@raspberrypi.local"
        )
    given = {key: getattr(arguments, key) for key in OPTIONS}
    table = {"kind": arguments.kind, **{key: value for key, value in given.items() if value is not None}}
    path = add(arguments.name, table, TARGETS)
    if arguments.json:
        print_json({"schema": 1, "name": arguments.name, "target": table, "file": str(path)})
    else:
        print(f"{arguments.name} is in {path}; see whether it answers: edgestill doctor {arguments.name}")
    return 0


def _clean(arguments: Namespace) -> int:
    from ...targets.catalog import find
    from ...targets.devices.leftovers import Cleanable
    from ..plain import plain
    from ..tables.human import size

    if not arguments.name:
        raise BadInput("targets clean wants the name of a device of yours, such as: targets clean pi")
    target = find(arguments.name)
    if not isinstance(target, Cleanable):
        raise BadInput(f"{arguments.name} {HERE_ALONE}")
    removed = target.clean()
    if arguments.json:
        print_json({"schema": 1, "name": arguments.name, **plain(removed)})
    elif removed.names:
        print(f"{arguments.name}: took {size(removed.bytes)} out of {removed.folder}: {', '.join(removed.names)}")
    else:
        print(f"{arguments.name}: nothing of ours is in {removed.folder}")
    return 0
