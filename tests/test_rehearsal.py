"""A net that cannot reach a file is named before anything is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RECIPE = """
[data]
name = "digits"
[teacher]
model = "residual"
options = { widths = [8] }
[student]
model = "mine:build"
[[stage]]
stage = "distill"
"""
NETS = {
    "does not take the samples": ("nn.Linear(3, classes)", "cannot be run on samples (2, 1, 8, 8)"),
    "gives too few outputs": ("nn.Sequential(nn.Flatten(), nn.Linear(64, 7))", "gives (2, 7) for 2 samples"),
    "gives no tensor": ("nn.Identity().register_forward_hook(lambda *_: [1]) and Pair()", "gives list for 2 samples"),
    "holds what is not carried": ("nn.Sequential(nn.Flatten(), nn.SiLU(), nn.Linear(64, classes))", "O-OP-UNKNOWN"),
    "raises": ("1 / 0", "cannot be built: ZeroDivisionError"),
}


@pytest.mark.parametrize("why", NETS)
def test_a_net_that_cannot_reach_a_file_is_named_before_the_training(
    why: str, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    net, says = NETS[why]
    source = f"""
from torch import nn

class Pair(nn.Module):
    def forward(self, x):
        return [x]

def build(shape, classes):
    return {net}
"""
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "mine.toml").write_text(RECIPE)
    ended = edgestill(["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == 2, ended.stderr
    assert says in ended.stderr and "mine:build" in ended.stderr
    assert "Traceback" not in ended.stderr and "train" not in ended.stderr


def test_a_net_of_ones_own_that_changes_changes_everything_made_from_it(
    tmp_path: Path, edgestill: Callable[..., Any], digests_of: Callable[[Path], dict[str, str]]
) -> None:
    source = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.dense = nn.Linear(64, classes)

    def forward(self, x):
        return self.dense(x.flatten(1))

def build(shape, classes):
    return Net(classes)
"""
    recipe = (
        '[data]\nname = "digits"\n[student]\nmodel = "mine:build"\nepochs = 1\n[measure]\nruns = 20\nseconds = 0.1\n'
    )
    (tmp_path / "mine.toml").write_text(recipe)
    run = ["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")]
    (tmp_path / "mine.py").write_text(source)
    assert edgestill(run, tmp_path / "store").returncode == 0
    before = digests_of(tmp_path / "out")
    (tmp_path / "mine.py").write_text(
        source.replace("return self.dense(x.flatten(1))", "return 2 * self.dense(x.flatten(1))")
    )
    assert edgestill(run, tmp_path / "store").returncode == 0
    assert not set(before.values()) & set(digests_of(tmp_path / "out").values())
