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
    "gives no tensor": ("Pair(64, classes)", "gives list for 2 samples"),
    "holds what is not carried": ("nn.Sequential(nn.Flatten(), nn.CELU(), nn.Linear(64, classes))", "O-OP-UNKNOWN"),
    "is frozen": (
        "nn.Sequential(nn.Flatten(), nn.Linear(64, classes)).requires_grad_(False)",
        "no parameter that could",
    ),
    "is lazy": ("nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))", "has no size before the first sample"),
    "is of float64": ("nn.Sequential(nn.Flatten(), nn.Linear(64, classes)).double()", "is torch.float64"),
    "raises": ("1 / 0", "cannot be built: ZeroDivisionError"),
}


@pytest.mark.parametrize("side", ["student", "teacher"])
@pytest.mark.parametrize("why", [why for why in NETS if why.startswith("is ")])
def test_a_net_that_cannot_be_trained_is_named_on_either_side(
    side: str, why: str, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    net, says = NETS[why]
    (tmp_path / "mine.py").write_text(f"from torch import nn\n\ndef build(shape, classes):\n    return {net}\n")
    recipe = RECIPE
    if side == "teacher":
        recipe = recipe.replace('"mine:build"', '"ds-cnn"').replace(
            'model = "residual"\noptions = { widths = [8] }', 'model = "mine:build"\nexport = false'
        )
    (tmp_path / "mine.toml").write_text(recipe)
    ended = edgestill(["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == 2 and says in ended.stderr and "Traceback" not in ended.stderr, ended.stderr


@pytest.mark.parametrize("why", NETS)
def test_a_net_that_cannot_reach_a_file_is_named_before_the_training(
    why: str, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    net, says = NETS[why]
    source = f"""
from torch import nn

class Pair(nn.Linear):
    def forward(self, x):
        return [super().forward(x.flatten(1))]

def build(shape, classes):
    return {net}
"""
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "mine.toml").write_text(RECIPE)
    ended = edgestill(["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == 2, ended.stderr
    assert says in ended.stderr and "mine:build" in ended.stderr
    assert "Traceback" not in ended.stderr and "scratch" not in ended.stderr


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


REFUSED = {
    "a batch that the data cannot fill": (
        'name = "digits"\n[training]\nbatch = 5000',
        'model = "ds-cnn"',
        "batch is 5000, but data set digits has",
    ),
    "a change larger than a sample": (
        'name = "digits"\n[training]\nviews = 2\ncutout = 9',
        'model = "ds-cnn"',
        "cutout is 9, but a sample is (8, 8, 1)",
    ),
    "a flip of token ids": (
        'name = "texts"\nfolder = "texts"\nbuckets = 200\nlength = 12\n[training]\nviews = 2\nflip = true',
        'model = "text-cnn"',
        "flip makes no sense on token ids",
    ),
    "a table that ends before the data's ids": (
        'name = "texts"\nfolder = "texts"\nbuckets = 200\nlength = 12',
        'model = "transformer"\noptions = { buckets = 99 }',
        "model 'transformer': the data hold the token id 199, but its table ends at 98; give it 200 rows or more",
    ),
    "a net of images on token ids": (
        'name = "texts"\nfolder = "texts"\nbuckets = 200\nlength = 12',
        'model = "ds-cnn"',
        "model 'ds-cnn': takes images, samples of shape (height, width, channels); these have (12,): choose text-cnn",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_does_not_suit_the_data_is_named_before_the_training(
    why: str, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    data, student, says = REFUSED[why]
    for number in range(120):
        folder = tmp_path / "texts" / ("odd" if number % 2 else "even")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(" ".join(f"word{number * step}" for step in range(1, 9)))
    (tmp_path / "mine.toml").write_text(f"[data]\n{data}\n[student]\n{student}\nepochs = 1\n")
    ended = edgestill(["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == 2, ended.stderr
    assert says in " ".join(ended.stderr.split()) and "Traceback" not in ended.stderr
