"""The file that remembers a search: mended where a killed process left half a line, refused where it is damaged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...pipeline.errors import BadInput, EdgestillError

JOURNAL = "trials.journal"
OPERATIONS = range(10)  # that Optuna writes into a journal
AWAY = (
    "take the file away, or name another --out: what was trained is in the store, where the same search finds its "
    "trials again"
)
DAMAGES = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError)


def mend(journal: Path) -> None:
    """Cuts off the line that a killed process did not finish; BadInput names the first whole line that is damaged."""
    written = journal.read_bytes() if journal.exists() else b""
    if written and not written.endswith(b"\n"):
        written = written[: written.rfind(b"\n") + 1]
        journal.write_bytes(written)
    for number, line in enumerate(written.splitlines(), start=1):
        if not _is_whole(line):
            raise BadInput(f"{journal}: line {number} is damaged: {_shown(line)}; {AWAY}")


@contextmanager
def readable(journal: Path) -> Iterator[None]:
    """Around what reads the journal: BadInput where its lines are whole but do not fit together."""
    try:
        yield
    except EdgestillError:
        raise
    except DAMAGES as error:
        raise BadInput(f"{journal}: its lines do not fit together ({type(error).__name__}: {error}); {AWAY}") from error


def _is_whole(line: bytes) -> bool:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and "worker_id" in said and said.get("op_code") in OPERATIONS


def _shown(line: bytes) -> str:
    said = line.decode(errors="replace")
    return repr(said if len(said) <= 60 else f"{said[:60]}...")
