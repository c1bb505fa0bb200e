"""Runs LiteRT's own benchmark tool as it is, and prints every call it timed, in milliseconds, as its last line.

Its own report rounds to 0.01 ms. It sorts the times before it asks for percentiles: there they are taken.
"""

import json
from collections.abc import Sequence

from ai_edge_litert.tools import benchmark_litert_model as tool


def main() -> None:
    kept: list[float] = []
    asked = tool.percentile

    def percentile(times: Sequence[float], percent: float) -> float:
        kept[:] = times
        return float(asked(times, percent))

    tool.percentile = percentile
    tool.run_benchmark(tool.parse_args())
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
