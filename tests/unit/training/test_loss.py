import numpy as np
import pytest

from predictive_watcher.core import forecast


torch = pytest.importorskip('torch')

from predictive_watcher.training import dataset  # noqa: E402
from predictive_watcher.training import loss  # noqa: E402
from predictive_watcher.training import network  # noqa: E402


LEVELS = torch.tensor(forecast.LEVELS, dtype=torch.float64)


def pinball(error):
    return torch.maximum(LEVELS * error, (LEVELS - 1) * error)


def written_out(quantiles, z, weight):
    """The quantile loss as a book has it."""
    raw = torch.sinh(z.clamp(-8, 8))[..., None]
    raw = raw - torch.sinh(quantiles.clamp(-8, 8))
    both = pinball(z[..., None] - quantiles) + 0.1 * pinball(raw)
    return (both.mean(-1) * weight).sum()


def cells(seed, spread=2.0):
    torch.manual_seed(seed)
    quantiles = spread * torch.randn(5, 3, 9, dtype=torch.float64)
    z = spread * torch.randn(5, 3, dtype=torch.float64)
    return quantiles.requires_grad_(), z, torch.rand(5, 3).double()


@pytest.mark.parametrize('spread', [0.1, 2.0, 6.0])
def test_the_loss_and_its_slope_are_those_of_the_formula(spread):
    quantiles, z, weight = cells(1, spread)
    ours = loss.QuantileLoss.apply(quantiles, z, weight)
    ours.backward()
    slope = quantiles.grad.clone()
    quantiles.grad = None
    theirs = written_out(quantiles, z, weight)
    theirs.backward()
    assert torch.allclose(ours, theirs)
    assert torch.allclose(slope, quantiles.grad)


def test_a_cell_without_weight_teaches_nothing():
    quantiles, z, weight = cells(2)
    weight[2] = 0
    loss.QuantileLoss.apply(quantiles, z, weight).backward()
    assert not quantiles.grad[2].any()
    assert quantiles.grad[1].any()


def batch(scale, valid=None):
    shape = scale.shape
    if valid is None:
        valid = np.ones((*shape, 4), bool)
    return dataset.Batch(
        x=np.zeros((*shape[:2], 5), np.float32),
        z=np.zeros((*shape, 4), np.float32),
        valid=valid,
        scale=scale,
        limit=np.full(shape, np.nan, np.float32),
        last=np.zeros(shape, np.float32),
    )


def scales(seed=0):
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(3, 2, (2, 400, 4))).astype(np.float32)


def test_larger_steps_count_more_and_the_mean_weight_is_1():
    sample = batch(scales())
    weight = loss.emphasis(sample).weight(sample.scale)
    assert np.allclose(weight.mean(axis=(0, 1)), 1, atol=1e-5)
    order = np.argsort(sample.scale[0, :, 1])
    assert (np.diff(weight[0, order, 1]) >= 0).all()
    most = weight.max(axis=(0, 1)) / weight.min(axis=(0, 1))
    assert (most <= 64.001).all()


def test_the_unit_of_usage_does_not_matter():
    sample, larger = batch(scales()), batch(scales() * 2**20)
    assert np.allclose(
        loss.emphasis(sample).weight(sample.scale),
        loss.emphasis(larger).weight(larger.scale),
    )


def test_a_resource_that_was_never_seen_gets_a_finite_weight():
    valid = np.ones((2, 400, 4, 4), bool)
    valid[:, :, 2] = False
    sample = batch(scales(), valid)
    assert np.isfinite(loss.emphasis(sample).weight(sample.scale)).all()


def test_the_whole_loss_falls_when_the_network_follows_it():
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    net = network.Network(5, 12, 8)
    sample = batch(scales()[:, :16])
    sample.x[:] = rng.normal(size=sample.x.shape)
    sample.z[:] = sample.x[:, :, :4, None]
    stress = loss.emphasis(sample)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        found = loss.of(net, sample, 0, stress, rng)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        losses.append(found.item())
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
