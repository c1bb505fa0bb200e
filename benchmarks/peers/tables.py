"""The comparison for people's eyes: every file, and how we stand."""

from collections.abc import Sequence
from statistics import median

from rich.table import Table

from .row import Row
from .standing import Pair, Standing

NONE = "–"
FASTER = "times faster than "
FILE_HEADINGS = ("net", "tool", "configuration", "file", "s", "bytes", "dB", "agree", "arena")


def files_table(rows: Sequence[Row]) -> Table:
    """Every file; the arena is TFLite Micro's own account of it."""
    shown = Table(box=None, title="SQNR and agreement against the same float net; seconds from the torch module")
    for heading in FILE_HEADINGS[:4]:
        shown.add_column(heading)
    for heading in FILE_HEADINGS[4:]:
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(*file_cells(row))
    return shown


def standings_table(standings: Sequence[Standing]) -> Table:
    """Ours against the best of the peers, figure by figure."""
    shown = Table(box=None, title="edgestill / the best of the peers")
    headings = standing_headings(standings)
    shown.add_column(headings[0])
    for heading in headings[1:]:
        shown.add_column(heading, justify="right")
    for standing in standings:
        shown.add_row(*standing_cells(standing, headings))
    return shown


def file_cells(row: Row) -> list[str]:
    if row.judged is None:
        return [row.net, row.contender, row.configuration, NONE, NONE, NONE, row.error[:40], NONE, NONE]
    judged = row.judged
    agreement = NONE if judged.agreement is None else f"{judged.agreement:.3f}"
    figures = [f"{median(row.seconds):.2f}", f"{judged.bytes:,}", f"{judged.sqnr_db:.1f}", agreement]
    arena = NONE if judged.arena is None else f"{judged.arena:,}{'*' * judged.weights_outside}"
    return [row.net, row.contender, row.configuration, row.format, *figures, arena]


def standing_headings(standings: Sequence[Standing]) -> list[str]:
    """What the cells of a standing are; a column a peer says how many times faster we are than it."""
    peers = dict.fromkeys(f"{FASTER}{peer}" for standing in standings for peer in standing.times_faster)
    return ["net", "dB", "gain", "s", "s from ONNX", *peers, "arena", ".tflite", ".onnx"]


def standing_cells(standing: Standing, headings: Sequence[str]) -> list[str]:
    gain = NONE if standing.gain_db is None else f"{standing.gain_db:+.1f}"
    peers = [heading.removeprefix(FASTER) for heading in headings if heading.startswith(FASTER)]
    faster = [f"{standing.times_faster[peer]:.1f}" if peer in standing.times_faster else NONE for peer in peers]
    seconds = [f"{standing.seconds:.2f}", f"{standing.from_onnx_seconds:.2f}"]
    sizes = [_pair(pair, ",.0f") for pair in (standing.arena, standing.tflite_bytes, standing.onnx_bytes)]
    return [standing.net, _pair(standing.sqnr_db, ".1f"), gain, *seconds, *faster, *sizes]


def _pair(pair: Pair, form: str) -> str:
    best = NONE if pair.best is None else format(pair.best, form)
    return f"{pair.ours:{form}} / {best}"
