"""What `quantize` and `verify` answer on the terminal."""

import math
import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...pipeline.artifact import Artifact
from ...pipeline.codegen.manifest import Manifest
from ...pipeline.quantization.quantize_file import Quantized
from ...pipeline.runtimes.layerwise import MOST_SHARE, ROUNDED_OTHERWISE, TWICE, LayerParity
from ...pipeline.runtimes.parity import Parity
from ...pipeline.task import Metric
from .human import change, size
from .remark import print_remark

HELD_OUT = {
    True: "the model was not trained on the samples that judge",
    False: "the same samples calibrated and judged: too few to part them",
    None: "it is not known whether the model was trained on the samples that judge",
}


def print_quantized(
    made: Quantized, gate: str | None, app: Artifact | None = None, console: Console | None = None
) -> None:
    """The files, what INT8 cost in accuracy or agreement, whether the two INT8 files agree, and the gate."""
    console = console or Console(highlight=False)
    for file in made.files:
        _row(console, size(file.bytes), str(file.path))
    if app is not None:
        _row(console, size(app.bytes), f"{app.path}/  for who builds an app: begin with README.md")
    if not made.files:
        print_remark(console, "failed", "no file is handed over: a check did not pass")
    _row(console, size(made.arena.total), f"TFLite Micro's arena (x86-64; head {size(made.arena.head)})")
    if made.metric is not None and made.score_float is not None and made.score_int8 is not None:
        scores = _scores(made.metric, made.score_float, made.score_int8)
        console.print(f"{made.metric.name:<9} {scores}", soft_wrap=True)
    end = made.against_float.end_to_end
    if end and not math.isnan(end.sqnr_db):
        labels = f", top label equal for {100 * end.agreement:.1f} %" if made.tells_labels else ""
        console.print(f"outputs   {end.sqnr_db:.1f} dB to their error{labels}")
    low, high = made.calibrated_range
    seen = f"{made.calibrated_on}, whose values are {low:.4g} to {high:.4g}"
    console.print(f"          on {made.judged_on} samples; calibrated on {seen}", style="dim", soft_wrap=True)
    console.print(f"          {HELD_OUT[made.held_out]}", style="dim", soft_wrap=True)
    for remark in made.remarks:
        print_remark(console, "warning", remark)
    if not made.against_float.passed:
        print_verdict(made.against_float, console)
    for parity in (made.between_files, *made.others):
        print_verdict(parity, console)
    if gate:
        print_remark(console, "failed", gate)


def _scores(metric: Metric, exact: float, rounded: float) -> str:
    """`98.33 % float, 98.06 % INT8: −0.28 points`, with one decimal more than elsewhere."""
    digits = metric.decimals(exact) + 1
    before, after = (f"{value:.{digits}f} {metric.unit}".rstrip() for value in (exact, rounded))
    worse = " (less is better)" if metric.better == "lower" else ""
    return f"{before} float, {after} INT8: {change(rounded - exact, metric, exact, finer=1)}{worse}"


def print_package(manifest: Manifest, out: Path, console: Console | None = None) -> None:
    """What was written, and what it needs that is known before a compiler has seen it."""
    console = console or Console(highlight=False)
    told = f"{out}/  {len(manifest.layers)} layers, {manifest.macs:,} multiply-accumulates"
    console.print(told, markup=False, soft_wrap=True)
    gone = manifest.passes["channels_gone"]
    if gone:
        _row(console, str(gone), "channels cut, for no input changes them or nobody reads them: same outputs, of")
        _row(console, "", f"{manifest.passes['macs_before']:,} multiply-accumulates in the file")
    _row(console, size(manifest.flash["weights"]), "flash for weights")
    _row(console, size(manifest.ram["arena"]), "RAM for activations, input, output and scratch")
    _row(
        console, "", f"code and stack, by a compiler: edgestill bench {shlex.quote(str(out))} --on emu:cortex-m4", "dim"
    )


def _row(console: Console, amount: str, what: str, style: str = "") -> None:
    console.print(f"{amount:>9}  {what}", style=style, markup=False, soft_wrap=True)


def print_parity(parity: Parity, console: Console | None = None) -> None:
    """Layer by layer, end to end, and the verdict."""
    console = console or Console(highlight=False)
    if parity.layers:
        table = Table("layer", "operator", "values", "differ", "largest", "", box=None, header_style="dim")
        for layer in parity.layers:
            share = f"{100 * layer.share:.3f} %" if layer.mismatches else "0"
            cells = layer.name, layer.kind, str(layer.values), share, f"{layer.max_lsb} LSB"
            table.add_row(*map(Text, cells), _remark(layer))
        console.print(table)
    print_verdict(parity, console)


def _remark(layer: LayerParity) -> Text:
    """Why a layer passes that differs in more values than others may."""
    if not layer.passed:
        return Text("✗", "red")
    if layer.share < MOST_SHARE:
        return Text("")
    return Text(_reason(layer), "dim")


def _reason(layer: LayerParity) -> str:
    if layer.exempt:
        return ROUNDED_OTHERWISE[layer.kind]
    return TWICE if layer.share < layer.most_share else "too few values for a share"


def _steps(parity: Parity) -> str:
    """The largest difference of all layers, and the largest share of a layer's values that have one."""
    largest, share = max(one.max_lsb for one in parity.layers), max(one.share for one in parity.layers)
    if not largest:
        return "every layer to the bit"
    return f"every layer within {largest} LSB, at most {100 * share:.2g} % of its values off"


def print_verdict(parity: Parity, console: Console) -> None:
    """One line: do they compute the same; and why not."""
    names = f"{Path(parity.first).name} and {Path(parity.second).name}"
    if parity.passed:
        within = f": {_steps(parity)}" if parity.layers else ""
        print_remark(console, "passed", f"{names} compute the same{within}")
    else:
        print_remark(console, "failed", f"{names} do not compute the same")
    for reason in parity.reasons:
        console.print(f"  {reason}", markup=False, soft_wrap=True)
