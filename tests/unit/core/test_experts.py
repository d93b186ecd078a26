import hypothesis
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest

from predictive_watcher.core import accuracy
from predictive_watcher.core import calibration
from predictive_watcher.core import experts
from predictive_watcher.core import features
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast


NAN = float('nan')
LEVELS = np.array(forecast.LEVELS)
ODDS = np.log(LEVELS / (1 - LEVELS)).astype(np.float32)
RESOURCES = len(fleet.RESOURCES)
CPU = fleet.RESOURCES.index(fleet.Resource.CPU)
Q95 = forecast.LEVELS.index(0.95)


class Learner:
    """Quantiles of a network that always says the same, and the experts."""

    def __init__(self, instances=1, middle=0.0, width=1.0):
        one = np.float32(middle) + np.float32(width) * ODDS
        shape = (instances, RESOURCES, 4, len(LEVELS))
        self.said = np.broadcast_to(one, shape).copy()
        self.calibration = calibration.Calibration(instances, RESOURCES)
        self.experts = experts.Experts(instances)
        limits = np.full((instances, RESOURCES), 100.0)
        self.state = features.FeatureState(limits, 300)

    def among(self, rows):
        some = Learner(0)
        some.said = self.said[rows]
        some.calibration = self.calibration.among(rows)
        some.experts = self.experts.among(rows)
        some.state = self.state.among(rows)
        return some

    def step(self, cpu, ask=True):
        """One step more; the quantiles that are told, of cpu, in vCPUs."""
        cpu = np.atleast_1d(np.asarray(cpu, np.float32))
        sample = np.full((len(cpu), RESOURCES), NAN, np.float32)
        sample[:, CPU] = cpu
        step = self.state.time // 300 + 1
        self.state.advance(sample, step * 300)
        self.calibration.advance(
            sample,
            step,
            lambda most: self.experts.settle(self.calibration, sample, most),
        )
        if not ask:
            return None
        last, scale = self.state.recent, self.state.scale
        own = self.calibration.correct(self.said, last, scale)
        self.experts.observe(own, self.state.means, last, scale, step)
        z = self.experts.mixed(own, last, scale, step)
        found = forecast.in_units(z, last, scale, self.state.limits)
        return found[:, CPU]

    def beside(self):
        step = self.state.time // 300
        return self.experts.means.maximum(self.state.recent, step)


def wavering(steps, instances=1, seed=0, level=2.0):
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(level, 0.3, (steps, instances)), 0)


def loss(told, came):
    return accuracy.pinball(np.concatenate(came), np.concatenate(told)).mean()


def told(cpu, **other):
    """What is told one step ahead, and what came; of the second half."""
    learner = Learner(cpu.shape[1], **other)
    found = [learner.step(sample)[:, 0] for sample in cpu]
    half = len(cpu) // 2
    return loss(found[half:-1], cpu[half + 1 :].astype(np.float32))


def alone(cpu, **other):
    learner = Learner(cpu.shape[1], **other)
    found = []
    for sample in cpu:
        learner.step(sample)
        last, scale = learner.state.recent, learner.state.scale
        z = learner.calibration.newest()
        units = forecast.in_units(z, last, scale, learner.state.limits)
        found.append(units[:, CPU, 0])
    half = len(cpu) // 2
    return loss(found[half:-1], cpu[half + 1 :].astype(np.float32))


def test_before_anything_was_settled_the_network_is_alone():
    learner = Learner()
    first = learner.step(2.0)
    z = learner.calibration.newest()
    own = forecast.in_units(
        z, learner.state.recent, learner.state.scale, learner.state.limits
    )
    assert np.allclose(first, own[:, CPU], rtol=1e-5)


def test_of_load_that_wavers_the_means_know_more_than_the_last_value():
    cpu = wavering(400, instances=20)
    assert told(cpu) < 0.85 * alone(cpu)


