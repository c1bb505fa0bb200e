"""Writes `gains.md` beside this file from `benchmarks/results/gains.json`. Run it after a new count."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgestill.benchmarks.stats import paired_difference, spread

PAGE = Path(__file__).with_name("gains.md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "gains.json"
SCRATCH = "from scratch"

OPENING = """# What a teacher brings on Fashion-MNIST

A residual net of 307 thousand parameters, trained on the labels of 55,000 images (92.85 % on test), teaches a DS-CNN of 10,570: once on 5,000 of the images, once on all.
*This page is written by `docs/gains.py` from `benchmarks/results/gains.json`.*

```sh not-run
python -m edgestill.benchmarks.studies.gains --images 5000
python -m edgestill.benchmarks.studies.gains --images 55000 --seeds 5 --ways "from scratch" "soft targets, T 2, alpha 0.9"
python docs/gains.py
```
"""
NOTES = """
- Mean and standard deviation over so many students; the gain over the students from scratch is paired by seed, its 95 % interval Student's over the seeds. One teacher, one draw of images.
- All students of a table take the same steps, in the same order, on the same views. **The teacher saw 55,000 labels**: where the student has 5,000 images, the teacher carries over what it
  learned of the other 50,000.
- Chosen on validation: soft targets at T 2 against T 4 and DKD. DIST is level with it on the one student that was tried, and no more can be said of it.
- Seconds are processor seconds of one student on one thread of a machine that was busy with other work; they compare within a table at best.
"""


def page() -> str:
    """The whole page, from the results alone."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    parts = [OPENING]
    for images in sorted({row["images"] for row in rows}):
        parts += [f"## {images:,} training images\n", *_table([row for row in rows if row["images"] == images])]
    return "\n".join([*parts, NOTES])


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| student | students | on validation, % | on test, % | gain on test, 95 % interval | seconds |"
    yield "|---|---|---|---|---|---|"
    alone = {row["seed"]: row["test"] for row in rows if row["way"] == SCRATCH}
    for way in dict.fromkeys(row["way"] for row in rows):
        own = [row for row in rows if row["way"] == way]
        seconds = sum(row["seconds"] for row in own) / len(own)
        scores = [_spread([row[split] for row in own]) for split in ("validation", "test")]
        gain = "" if way == SCRATCH else _gain({row["seed"]: row["test"] for row in own}, alone)
        yield f"| {way} | {len(own)} | {' | '.join(scores)} | {gain} | {seconds:.0f} |"
    yield ""


def _spread(values: Sequence[float]) -> str:
    found = spread(values)
    return f"{found.mean:.2f}" if len(values) == 1 else f"{found.mean:.2f} ± {found.deviation:.2f}"


def _gain(own: Mapping[int, float], alone: Mapping[int, float]) -> str:
    seeds = sorted(own.keys() & alone.keys())
    found = paired_difference([own[seed] for seed in seeds], [alone[seed] for seed in seeds])
    if found.low is None:
        students = "one student" if len(seeds) < 2 else f"the same for all {len(seeds)}"
        return f"{found.estimate:+.2f}, {students}".replace("-", "−")
    return f"{found.estimate:+.2f} ({found.low:+.2f} to {found.high:+.2f})".replace("-", "−")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
