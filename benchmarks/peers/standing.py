"""How we stand on each net: our files against the best that any peer made of it, in every column on its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from .judge import Judged
from .row import Row


@dataclass(frozen=True)
class Pair:
    """Our figure, and the best of the peers'; None where no peer has one."""

    ours: float
    best: float | None


@dataclass(frozen=True)
class Standing:
    """One net. SQNR (dB), arena and bytes are those of our TFLite file; the peers' best SQNR is that of any file.

    Seconds are medians over the rounds, from the torch module and from ONNX; `times_faster` says of each peer the
    median over the rounds of its seconds through ours, its quickest configuration counting. A busy machine slows
    the tools of one round alike.
    """

    net: str
    sqnr_db: Pair
    onnx_sqnr_db: float
    seconds: float
    from_onnx_seconds: float
    times_faster: Mapping[str, float]
    arena: Pair
    tflite_bytes: Pair
    onnx_bytes: Pair

    @property
    def gain_db(self) -> float | None:
        """By how much we are above the better peer."""
        return None if self.sqnr_db.best is None else self.sqnr_db.ours - self.sqnr_db.best


def standings(rows: Iterable[Row]) -> list[Standing]:
    """One a net, in the order of the rows; nets that we made no files of are left out."""
    nets: dict[str, list[Row]] = {}
    for row in rows:
        nets.setdefault(row.net, []).append(row)
    return [_standing(net, of) for net, of in nets.items() if any(row.ours and row.judged for row in of)]


def mean_gain(found: Sequence[Standing]) -> float:
    """The mean gain in dB over the nets that a peer could quantize."""
    return fmean(one.gain_db for one in found if one.gain_db is not None)


def _standing(net: str, rows: Sequence[Row]) -> Standing:
    ours = {row.format: row for row in rows if row.ours}
    tflite, onnx = ours["tflite"], ours["onnx"]
    assert tflite.judged is not None and onnx.judged is not None
    peers = [row for row in rows if not row.ours]
    small = {kind: _best(peers, kind, lambda judged: judged.bytes, min) for kind in ("tflite", "onnx")}
    return Standing(
        net=net,
        sqnr_db=Pair(tflite.judged.sqnr_db, _best(peers, "", lambda judged: judged.sqnr_db, max)),
        onnx_sqnr_db=onnx.judged.sqnr_db,
        seconds=median(tflite.seconds),
        from_onnx_seconds=median(tflite.from_onnx_seconds),
        times_faster=_times_faster(tflite, peers),
        arena=Pair(tflite.judged.arena or 0, _best(peers, "tflite", lambda judged: judged.arena, min)),
        tflite_bytes=Pair(tflite.judged.bytes, small["tflite"]),
        onnx_bytes=Pair(onnx.judged.bytes, small["onnx"]),
    )


def _best(
    peers: Iterable[Row], kind: str, figure: Callable[[Judged], float | None], choose: Callable[[list[float]], float]
) -> float | None:
    """The best of the peers' figures, of files of this kind or of any."""
    judged = [row.judged for row in peers if row.judged is not None and kind in ("", row.format)]
    there = [value for value in map(figure, judged) if value is not None]
    return choose(there) if there else None


def _times_faster(ours: Row, peers: Iterable[Row]) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for row in peers:
        if row.judged is not None:
            times = median(theirs / own for theirs, own in zip(row.seconds, ours.seconds, strict=False))
            found[row.contender] = min(times, found.get(row.contender, times))
    return found