def test_of_load_that_wanders_the_network_is_left_alone():
    rng = np.random.default_rng(1)
    cpu = 20 + np.cumsum(rng.normal(0, 0.1, (600, 20)), axis=0)
    mixed, network = told(cpu, width=0.5), alone(cpu, width=0.5)
    assert mixed < 1.02 * network


def test_an_expert_sleeps_while_load_climbs():
    learner = Learner()
    for sample in wavering(200)[:, 0]:
        learner.step(sample)
    assert (learner.experts.means.trust(0) > 0.3).any()
    for sample in np.linspace(3.5, 8.0, 6):
        found = learner.step(sample)
    assert (learner.experts.means.trust(0) == 0).all()
    z = learner.calibration.newest()
    last, scale = learner.state.recent, learner.state.scale
    own = forecast.in_units(z, last, scale, learner.state.limits)
    assert np.allclose(found, own[:, CPU], rtol=1e-5)
    for sample in wavering(50, level=8.0)[:, 0]:
        learner.step(sample)
    assert (learner.experts.means.trust(0) > 0.3).any()


def test_what_an_expert_tells_is_covered_as_promised():
    learner = Learner(instances=40)
    rng = np.random.default_rng(3)
    inside = []
    beside = None
    samples = rng.gamma(2.0, 1.0, (500, 40))
    for k, sample in enumerate(samples):
        if beside is not None and k > 250 and k + 2 < len(samples):
            most = samples[k : k + 3].max(axis=0)
            inside.append(most <= beside[0][:, CPU, Q95])
        learner.step(sample)
        beside = learner.beside()
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
    assert np.isnan(beside[0][:, CPU + 1 :]).all()


def test_without_a_recent_sample_nothing_is_told():
    learner = Learner()
    for sample in (*wavering(60)[:, 0], NAN, NAN):
        found = learner.step(sample)
    assert np.isfinite(found).all()
    assert np.isnan(learner.step(NAN)).all()
    assert np.isnan(learner.beside()[0]).all()


def test_a_step_that_was_not_forecast_teaches_nothing():
    learner = Learner()
    for sample in wavering(20)[:, 0]:
        learner.step(sample)
    for _ in range(3):
        learner.step(50.0, ask=False)
    kept = {n: p.copy() for n, p in learner.experts.parts().items()}
    for _ in range(5):
        learner.step(90.0, ask=False)
    for name, part in learner.experts.parts().items():
        assert np.array_equal(part, kept[name]), name


def test_instances_learn_for_themselves_and_in_parts_the_same():
    cpu = wavering(80, instances=3, seed=5)
    cpu[20:30, 1] = NAN
    whole, parted = Learner(3), Learner(3)
    first, rest = parted.among(slice(0, 1)), parted.among(slice(1, 3))
    for sample in cpu:
        found = whole.step(sample)
        apart = [first.step(sample[:1]), rest.step(sample[1:])]
        assert np.array_equal(found, np.concatenate(apart), equal_nan=True)
    for name, part in whole.experts.parts().items():
        assert np.array_equal(part, parted.experts.parts()[name]), name


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    arrays.arrays(
        np.float32,
        (30, 2),
        elements=strategies.one_of(
            strategies.just(np.float32(NAN)),
            strategies.floats(0, np.float32(1e6), width=32),
            strategies.just(np.float32(1.0)),
        ),
    ),
)
def test_what_is_told_lies_between_what_they_say_and_ascends(samples):
    learner = Learner(2)
    for sample in samples:
        found = learner.step(sample)
        known = np.isfinite(learner.state.recent[:, CPU])
        assert np.isfinite(found[known]).all()
        assert (np.diff(found[known], axis=-1) >= 0).all()
        assert np.isnan(found[~known]).all()
        for target in range(len(forecast.TARGETS)):
            weights = learner.experts.weights(target)
            assert (weights >= 0).all()
            assert np.allclose(weights.sum(axis=0), 1)
        for name, part in learner.experts.parts().items():
            assert np.isfinite(part).all(), name
