"""`python -m edgestill.benchmarks.studies.against_litert FILE...`: our p50 beside that of LiteRT's own tool."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...pipeline.artifact import of_file
from ...pipeline.errors import RuntimeDied
from ...pipeline.progress import listening, track
from ...targets.host import Host
from ...targets.machine import facts
from ...targets.setup.installation import version_of
from ...targets.target import Plan
from ..stats import Interval, speed_ratio
from ..tables.human import micros
from ..tables.terminal import Terminal

TOOL = str(resources.files("edgestill.benchmarks.studies") / "litert_tool.py")
WARMUP, RUNS, ROUNDS, SECONDS = 5, 200, 15, 2.0
LARGE_US = 500.0  # below this the difference itself is told, not its share


@dataclass(frozen=True)
class Compared:
    """A file's calls in microseconds, round by round, by us and by the tool, which took turns."""

    file: str
    sha256: str
    ours_us: tuple[tuple[float, ...], ...]
    theirs_us: tuple[tuple[float, ...], ...]

    def p50(self) -> tuple[float, float]:
        """Over all rounds: ours, the tool's."""
        ours, theirs = ([value for one in rounds for value in one] for rounds in (self.ours_us, self.theirs_us))
        return statistics.median(ours), statistics.median(theirs)

    def ratio(self) -> Interval:
        """How many times longer a call takes by our account, with its 95 % interval over the rounds."""
        return speed_ratio(self.theirs_us, self.ours_us)


def compared(path: Path, rounds: int = ROUNDS) -> Compared:
    """The same number of calls after the same warm-up, each round in new processes; who begins changes every round."""
    ours, theirs = list[tuple[float, ...]](), list[tuple[float, ...]]()
    for number in range(rounds):
        turns = [(ours, _ours), (theirs, _theirs)]
        for kept, measure in turns if number % 2 else turns[::-1]:
            kept.append(measure(path))
    return Compared(path.name, of_file(path).sha256, tuple(ours), tuple(theirs))


def _ours(path: Path) -> tuple[float, ...]:
    plan = Plan(warmup=WARMUP, runs=RUNS, seconds=SECONDS, rounds=1, warmup_seconds=0.0)
    with Host().load(of_file(path)) as loaded:
        return loaded.measure(plan).latency_us


def _theirs(path: Path) -> tuple[float, ...]:
    command = [sys.executable, TOOL, "--model", str(path), "--num_runs", str(RUNS), "--warmup_runs", str(WARMUP)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeDied(f"{path.name}: LiteRT's benchmark tool failed: {ended.stderr.strip().splitlines()[-1:]}")
    return tuple(round(1e3 * one, 3) for one in json.loads(ended.stdout.splitlines()[-1]))


def table(rows: Sequence[Compared]) -> Table:
    """The difference as a share for large files, in microseconds for all."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("file", overflow="fold")
    for title in ("our p50", "the tool's", "difference", "ratio", "95 % interval"):
        made.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        made.add_row(*map(Text, _cells(row)))
    return made


def _cells(row: Compared) -> Iterator[str]:
    (ours, theirs), ratio = row.p50(), row.ratio()
    yield from (row.file, micros(ours), micros(theirs), f"{ours - theirs:+.1f} µs")
    yield f"{ratio.estimate:.3f}" if theirs >= LARGE_US else "–"
    yield f"{ratio.low:.3f} to {ratio.high:.3f}" if theirs >= LARGE_US and ratio.low and ratio.high else "–"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m edgestill.benchmarks.studies.against_litert", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".tflite files")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each takes its turn")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/against_litert.json"))
    chosen = parser.parse_args(arguments)
    before = os.getloadavg()
    with Terminal() as terminal, listening(terminal), terminal.working("measuring"):
        rows = [compared(path, chosen.rounds) for path in track(chosen.files, len(chosen.files))]
    found = {
        "schema": 1,
        "machine": facts(),
        "load_average": {"before": before, "after": os.getloadavg()},
        "litert": version_of("ai-edge-litert"),
        "warmup": WARMUP,
        "runs": RUNS,
        "rows": [asdict(row) for row in rows],
        "derived": [{"file": one.file, "p50_us": one.p50(), "ratio": asdict(one.ratio())} for one in rows],
    }
    chosen.out.write_text(json.dumps(found, sort_keys=True) + "\n")
    Console(width=None if sys.stdout.isatty() else 120).print(table(rows))


if __name__ == "__main__":
    main()
