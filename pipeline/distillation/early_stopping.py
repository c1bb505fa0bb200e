"""Early stopping: the best epoch on validation is kept, and enough epochs without a better one end a training."""

import dataclasses
import math

import torch
from torch import nn

from ..models.checkpoint import Epoch
from ..task import Metric
from .kept_state import State


class BestEpoch:
    """Follows a net from epoch to epoch and can give back the weights it had after the best of them.

    With `patience` 0 nothing is held and nothing ends early: the last epoch is the one that is kept (Prechelt 1998,
    Early Stopping - But When?, calls an end after so many epochs without gain UP with strips of one).
    """

    def __init__(self, metric: Metric, patience: int) -> None:
        self.metric = metric
        self.patience = patience
        self.history: list[Epoch] = []
        self._best = 0
        self._weights: dict[str, torch.Tensor] = {}

    def add(self, epoch: Epoch, net: nn.Module) -> None:
        """One more epoch, and the net as it is after it; of two that score alike the earlier stays the best."""
        self.history.append(epoch)
        if not self.patience:
            self._best = len(self.history) - 1
        elif len(self.history) == 1 or self._gain(epoch) > self._gain(self.history[self._best]):
            self._best = len(self.history) - 1
            self._weights = {name: values.clone() for name, values in net.state_dict().items()}

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return self.patience > 0 and len(self.history) - 1 - self._best >= self.patience

    def state(self) -> State:
        """What it has followed so far: the best epoch's weights, and the epochs."""
        history = [[epoch.loss, epoch.validation] for epoch in self.history]
        return State(self._weights, {"history": history, "place": self._best})

    def take_up(self, state: State) -> None:
        """As it was when it gave this state."""
        self._weights, self._best = dict(state.tensors), state.facts["place"]
        self.history = [Epoch(*epoch) for epoch in state.facts["history"]]

    def keep(self, net: nn.Module) -> tuple[Epoch, ...]:
        """Gives the net the best epoch's weights, and the history in which that epoch is marked."""
        if self._weights:
            net.load_state_dict(self._weights)
        return tuple(dataclasses.replace(epoch, kept=place == self._best) for place, epoch in enumerate(self.history))

    def _gain(self, epoch: Epoch) -> float:
        """The metric with its better direction up; no number is worse than any."""
        return -math.inf if math.isnan(epoch.validation) else self.metric.sign * epoch.validation
