"""What the network is taught by: quantile loss, and that of the risk.

The quantile loss (Koenker and Bassett, "Regression Quantiles", Econometrica
46, 1978) is taken in z = asinh((y - last) / scale), where all instances are
alike, and a little of it in (y - last) / scale, where what costs an operator
most is largest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from predictive_watcher.core import forecast
from predictive_watcher.training import dataset
from predictive_watcher.training import network as network_module


_MAX = len(forecast.TARGETS) - 1
_RAW_WEIGHT = 0.1
_RAW_WIDEST = 8.0  # beyond it sinh would drown everything else
_RISK_WEIGHT = 0.25
_LEAST_EMPHASIS, _MOST_EMPHASIS = 1 / 16, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Emphasis:
    """How much more an instance counts whose steps are larger.

    With the root of its scale: between each instance alike, where the idle
    ones decide, and each byte alike, where a handful does.  ``typical`` is
    the median scale, in the units of usage, ``mean`` the mean weight before
    it is divided by it; both (resources,).
    """

    typical: np.ndarray
    mean: np.ndarray

    def weight(self, scale: np.ndarray) -> np.ndarray:
        """Weights of mean 1, float32, for scales (..., resources)."""
        return np.asarray(_root(scale / self.typical) / self.mean, np.float32)


def emphasis(sample: dataset.Batch) -> Emphasis:
    """What is typical of a sample of what is learned from."""
    known = np.asarray(sample.valid.any(axis=-1))
    typical, mean = np.ones((2, known.shape[-1]))
    for r in range(known.shape[-1]):
        scale = sample.scale[..., r][known[..., r]]
        if len(scale):
            typical[r] = np.median(scale)
            mean[r] = _root(scale / typical[r]).mean()
    return Emphasis(typical=typical, mean=mean)


def _root(ratio: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.sqrt(ratio), _LEAST_EMPHASIS, _MOST_EMPHASIS))


class QuantileLoss(torch.autograd.Function):
    """Weighted quantile loss in z and, lightly, in sinh(z).

    Its gradient is known in closed form: working it out on the way costs a
    third of what automatic differentiation does.
    """

    @staticmethod
    def forward(context: Any, *arguments: torch.Tensor) -> torch.Tensor:
        """The sum over all cells of weight x the mean loss of the levels.

        :param arguments: quantiles (..., levels) of z, z (...) and weight
            (...) of each cell.
        """
        quantiles, z, weight = arguments
        levels = torch.tensor(forecast.LEVELS)
        error = z[..., None] - quantiles
        slope = (error < 0).float() - levels  # of the loss by the quantile
        loss = -slope * error
        inside = quantiles.clamp(-_RAW_WIDEST, _RAW_WIDEST)
        raw = torch.sinh(inside)
        error = torch.sinh(z.clamp(-_RAW_WIDEST, _RAW_WIDEST))[..., None] - raw
        raw_slope = (error < 0).float() - levels
        loss.addcmul_(raw_slope, error, value=-_RAW_WEIGHT)
        steep = torch.sqrt(raw * raw + 1) * (inside == quantiles)  # cosh
        slope.addcmul_(raw_slope, steep, value=_RAW_WEIGHT)
        each = weight[..., None] / len(forecast.LEVELS)
        context.save_for_backward(slope * each)
        return (loss * each).sum()

    @staticmethod
    def backward(
        context: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None, None]:
        """By the quantiles only."""
        return gradients[0] * context.saved_tensors[0], None, None


def of(
    net: network_module.Network,
    batch: dataset.Batch,
    warm: int,
    stress: Emphasis,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Quantile loss in asinh units and, lightly, raw; plus the risk's.

    :param warm: so many first steps are not scored.
    """
    z = torch.from_numpy(batch.z[warm:])
    valid = torch.from_numpy(batch.valid[warm:]).float()
    quantiles, *mixture = (
        head[warm:] for head in net(torch.from_numpy(batch.x))
    )
    count = valid.sum().clamp_min(1.0)
    scale = batch.scale[warm:]
    weight = torch.from_numpy(stress.weight(scale))[..., None] * valid
    loss: torch.Tensor = QuantileLoss.apply(quantiles, z, weight / count)
    risk = _risk_loss(
        z[..., _MAX],
        valid[..., _MAX],
        _thresholds(batch, warm, quantiles[..., _MAX, :].detach(), rng),
        mixture,
    )
    return loss + _RISK_WEIGHT * risk


def _thresholds(
    batch: dataset.Batch,
    warm: int,
    quantiles: torch.Tensor,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Limits to ask for, in asinh units: (time, batch, resource, 3).

    They must not depend on the truth, or the chance learned would be biased:
    they are drawn around the network's own quantiles of the maximum, evenly
    over the range, and at and below the real limits.
    """
    shape = (*quantiles.shape[:-1], 1)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, shape)).float()

    pick = torch.from_numpy(rng.integers(0, quantiles.shape[-1], shape))
    near = quantiles.gather(-1, pick) + uniform(-0.5, 0.5)
    limit = torch.from_numpy(batch.limit[warm:, ..., None])
    last = torch.from_numpy(batch.last[warm:, ..., None])
    real = torch.asinh(limit * uniform(0.6, 1.0) - last)
    real = torch.where(torch.isfinite(real), real, uniform(-1.0, 6.0))
    return torch.cat([near, uniform(-3.0, 8.0), real], dim=-1)


def _risk_loss(
    z: torch.Tensor,
    valid: torch.Tensor,
    thresholds: torch.Tensor,
    mixture: list[torch.Tensor],
) -> torch.Tensor:
    """Cross entropy of P(max > threshold)."""
    p = network_module.exceedance(thresholds, *mixture).clamp(1e-6, 1 - 1e-6)
    label = (z[..., None] > thresholds).float()
    entropy = functional.binary_cross_entropy(p, label, reduction='none')
    return (entropy.sum(-1) * valid).sum() / valid.sum().clamp_min(1.0)
