import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import forecast
from predictive_watcher.core import odds


NAN = np.nan
LIMIT = 10.0


def exceedance(instances, mean=0.0, last=5.0):
    """One logistic for cpu; of everything else nothing is known."""
    shape = (instances, 4, 1)
    known = np.full((instances, 4), NAN)
    known[:, 0] = last
    return forecast.Exceedance(
        weight=np.ones(shape),
        mean=np.full(shape, mean),
        spread=np.full(shape, 0.3),
        last=known,
        scale=np.ones((instances, 4)),
    )


def limits(instances, value=LIMIT):
    return np.full((instances, 4), value, np.float32)


def told(bias, found, ceiling):
    threshold = ceiling * limits(len(found.last))
    return forecast.with_bias(found.probability(threshold), bias)[:, 0]


def advance(learner, came, begin=0, mean=1.0, last=5.0, limit=LIMIT):
    """Learn from (steps, instances) of cpu, from the step ``begin`` on."""
    instances = came.shape[1]
    found = exceedance(instances, mean, last)
    highest = np.full((instances, 4), NAN, np.float32)
    for step in range(begin, len(came)):
        if step >= 2:
            highest[:, 0] = came[step - 2 : step + 1].max(axis=0)
        learner.settle(highest, limits(instances, limit), step)
        learner.issue(found, limits(instances, limit), step)
    return learner


def follow(came, **other):
    return advance(odds.OddsCalibration(came.shape[1]), came, **other)


@pytest.mark.parametrize('share', [0.01, 0.1, 0.4])
def test_in_the_long_run_a_chance_is_as_frequent_as_it_says(share):
    rng = np.random.default_rng(1)
    above = rng.uniform(size=(2000, 50)) < share
    came = np.where(np.repeat(above, 3, axis=0), 9.5, 5.0)[2:]
    learner = follow(came)
    # of the three steps behind each origin: it is above in all or in none
    happened = (came[1:] > 9)[: 3 * (len(came) // 3 - 1)].reshape(-1, 3, 50)
    found = told(learner.offsets(4), exceedance(50, 1.0), 0.9)
    both = 0.5 * (found + told(learner.offsets(4), exceedance(50, 1.0), 0.8))
    assert both.mean() == pytest.approx(happened.any(1).mean(), rel=0.15)


def test_each_instance_learns_for_itself():
    came = np.full((300, 2), 5.0)
    came[::10, 1] = 9.5
    bias = follow(came).bias
    assert bias[0, 0] < 0 < bias[1, 0]
    assert (bias[:, 1] == 0).all()  # nothing is known of memory
    assert follow(came).offsets(4).shape == (2, 4)
    assert (follow(came).offsets(4)[:, 2:] == 0).all()


def test_before_anything_was_settled_nothing_is_corrected():
    assert (follow(np.full((3, 2), 9.5)).bias == 0).all()
    assert (follow(np.full((4, 2), 9.5)).bias[:, 0] > 0).all()


@pytest.mark.parametrize(
    'other',
    [
        {'last': 9.5},  # above both ceilings already
        {'last': NAN},
        {'mean': NAN},
        {'limit': NAN},
    ],
)
def test_nothing_is_learned_where_there_was_nothing_to_foresee(other):
    assert (follow(np.full((50, 2), 9.5), **other).bias == 0).all()


def test_what_has_not_come_whole_settles_nothing():
    came = np.full((60, 1), 9.5)
    came[::3] = NAN
    assert (follow(came).bias == 0).all()


def test_only_the_ceiling_that_lies_above_is_learned_from():
    one = follow(np.full((4, 1), 9.5), last=8.5).bias[0, 0]
    both = follow(np.full((4, 1), 9.5), last=5.0).bias[0, 0]
    assert 0 < one < both


def test_a_memory_that_is_put_back_goes_on_as_if_nothing_was():
    came = np.random.default_rng(2).uniform(4, 10, (40, 3))
    learner, fresh = follow(came[:25]), odds.OddsCalibration(3)
    for name, view in fresh.parts().items():
        view[...] = learner.parts()[name]
    advance(fresh, came, begin=25)
    assert np.array_equal(fresh.bias, follow(came).bias)


def test_what_some_learn_all_of_them_know():
    came = np.random.default_rng(2).uniform(4, 10, (40, 3))
    learner = odds.OddsCalibration(3)
    advance(learner.among(slice(0, 2)), came[:, :2])
    whole = follow(came)
    assert np.array_equal(learner.bias[:2], whole.bias[:2])
    assert (learner.bias[2] == 0).all()


def beside(instances, spread):
    """An expert that tells the same of everybody."""
    told = np.full((instances, 4, len(forecast.LEVELS)), NAN)
    told[:, 0] = 5.0 + spread * np.linspace(-1, 1, len(forecast.LEVELS))
    return told


def proven(came, spread, mean=-2.0):
    """The expert's share after (origins, instances) of what came."""
    learner = odds.OddsCalibration(came.shape[1])
    found = dataclasses.replace(
        exceedance(came.shape[1], mean), beside=beside(came.shape[1], spread)
    )
    highest = np.full((came.shape[1], 4), NAN, np.float32)
    for k, most in enumerate(came):
        highest[:, 0] = most
        learner.settle(highest, limits(came.shape[1]), 3 * k)
        learner.issue(found, limits(came.shape[1]), 3 * k)
    return learner.share(np.ones((came.shape[1], 1), np.float32), 4)


def test_an_expert_that_foresees_more_gets_a_larger_share():
    came = np.full((60, 2), 5.0)
    came[::10, 1] = 9.5
    share = proven(came, spread=5.0)
    before = proven(came[:1], spread=5.0)
    assert share[0, 0] < before[0, 0] < share[1, 0]
    assert (share[:, 1:] == 0).all()


def test_an_expert_that_is_not_trusted_has_no_share():
    learner = odds.OddsCalibration(2)
    trust = np.array([[0.0], [1.0]], np.float32)
    share = learner.share(trust, 4)
    assert share[0, 0] == 0 < share[1, 0] < 1


def test_what_was_proven_does_not_grow_without_end():
    rare = np.full((2000, 1), 5.0)
    change = np.concatenate([rare, np.full((60, 1), 9.5)])
    before, after = (proven(came, spread=5.0)[0, 0] for came in (rare, change))
    assert 0 < before < after
