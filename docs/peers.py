"""Writes `peers.md` beside this file from `benchmarks/results/peers*.json`. Run it after a new comparison."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgestill.benchmarks.peers.row import Row, row_of
from edgestill.benchmarks.peers.standing import mean_gain, standings
from edgestill.benchmarks.peers.tables import FILE_HEADINGS, NONE, file_cells, standing_cells, standing_headings

PAGE = Path(__file__).with_name("peers.md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
DRAWS = "peers-draw-*.json"

OPENING = """# Beside other quantizers

Seven small nets with frozen weights go through three tools: edgestill, ONNX Runtime's `quantize_static`, and litert-torch with ai-edge-quantizer, each in an environment of
its own. All get the same weights, 128 samples to calibrate, and are judged on 400 others.
*This page is written by `docs/peers.py` from `benchmarks/results/peers.json`.*

```sh not-run
python -m edgestill.benchmarks.peers                          # makes the others' environments first: minutes, gigabytes
python -m edgestill.benchmarks.peers --draw 1 --rounds 1      # the same nets on other samples
python docs/peers.py
```
"""

ABOUT_STANDINGS = """
- **dB** is the signal to quantization noise of our TFLite file / of the best file that any peer made; **gain** is the difference.
- **s** is from the torch module to all three of our files (INT8 TFLite, INT8 ONNX, float TFLite), one thread; imports are not counted, for nobody. Medians over the rounds; in every
  round the tools take turns, and **times faster** is the median of the rounds' ratios, so that a busy machine slows both sides. A peer makes one file in that time.
- **arena** is what TFLite Micro allocates for our file, which carries its own memory plan / for the smallest of a peer; **.tflite** and **.onnx** are
  bytes of the INT8 files / of the smallest of a peer. Ours carry no metadata here, for a bare torch module has none; labels, preprocess and
  provenance take some hundred bytes more.
"""

ABOUT_FILES = """
SQNR and agreement (the share of samples with the same label) are against the same float net. TFLite files run on LiteRT's reference kernels, ONNX files in ONNX Runtime.
Each peer has its best configuration: ai-edge-quantizer with true minima and maxima in place of its moving averages, which lose more; ONNX Runtime with weights per channel
and all three of its ways to calibrate. An arena with a star is that of the file with its weights moved inside: as it was made, TFLite Micro computes garbage.
"""

ABOUT_DRAWS = """
## Other samples
The nets were trained for seconds on synthetic signals, so that anybody can make them again from their seeds: smooth prototypes under noise, and sentences of random tokens. No
figure here says how a net does on its task. One constant of ours, how far beyond the outermost value met `ranges = "mse"` reckons, was chosen on the samples that
judge above. So everybody is judged again on other draws of samples, both to calibrate and to judge, which nothing was chosen on: our gain in dB over the better peer.
"""


def page() -> str:
    """The whole page, from the results alone."""
    found = _read(RESULTS / "peers.json")
    rows, known = _rows(found), standings(_rows(found))
    headings = standing_headings(known)
    parts = [OPENING, "## How we stand\n", *_table(headings, (standing_cells(one, headings) for one in known))]
    parts += [f"\nMean gain over the {len(known)} nets: {mean_gain(known):+.1f} dB.", ABOUT_STANDINGS]
    parts += ["## Every file\n", *_table(FILE_HEADINGS, map(file_cells, rows)), ABOUT_FILES]
    parts += ["## What it ran on\n", *_machine(found), ABOUT_DRAWS, *_draws()]
    return "\n".join(parts) + "\n"


def _machine(found: Mapping[str, Any]) -> Iterator[str]:
    machine, rounds = found["machine"], max(len(row["seconds"]) for row in found["rows"])
    load = machine["load_average"][2]
    yield f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; {rounds} rounds."
    yield f"The load average was {load} at the end: where it is above the number of cores, seconds say little, ratios more.\n"
    for contender, packages in found["versions"].items():
        yield f"- {contender}: {', '.join(f'{name} {version}' for name, version in packages.items())}"


def _draws() -> Iterator[str]:
    """A row a net, a column a draw, and the means."""
    found = {name.stem.rpartition("-")[2]: standings(_rows(_read(name))) for name in sorted(RESULTS.glob(DRAWS))}
    nets = list(dict.fromkeys(one.net for known in found.values() for one in known))
    gains = {draw: {one.net: one.gain_db for one in known} for draw, known in found.items()}
    rows = [[net, *(_decibels(gains[draw].get(net)) for draw in found)] for net in nets]
    rows.append(["mean", *(_decibels(mean_gain(known)) for known in found.values())])
    yield from _table(["net", *(f"draw {draw}" for draw in found)], rows)


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def _rows(found: Mapping[str, Any]) -> list[Row]:
    return [row_of(stored) for stored in found["rows"]]


def _decibels(gain: float | None) -> str:
    return NONE if gain is None else f"{gain:+.1f}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "|---" * len(headings) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


if __name__ == "__main__":
    PAGE.write_text(page())
