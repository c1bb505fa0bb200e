"""The command line: parses, calls, prints; decides nothing."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from typing import NoReturn

from . import __version__
from .benchmarks.commands.parser import parser
from .pipeline.disk import Shortage, shortage
from .pipeline.errors import EdgestillError
from .pipeline.ranks import refuse_many


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; no traceback reaches a user."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # two spinning OpenMP threads collapse on a loaded machine
    arguments = parser(__version__).parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        from .benchmarks.commands import commands

        refuse_many(arguments.command)
        return int(getattr(commands, arguments.command)(arguments))
    except EdgestillError as error:
        print(f"edgestill: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("edgestill: interrupted; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ModuleNotFoundError, PackageNotFoundError) as error:
        from .targets.setup.installation import install_command

        print(f"edgestill: {error.name} is missing; install it with: {install_command()}", file=sys.stderr)
        return 3
    except Exception as error:
        return _no_room(error, short) if (short := shortage(error)) else _unexpected(error)


def _interrupt(*_: object) -> NoReturn:
    """SIGTERM ends as Ctrl-C does: children and temporary folders go along."""
    raise KeyboardInterrupt


def _no_room(error: Exception, short: Shortage) -> int:
    """A full disk that no room below knew the folder of."""
    print(
        f"edgestill: {short.what}: {error}; {short.cure}, or point --out, $TMPDIR or $EDGESTILL_STORE to a "
        "folder on another disk",
        file=sys.stderr,
    )
    return EdgestillError.exit_code


def _unexpected(error: Exception) -> int:
    """A fault of ours: one line for the user, the traceback in a file to send us."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="edgestill-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    print(
        f"edgestill: a fault of ours: {type(error).__name__}: {error}; please report it with {file.name}",
        file=sys.stderr,
    )
    return 70


if __name__ == "__main__":
    sys.exit(main())
