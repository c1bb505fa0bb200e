"""What cannot be lowered is named, every node at once, with a remedy; each case, and the same net cured, is a file."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.tests.lowered import check_float
from edgestill.tests.onnx_text import model_of

CASES = sorted((Path(__file__).parent / "cases" / "unsupported").glob("*.toml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_such_node_is_named_with_its_code_and_a_remedy_that_works(path: Path) -> None:
    case = tomllib.loads(path.read_text())
    constants = case.get("noise", {}), case.get("numbers", {}), case.get("opset", 17)
    with pytest.raises(Unsupported) as refusal:
        from_onnx(model_of(case["input"], case["nodes"], *constants), "net.onnx")
    assert [_code_and_node(reason) for reason in refusal.value.reasons] == case["refused"]
    assert case["says"] in str(refusal.value)
    if "cured" in case:
        lengths = case["input"].split("[")[1].split("]")[0]
        with np.errstate(all="raise"):
            check_float(model_of(case["input"], case["cured"], *constants), tuple(map(int, lengths.split(",")))[1:])


def _code_and_node(reason: str) -> str:
    """'O-RANK  node 'conv': ...' -> 'O-RANK conv'."""
    return f"{reason.split()[0]} {reason.split(chr(39))[1]}"


def test_there_are_at_least_thirty_cases_most_of_them_cured() -> None:
    assert len(CASES) >= 30
    assert sum("cured" in path.read_text() for path in CASES) >= 25
