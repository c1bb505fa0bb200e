"""Data to find anomalies in: the training split is normal, the others hold both kinds, and no window leaks."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.data.arterial_pressure import CURE, SOURCE, ArterialPressure, reversed_stretches
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.check import check
from edgestill.pipeline.data.dataset import DataSet, Split
from edgestill.pipeline.data.package_file import package_file
from edgestill.pipeline.data.synthetic_machine import FAULTS, SyntheticMachine, spectra
from edgestill.pipeline.errors import BadData, BadRecipe, MissingTool
from edgestill.pipeline.task import Task, roc_auc
from edgestill.tests.wanted import want


@pytest.fixture(scope="module")
def machine() -> DataSet:
    return SyntheticMachine(samples=800).read(3)


def with_part(dataset: DataSet, name: str, **changed: Any) -> DataSet:
    part: Any = {name: dataclasses.replace(dataset.split(name), **changed)}
    return dataclasses.replace(dataset, **part)


def test_a_machine_is_learned_while_it_runs_well_and_judged_on_both_kinds(machine: DataSet) -> None:
    check(machine)
    assert not machine.train.y.any() and not machine.calibration.y.any()
    assert (machine.validation.y.mean(), machine.test.y.mean()) == (0.5, 0.5)
    assert {split.x.shape[1:] for split in (machine.train, machine.test)} == {(128,)}
    fed = machine.about.preprocess.apply(machine.train.x)
    assert abs(fed.mean()) < 0.01 and abs(fed.std() - 1) < 0.1


def test_the_same_seed_is_the_same_machine_and_another_is_not(machine: DataSet) -> None:
    again, other = SyntheticMachine(samples=800).read(3), SyntheticMachine(samples=800).read(4)
    assert np.array_equal(again.test.x, machine.test.x) and again.about == machine.about
    assert other.about.source.sha256 != machine.about.source.sha256


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_can_be_told_from_running_well(fault: str) -> None:
    """By the plainest detector there is: the distance to the nearest of many normal spectra."""
    random = np.random.default_rng(0)
    known, normal, faulty = spectra(600, random, None), spectra(60, random, None), spectra(60, random, FAULTS[fault])
    x = np.concatenate([normal, faulty])
    distances = np.sqrt(((x[:, None] - known) ** 2).sum(axis=2)).min(axis=1)
    assert roc_auc(distances, np.repeat([0, 1], 60)) > 75


@pytest.mark.parametrize(
    ("options", "message"), [({"samples": 3}, "samples is 3; it must be 40"), ({"severity": 0.0}, "severity is 0.0")]
)
def test_options_out_of_range_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, BadRecipe), match=message):
        read_data("synthetic-machine", 0, options)


def test_a_model_of_what_is_normal_is_fed_nothing_else(machine: DataSet) -> None:
    y = np.zeros(len(machine.train), np.int64)
    y[7] = 1
    with pytest.raises(BadData, match="train: 1 of 800 samples are anomalous"):
        check(with_part(machine, "train", y=y))
    with pytest.raises(BadData, match="validation: all samples are normal; .* needs both kinds"):
        check(with_part(machine, "validation", y=machine.validation.y * 0))
    with pytest.raises(BadData, match="labels in y go from 0 to 2"):
        check(with_part(machine, "test", y=machine.test.y * 2))


def test_values_to_regress_are_finite_reals(machine: DataSet) -> None:
    task = Task("regress", ("speed", "load"), "Hz")
    about = dataclasses.replace(machine.about, task=task)
    parts = {
        name: Split(part.x, np.zeros((len(part), 2)))
        for name, part in ((name, machine.split(name)) for name in ("train", "calibration", "validation", "test"))
    }
    values = DataSet(about, **parts)
    check(values)
    broken = np.zeros((len(machine.test), 2))
    broken[[4, 9], 1] = np.nan
    with pytest.raises(BadData, match="test: 2 of 400 targets in y hold nan or infinity, the first is 4"):
        check(with_part(values, "test", y=broken))
    with pytest.raises(BadData, match=r"train: y has shape \(800,\) and type int64; expected reals \(samples, 2\)"):
        check(with_part(values, "train", y=machine.train.y))


def test_a_stretch_played_backwards_keeps_its_values() -> None:
    x = np.random.default_rng(0).standard_normal((20, 64)).astype(np.float32)
    made = reversed_stretches(x, np.random.default_rng(1))
    assert np.array_equal(np.sort(made, axis=1), np.sort(x, axis=1))
    assert ((made != x).sum(axis=1) <= 16).all() and (made != x).any(axis=1).all()


def test_the_pulse_wave_is_split_by_time_and_no_window_reaches_over() -> None:
    try:
        package_file(SOURCE.package, SOURCE.file, CURE)
    except MissingTool as error:
        want(False, "data", str(error))
    dataset = ArterialPressure(window=32, step=1).read(0)
    check(dataset)
    assert (len(dataset.train), len(dataset.validation)) == (2400 - 31, 2 * (1200 - 31))
    assert (len(dataset.test), int(dataset.test.y.sum())) == (7501 - 3600 - 31, 12 + 31)


def test_the_missing_package_is_named_with_its_cure() -> None:
    try:
        ArterialPressure().read(0)
    except MissingTool as error:
        assert "pip install" in str(error) and "aeon" in str(error)
