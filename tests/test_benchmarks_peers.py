"""The comparison with other quantizers: what is derived from its rows, and what is judged of a file."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgestill.benchmarks.peers.judge import Judged, sqnr, with_weights_inside
from edgestill.benchmarks.peers.row import Row, row_of
from edgestill.benchmarks.peers.standing import mean_gain, standings
from edgestill.benchmarks.peers.tables import standing_cells, standing_headings
from edgestill.pipeline.graph.flatbuffer import pack
from edgestill.pipeline.graph.from_tflite import from_tflite

HOUSE = Path(__file__).parents[1]
RESULTS = sorted((HOUSE / "benchmarks" / "results").glob("peers*.json"))
MODEL = HOUSE / "tests" / "cases" / "mlperf-tiny" / "kws_int8.tflite"


def row(contender: str, kind: str, decibels: float, size: int, arena: int | None, *seconds: float) -> Row:
    told = seconds if contender == "edgestill" else ()
    return Row("net", contender, "usual", kind, seconds, told, Judged(decibels, None, size, arena))


ROWS = [
    row("edgestill", "tflite", 30.0, 100, 50, 1.0, 2.0, 1.0),
    row("edgestill", "onnx", 29.0, 90, None, 1.0, 2.0, 1.0),
    row("quick", "onnx", 28.0, 95, None, 0.5, 1.0, 5.0),
    row("slow", "tflite", 27.0, 110, 60, 4.0, 8.0, 3.0),
    Row("net", "broken", "", "", (), (), None, "it fell over"),
]


def test_we_stand_against_the_best_of_the_peers_in_every_column() -> None:
    (standing,) = standings(ROWS)
    assert standing.gain_db == pytest.approx(2.0) and mean_gain([standing]) == pytest.approx(2.0)
    assert standing.times_faster == {"quick": pytest.approx(0.5), "slow": pytest.approx(4.0)}
    assert (standing.arena.best, standing.tflite_bytes.best, standing.onnx_bytes.best) == (60, 110, 95)
    headings = standing_headings([standing])
    assert len(standing_cells(standing, headings)) == len(headings)


def test_rows_come_back_from_json() -> None:
    assert [row_of(json.loads(json.dumps(asdict(one)))) for one in ROWS] == ROWS


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_what_is_derived_follows_from_the_rows(path: Path) -> None:
    found = json.loads(path.read_text())
    derived = [asdict(one) for one in standings(map(row_of, found["rows"]))]
    assert json.loads(json.dumps(derived)) == found["derived"]


def test_weights_outside_a_file_are_moved_in() -> None:
    data = MODEL.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    largest = max((one for one in model.buffers if one.data is not None), key=lambda one: len(one.data))
    weights = np.asarray(largest.data, np.uint8).tobytes()
    largest.data, largest.size = None, len(weights)
    largest.offset = 2
    length = len(pack(model))  # numbers are as long as any other
    largest.offset = length
    outside = pack(model) + weights
    inside, moved = with_weights_inside(outside)
    assert moved and from_tflite(inside, "moved") == from_tflite(data, "moved")
    assert with_weights_inside(data) == (data, False)


def test_ten_decibels_are_a_tenth_of_the_power() -> None:
    assert sqnr(np.array([[3.0, 1.0]]), np.array([[3.0, 0.0]])) == pytest.approx(10 * np.log10(9))
