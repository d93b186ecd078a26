"""The network: one LSTM for all instances, with two heads.

MLP → LSTM → (a) quantiles that ascend by construction, (b) a mixture of
logistic distributions of the maximum, from which P(max > limit) follows for
any limit.  Both speak of z = asinh((y - last) / scale).
"""

import torch
from torch import nn
from torch.nn import functional

from predictive_watcher.core import fleet
from predictive_watcher.core import forecast


RESOURCES = len(fleet.RESOURCES)
TARGETS = len(forecast.TARGETS)
LEVELS = len(forecast.LEVELS)
MEDIAN = forecast.LEVELS.index(0.5)
MIXTURE = 4  # logistic components of the maximum
_LEAST_SPREAD = 0.02
# From gaps between levels to distances from the median, as a product: gap k
# parts the levels below it from the others.
_ALL = torch.ones(LEVELS, LEVELS)
_BELOW = _ALL.tril() * (torch.arange(LEVELS) < MEDIAN)[:, None]
_ABOVE = _ALL.triu() * (torch.arange(LEVELS) > MEDIAN)[:, None]
_DISTANCES = _ABOVE - _BELOW
_MEDIANS = _ALL * (torch.arange(LEVELS) == MEDIAN)[:, None]


class Network(nn.Module):
    """Time-major: x[time, batch, features] → heads for every step."""

    def __init__(self, features: int, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.register_buffer('center', torch.zeros(features))
        self.register_buffer('spread', torch.ones(features))
        self.inner = nn.Sequential(
            nn.Linear(features, width),
            nn.GELU(),
            nn.Linear(width, hidden),
            nn.GELU(),
        )
        self.lstm = nn.LSTM(hidden, hidden)
        self.quantiles = nn.Linear(2 * hidden, RESOURCES * TARGETS * LEVELS)
        self.mixture = nn.Linear(2 * hidden, RESOURCES * MIXTURE * 3)

    def standardise(self, center: torch.Tensor, spread: torch.Tensor) -> None:
        """Set what is taken off the inputs and what they are divided by."""
        self.center = center.clone()
        self.spread = spread.clone()

    def recur(
        self, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What the heads see, (time, batch, 2 hidden), and the new state."""
        x = ((x - self.center) / self.spread).clamp(-6.0, 6.0)
        inner = self.inner(x)
        out, (h, c) = self.lstm(inner, (h, c))
        return torch.cat([out, inner], dim=-1), h, c

    def heads(
        self, seen: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Quantiles (..., resource, target, level) in z, and the mixture.

        The mixture is weight, mean, spread, each (..., resource, component).
        """
        lead = seen.shape[:-1]
        raw = self.quantiles(seen).reshape(*lead, RESOURCES, TARGETS, LEVELS)
        # small products: onnxruntime takes longer for slices and running sums
        quantiles = raw @ _MEDIANS + _softplus(raw) @ _DISTANCES
        mix = self.mixture(seen).reshape(*lead, RESOURCES, 3, MIXTURE)
        weight = torch.softmax(mix[..., 0, :], dim=-1)
        spread = _softplus(mix[..., 2, :]) + _LEAST_SPREAD
        return quantiles, weight, mix[..., 1, :], spread

    def forward(
        self, x: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Heads for all steps, from an empty state: for training."""
        empty = x.new_zeros(1, x.shape[1], self.hidden)
        seen, _, _ = self.recur(x, empty, empty)
        return self.heads(seen)


class Stateful(nn.Module):
    """What is exported: heads of the last step, and the state after it."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """quantiles, weight, mean, spread, h, c."""
        seen, h, c = self.network.recur(x, h, c)
        return (*self.network.heads(seen[-1]), h, c)


def _softplus(x: torch.Tensor) -> torch.Tensor:
    """log(1 + e^x), for onnxruntime in operations that it does faster: its
    own Softplus took a fifth of the time of the whole network.
    """
    if torch.onnx.is_in_onnx_export():
        return functional.relu(x) + torch.log(1 + torch.exp(-torch.abs(x)))
    return functional.softplus(x)


def exceedance(
    z: torch.Tensor,
    weight: torch.Tensor,
    mean: torch.Tensor,
    spread: torch.Tensor,
) -> torch.Tensor:
    """P(maximum > z) of shape z: (..., resource, thresholds)."""
    score = (mean[..., None, :] - z[..., None]) / spread[..., None, :]
    return (weight[..., None, :] * torch.sigmoid(score)).sum(-1)
