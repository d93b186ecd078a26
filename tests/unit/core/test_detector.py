"""Events are told once, when they begin and when they grow."""

import numpy as np

from predictive_watcher.core import detector


STEP_S = 300
START = 1_000_000_200


def told(values, watch=None, begin=0):
    """News of all steps, (steps, instances)."""
    watch = watch or detector.Detector(*values.shape[1:])
    return np.array(
        [
            watch.advance(sample, START + (begin + t) * STEP_S)
            for t, sample in enumerate(values)
        ]
    )


def noise(steps, instances=1, resources=1, seed=0):
    rng = np.random.default_rng(seed)
    shape = (steps, instances, resources)
    return rng.normal(10, 1, shape).astype(np.float32)


def test_a_shift_is_told_when_it_begins_and_not_as_long_as_it_lasts():
    values = noise(800)
    values[600:] += 30
    found = told(values)[:, 0]
    assert found[600] > 8
    assert np.count_nonzero(found[601:700] > 8) <= 2


def test_false_alarms_on_white_noise_are_rare():
    found = told(noise(1500, instances=50, resources=4))[500:]
    assert (found > 6).sum(axis=0).mean() < 1000 * np.exp(-6)


def test_resumed_is_as_in_one_go():
    values = noise(500, instances=3, resources=4)
    values[400, 1] *= 7
    whole = told(values)
    first = detector.Detector(3, 4)
    told(values[:250], first)
    second = detector.Detector(3, 4)
    second.resume({n: part.copy() for n, part in first.parts().items()})
    assert np.array_equal(told(values[250:], second, 250), whole[250:])


def test_some_instances_are_views_of_all():
    values = noise(300, instances=5)
    whole = detector.Detector(5, 1)
    for t, sample in enumerate(values):
        for rows in (slice(0, 2), slice(2, 5)):
            whole.among(rows).advance(sample[rows], START + t * STEP_S)
    alone = detector.Detector(5, 1)
    told(values, alone)
    for name, part in whole.parts().items():
        assert np.array_equal(part, alone.parts()[name]), name


def test_several_resources_at_once_are_more_surprising_than_one():
    values = noise(600, instances=2, resources=4)
    values[500, :, 0] += 6
    values[500, 1, 1:] += 6
    one, all_four = told(values)[500]
    assert all_four > one > 0
