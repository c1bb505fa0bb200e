"""Do the INT8 files compute the same? Layer by layer, fed the same integers."""

from collections.abc import Iterator

from ...pipeline.runtimes.layerwise import MOST_SHARE, ROUNDED_OTHERWISE
from ..report.document import LayerParity, Parity, Report
from ..tables.human import counted, share
from .markup import Html, element, join, table
from .section import Section, paragraphs

SQNR_FULL = 50.0  # decibels that fill the bar; INT8 rarely gives more
TITLES = ("layer", "operator", "values", "differ", "share", "largest, LSB")


def section(report: Report) -> Section | None:
    if not report.parity:
        return None
    return Section("parity", "Do the files agree?", join([part for one in report.parity for part in _pair(one)]))


def _pair(found: Parity) -> Iterator[Html]:
    badge = element(
        "span", "agree" if found.passed else "differ", class_="badge " + ("good" if found.passed else "bad")
    )
    yield element("h3", found.first, " and ", found.second, " ", badge)
    yield paragraphs(_layers(found), _end_to_end(found))
    noise = any(layer.sqnr_db is not None for layer in found.layers)
    titles = [*TITLES, *(["SQNR"] if noise else [])]
    if found.layers:
        rows = table(titles, (_row(layer, noise) for layer in found.layers), numeric=2)
        yield element(
            "details", element("summary", counted(len(found.layers), "layer")), rows, open=len(found.layers) <= 24
        )


def _layers(found: Parity) -> str | None:
    if not found.layers:
        return None
    worst = max(layer.max_lsb for layer in found.layers)
    most = max(layer.mismatches / layer.values if layer.values else 0.0 for layer in found.layers)
    if not worst:
        return "Fed the same integers, every layer gives the same integers."
    said = f"Fed the same integers, no layer is more than {worst} LSB off, nor in more than {share(most, 3)} of values."
    return f"{said} {_why(found)}".rstrip()


def _why(found: Parity) -> str:
    """Of the kinds that round otherwise in TFLite, those that show it here, by what they do."""
    shown = {layer.operator for layer in found.layers if layer.mismatches >= MOST_SHARE * layer.values > 0}
    reasons: dict[str, list[str]] = {}
    for kind in sorted(shown & ROUNDED_OTHERWISE.keys()):
        reasons.setdefault(ROUNDED_OTHERWISE[kind], []).append(kind)
    if not reasons or not found.passed:
        return ""
    said = "; ".join(f"{' and '.join(kinds)}: {reason}" for reason, kinds in reasons.items())
    return f"{said}; held to one step alone."


def _end_to_end(found: Parity) -> str | None:
    said = []
    if found.end_to_end_max_lsb == 0:
        said.append("all outputs are equal")
    elif found.end_to_end_max_lsb is not None:
        said.append(f"{_which(found)} differ, by {found.end_to_end_max_lsb} LSB at most")
    if found.agreement is not None:
        said.append(f"both say the same label for {share(found.agreement, 2)} of the samples")
    return f"End to end: {'; '.join(said)}." if said else None


def _which(found: Parity) -> str:
    if found.end_to_end_mismatches is None or found.end_to_end_values is None:
        return "some outputs"
    return f"{found.end_to_end_mismatches:,} of {found.end_to_end_values:,} outputs"


def _row(layer: LayerParity, noise: bool) -> Iterator[Html | str]:
    yield layer.layer
    yield layer.operator
    yield f"{layer.values:,}"
    yield f"{layer.mismatches:,}"
    yield share(layer.mismatches / layer.values, 3) if layer.values else "0"
    yield str(layer.max_lsb)
    if noise:
        yield _bar(layer.sqnr_db)


def _bar(decibels: float | None) -> Html | str:
    """Signal to quantization noise as a bar with its figure."""
    if decibels is None:
        return "–"
    width = max(0.0, min(100.0, 100 * decibels / SQNR_FULL))
    bar = element("span", class_="bar", style=f"--share:{width:.0f}%")
    return join([bar, f"{decibels:.1f} dB"])
