"""Processes that train together take the steps of one: real ones, by torchrun, over gloo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edgestill.pipeline.models.checkpoint import read_about

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SMALL = HERE / "cases" / "small.toml"


def begun(command: list[str], store: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGESTILL_STORE": str(store), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)


@pytest.mark.parametrize(
    ("methods", "options", "labelled"),
    [
        (["soft-targets"], {}, 0),
        pytest.param(["soft-targets", "hint", "mutual"], {}, 0, marks=pytest.mark.nightly),
        pytest.param(["soft-targets"], {"combine": "best"}, 40, marks=pytest.mark.nightly),
        (["rkd-distance", "pkt"], {}, 40),
        pytest.param(["logits", "adversarial"], {}, 40, marks=pytest.mark.nightly),
        (["crd", "mean-teacher"], {"balance": "uncertainty"}, 40),
    ],
)
def test_two_processes_end_with_the_weights_of_one(
    methods: list[str], options: dict[str, str], labelled: int, tmp_path: Path
) -> None:
    guiding = json.dumps({"methods": [{"name": name, "weight": 1.0} for name in methods], **options})
    script = str(HERE / "train_together.py")
    for launcher, name in (([sys.executable], "one"), (TORCHRUN, "two")):
        found = begun([*launcher, script, str(tmp_path / name), guiding, str(labelled)], tmp_path / "store")
        assert found.returncode == 0, found.stderr
    one, two = (load_file(tmp_path / name) for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, values in one.items():
        assert torch.allclose(values, two[name], atol=1e-5, rtol=1e-5), name
    losses = [read_about(tmp_path / name).history[-1].loss for name in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_what_two_processes_train_is_found_by_two_and_trained_again_by_one(tmp_path: Path) -> None:
    command = ["-m", "edgestill", "run", str(SMALL), "--out", str(tmp_path / "out")]
    found = begun([*TORCHRUN, *command], tmp_path / "store")
    assert found.returncode == 0, found.stderr
    assert found.stderr.count("✓ data") == 1  # one of them speaks
    again = begun([*TORCHRUN, *command], tmp_path / "store")
    assert again.returncode == 0 and "✓ distill" not in again.stderr, again.stderr
    alone = begun([sys.executable, *command], tmp_path / "store")
    assert alone.returncode == 0 and "✓ distill" in alone.stderr and "✓ data" not in alone.stderr, alone.stderr


def test_a_batch_that_two_cannot_share_and_a_command_for_one_are_refused(tmp_path: Path) -> None:
    odd = tmp_path / "odd.toml"
    odd.write_text(SMALL.read_text().replace("[training]", "[training]\nbatch = 33", 1))
    found = begun([*TORCHRUN, "-m", "edgestill", "run", str(odd), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert found.returncode != 0 and "batch is 33, which 2 processes cannot share; take a multiple" in found.stderr
    found = begun([*TORCHRUN, "-m", "edgestill", "targets"], tmp_path / "store")
    assert found.returncode != 0 and "targets is done by one process; torchrun is for" in found.stderr


def test_losses_balanced_by_their_gradients_are_refused_by_two_processes(tmp_path: Path) -> None:
    guiding = json.dumps({"methods": [{"name": "hint"}], "balance": "gradient"})
    found = begun([*TORCHRUN, str(HERE / "train_together.py"), str(tmp_path / "out"), guiding, "0"], tmp_path / "store")
    assert found.returncode != 0 and 'balance = "gradient" is for one process' in found.stderr
