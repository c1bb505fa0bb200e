"""Writes `training-speed.md` beside this file from `benchmarks/results/training-speed.json`. Run it after a new count."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("training-speed.md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "training-speed.json"

OPENING = """# What a recorded teacher saves

Steps per second of one student, trained from scratch, with the answers that the stage `teach` recorded, and with the same teacher asked anew at every step.
*This page is written by `docs/training_speed.py` from `benchmarks/results/training-speed.json`.*

```sh not-run
python -m edgestill.benchmarks.studies.training_speed --steps {steps}
python docs/training_speed.py
```

| teacher | methods | heard | steps/s | of scratch | of scratch, processor time | of live | of live, processor time |
|---|---|---|---|---|---|---|---|"""
NOTES = """
- All trainings run in one process with one thread each and take their steps in turn, so that whatever disturbs the machine disturbs all alike. The median step counts.
- **of scratch**: 1.00 is as fast as training on the labels alone; in brackets the 95 % interval over blocks of steps. **of live**: how many times as fast as with the teacher asked live.
- Processor time leaves out what other programs took from the clock. The passes that recorded the answers are not in it: they are made once, for all students.
"""


def page() -> str:
    """The whole page, from the results alone."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    student, options = found["student"]
    machine, steps = found["machine"], len(found["rows"][0]["wall"])
    with_what = ", ".join(f"{name} {value}" for name, value in options.items())
    closing = f"{found['data']}, batch {found['batch']}, student {student} with {with_what}; {steps} steps each; {machine['cpu']}, {machine['cores']} cores.\n"
    opening = OPENING.format(steps=steps + 2)  # the first step and the last are not counted
    return "\n".join([opening, *map(_row, found["derived"]), NOTES, closing])


def _row(one: Mapping[str, Any]) -> str:
    cells = [one["teacher"], one["methods"], one["heard"], f"{one['steps_per_second']:.1f}"]
    return f"| {' | '.join([*cells, *_ratios(one['of_scratch']), *_ratios(one['of_live'])])} |"


def _ratios(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        yield from ("", "")
        return
    wall = found["wall"]
    between = "" if wall["low"] is None else f" ({wall['low']:.2f} to {wall['high']:.2f})"
    yield f"{wall['estimate']:.2f}{between}"
    yield f"{found['processor']:.2f}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
