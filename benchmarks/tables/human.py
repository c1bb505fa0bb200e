"""Numbers as people read them; 1 KB is 1024 bytes."""

from collections.abc import Sequence

from ...pipeline.task import Metric
from ..stats import Spread, spread

NONE = "–"


def size(bytes_: int | None) -> str:
    """17 B, 52.7 KB, 1.02 MB: three digits that count."""
    if bytes_ is None:
        return NONE
    if bytes_ < 1024:
        return f"{bytes_} B"
    value, unit = (bytes_ / 1024, "KB") if bytes_ < 1024**2 else (bytes_ / 1024**2, "MB")
    if unit == "MB" and value >= 1024:
        value, unit = value / 1024, "GB"
    return f"{three(value)} {unit}"


def count(number: int | None) -> str:
    """950, 22.6 k, 2.67 M."""
    if number is None:
        return NONE
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor:
            return f"{three(number / factor)} {unit}"
    return str(number)


def micros(us: float | None) -> str:
    """11.3 µs, 2.05 ms, 1.50 s."""
    if us is None:
        return NONE
    if us < 1e3:
        return f"{three(us)} µs"
    return f"{three(us / 1e3)} ms" if us < 1e6 else f"{three(us / 1e6)} s"


def micros_pair(low: float, high: float) -> str:
    """Two latencies in the unit of the first: 11.3 / 11.9 µs."""
    factor, unit = (1.0, "µs") if low < 1e3 else (1e3, "ms") if low < 1e6 else (1e6, "s")
    return f"{three(low / factor)} / {three(high / factor)} {unit}"


def three(value: float) -> str:
    """Three digits that count, and no power of ten: 1.02, 52.7, 1024."""
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{digits}f}"


def times(ratio: float) -> str:
    """1.4× or 12×."""
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:.0f}×"


def score(values: Sequence[float] | Spread, metric: Metric) -> str:
    """97.4 ± 0.2 over several seeds, 97.4 for one: as many decimals as its metric is told with, without the unit."""
    if not isinstance(values, Spread):
        if not values:
            return NONE
        values = spread(values)
    digits = metric.decimals(values.mean)
    told = f"{values.mean:.{digits}f}"
    return told if values.deviation is None else f"{told} ± {values.deviation:.{digits}f}"


def score_and_unit(values: Sequence[float] | Spread, metric: Metric) -> str:
    """97.4 ± 0.2 %."""
    return f"{score(values, metric)} {metric.unit}".rstrip()


def named(metric: Metric) -> str:
    """The metric with its unit, and the direction where more is worse: `mean absolute error °C, less is better`."""
    return f"{metric.name} {metric.unit}".rstrip() + (", less is better" if metric.better == "lower" else "")


def gain(value: float, digits: int = 1) -> str:
    """+0.6, −1.4, 0.0: with a real minus, and no sign on nothing."""
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return ("+" if value > 0 else "−") + text


def change(value: float, metric: Metric, near: float, finer: int = 0) -> str:
    """+0.6 points or −0.012 °C: a difference of two scores of about `near`, told with `finer` decimals more."""
    return f"{gain(value, metric.decimals(near) + finer)} {metric.step}".rstrip()


def share(part: float, digits: int = 0) -> str:
    """0.1 as 10 %; nothing at all as 0."""
    return f"{100 * part:.{digits}f} %" if part else "0"


def counted(number: int, noun: str) -> str:
    """1 warning, 3 warnings."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
