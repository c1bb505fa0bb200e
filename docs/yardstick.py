"""Writes `yardstick.md` beside this file from `benchmarks/results/mcu.json`. Run it after a new count."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("yardstick.md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "mcu.json"
NAMES = {"kws_int8": "keyword spotting", "ic_int8": "image classification", "vww_int8": "visual wake words"}
NAMES["ad_int8"] = "anomaly detection"
BOARD = "emu:cortex-m4"  # where the yardstick's code was measured apart

OPENING = """# Beside TFLite Micro with CMSIS-NN

The four INT8 reference models of MLPerf Tiny, untouched, as C by `edgestill compile`, on emulated boards, beside the best open engine on the same boards.
*This page is written by `docs/yardstick.py` from `benchmarks/results/mcu.json`.*

```sh not-run
python -m edgestill.benchmarks.mcu --inputs 100 --on emu:cortex-m4 emu:cortex-m7 emu:cortex-m33 emu:cortex-m3 emu:cortex-m55
python docs/yardstick.py
```
"""
NOTES = """
- Every cell is **ours / theirs**. Theirs is frozen: TensorFlow Lite Micro at 90b983c2 with CMSIS-NN at 99f736a6, built by the same compiler with `-O2` and counted under the same emulator.
- **RAM**: ours is the arena with input, output and scratch, other variables, and the painted stack. Theirs is the tensor arena and 1,056 bytes of static data; its stack was not measured.
- **code**: ours is the machine code of the package; theirs is interpreter and kernels. **flash** is code and weights; theirs holds the test's input and output, too (0.5 to 28 KB).
- **exact**: over so many random inputs, every output byte is TFLite Micro's.
- On the Cortex-M55 theirs uses its vector instructions (MVE); ours is the code of the Cortex-M4 there, which it runs too, and slower.
- Visual wake words: five sixths of the reference model's weights are zeros, and half of its channels do not depend on the input. They are cut before C is written, exactly.
"""


def page() -> str:
    """The whole page, from the results alone."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    targets = list(dict.fromkeys(row["target"] for row in rows))
    parts = [OPENING]
    for target in targets:
        parts += [f"## {target}\n", *_table([row for row in rows if row["target"] == target])]
    made = rows[0]["runtime"]
    return "\n".join([*parts, NOTES, f"{made['compiler']}; {made['emulator']}.\n"])


def _table(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "| model | instructions | fewer | RAM, bytes | code, bytes | flash, bytes | exact |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(_cells(row))} |"
    yield ""


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    theirs = row["yardstick"] or {}
    spent, ram, flash = row["instructions"]["total"], row["ram_bytes"]["total"], row["flash_bytes"]
    yield NAMES[row["model"]]
    yield _pair(spent, theirs.get("instructions"))
    yield f"{theirs['instructions'] / spent:.2f}×" if theirs else "–"
    yield _pair(ram, theirs.get("ram_bytes"))
    yield _pair(flash["code"], _bytes(theirs.get("code_kb")))
    yield _pair(flash["total"], _bytes(theirs.get("flash_kb")))
    exact = row["exact"]
    yield f"{exact['inputs']} inputs" if exact["differing"] == 0 else f"**{exact['differing']} bytes differ**"


def _bytes(kilobytes: float | None) -> int | None:
    return None if kilobytes is None else round(kilobytes * 1000)


def _pair(ours: int, theirs: int | None) -> str:
    return f"{ours:,}" if theirs is None else f"{ours:,} / {theirs:,}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
