"""Ready to work: what a stage imports on its first use is there before its seconds are counted."""

from importlib import import_module

from ..distillation.options import Training
from ..stages.stage import Stage


def ready(stage: Stage) -> None:
    """Of two trainings in one process, the first shall not seem slower for having loaded torch for both."""
    if isinstance(stage, Training):
        import_module("..distillation.train", __package__)
        import_module("torch._dynamo")  # which torch's optimizers load when the first of them is made
