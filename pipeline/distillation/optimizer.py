"""The optimiser of a training and the rate it follows, step by step."""

import math
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from .options import Training


def optimizer(net: nn.Module, training: Training, beside: nn.Module | None = None) -> torch.optim.Optimizer:
    """SGD with momentum, Adam (Kingma, Ba 2015), AdamW (Loshchilov, Hutter 2019) or RMSprop, as torch has them.

    The parameters of `beside` are trained with the net's at the same rate.
    """
    groups = parameter_groups(net, training)
    if beside and (others := [parameter for parameter in beside.parameters() if parameter.requires_grad]):
        groups.append({"params": others, "weight_decay": 0.0})
    rate = training.learning_rate
    if training.optimizer == "sgd":
        return torch.optim.SGD(groups, rate, momentum=training.momentum, nesterov=training.nesterov)
    if training.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, rate, momentum=training.momentum)
    return torch.optim.Adam(groups, rate) if training.optimizer == "adam" else torch.optim.AdamW(groups, rate)


def parameter_groups(net: nn.Module, training: Training) -> list[dict[str, Any]]:
    """The parameters with their weight decay; without `decay_norms`, those of one axis (biases, norms) have none."""
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    if training.decay_norms:
        return [{"params": parameters, "weight_decay": training.weight_decay}]
    decayed = [parameter for parameter in parameters if parameter.ndim > 1]
    spared = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": training.weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def schedule(optimizer: torch.optim.Optimizer, training: Training, steps: int) -> lr_scheduler.LRScheduler:
    """The rate at each step, `steps` of them an epoch: one cycle (Smith 2018), or a share of the highest rate."""
    total = steps * training.epochs
    if training.schedule == "one-cycle":
        cycles_momentum = training.optimizer in ("adam", "adamw")  # elsewhere momentum is an option
        return lr_scheduler.OneCycleLR(
            optimizer, training.learning_rate, total_steps=total, cycle_momentum=cycles_momentum
        )
    return lr_scheduler.LambdaLR(optimizer, lambda step: share(training, step, steps))


def share(training: Training, step: int, steps: int) -> float:
    """The share of the highest rate at a step: a straight rise for `warmup` epochs, then as the schedule says.

    Half a cosine is Loshchilov and Hutter's (2017, SGDR) without restarts.
    """
    warm, total = training.warmup * steps, training.epochs * steps
    if step < warm:
        return (step + 1) / warm
    if training.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))
    passed = sum(step >= epoch * steps for epoch in training.milestones)
    return training.gamma**passed
