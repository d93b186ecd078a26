"""Series of any length, with gaps, with some of the resources."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import usage
from tests.unit.training import made


torch = pytest.importorskip('torch')
pytest.importorskip('onnx')

from predictive_watcher.training import course  # noqa: E402
from predictive_watcher.training import dataset  # noqa: E402
from predictive_watcher.training import parts  # noqa: E402
from predictive_watcher.training import split  # noqa: E402
from predictive_watcher.training import train  # noqa: E402


NAN = float('nan')
SMALL = train.Options(width=12, hidden=8, batch=8, length=12, steps=4)


def source(values, name='made', start=0):
    count = len(values)
    return split.Source(
        name=name,
        window=usage.UsageWindow(
            instances=tuple(f'{name}-{k}' for k in range(count)),
            start=start,
            step_s=300,
            usage=values.astype(np.float32),
        ),
        limits=made.limits(count),
    )


def values(instances=6, steps=160, seed=0):
    return made.window(instances, steps, seed).usage.copy()


def trained(*sources, **options):
    return course.run(
        list(sources),
        dataclasses.replace(SMALL, **options),
        *('it', '1', ''),
        lambda _: None,
    ).facts


def losses(facts):
    return {
        key.split('.')[0]: value
        for key, value in facts['scores']['lstm'].items()
        if key.endswith('.wql_300')
    }


def test_two_hours_are_enough():
    facts = trained(source(values(2, 24)))
    assert facts['training']['steps'] == 4
    assert losses(facts)['cpu'] > 0


def test_cpu_alone_is_enough_and_no_other_resource_is_reported():
    only = values(steps=288)
    only[:, :, 1:] = NAN
    facts = trained(source(only))
    assert facts['training']['data'][0]['resources'] == ['cpu']
    assert set(losses(facts)) == {'cpu'}


def test_days_of_cpu_beside_weeks_of_all_resources():
    only = values(10, 100, seed=1)
    only[:, :, 1:] = NAN
    facts = trained(source(values(), 'weeks'), source(only, 'day'))
    weeks, day = facts['training']['data']
    assert (weeks['resources'][1], day['resources']) == ('memory', ['cpu'])
    # each is parted by itself, in instances and in time
    assert [len(weeks['held_out']), len(day['held_out'])] == [1, 2]
    assert all(name.startswith('day-') for name in day['held_out'])
    assert (weeks['steps'], day['steps']) == (96, 60)
    assert weeks['reported_steps'] == [107, 157]
    assert day['reported_steps'] == [67, 98]
    assert set(losses(facts)) == {'cpu', 'memory', 'disk', 'network'}


def test_instances_may_begin_late_and_end_early():
    found = values(10)
    found[:5, :90] = NAN  # of which 96 are learned from
    found[5:, 60:] = NAN
    facts = trained(source(found))
    assert losses(facts)['cpu'] is None or losses(facts)['cpu'] > 0
    assert facts['training']['steps'] == 4


def test_gaps_of_all_instances_and_single_samples_are_borne():
    found = values()
    found[:, 40:70] = NAN
    found[np.random.default_rng(3).random(found.shape) < 0.4] = NAN
    assert losses(trained(source(found)))['cpu'] > 0


def test_nothing_that_was_held_out_has_samples():
    found = values(10)
    found[:, 100:] = NAN
    facts = trained(source(found))
    assert losses(facts) == {}


def test_a_trace_without_samples_to_learn_from_is_left_to_the_others():
    late = values()
    late[:, :100] = NAN
    facts = trained(source(late, 'late'), source(values(), 'good'))
    assert facts['training']['steps'] == 4


def test_alone_it_is_refused():
    late = values()
    late[:, :100] = NAN
    with pytest.raises(exceptions.InvalidTrace, match='late: there is no sam'):
        trained(source(late, 'late'))


def test_a_short_trace_does_not_shorten_what_is_learned_of_others():
    splits = split.of_all(
        [source(values(steps=30), 'short'), source(values(), 'long')]
    )
    rng = np.random.default_rng(0)
    found = parts.of(splits, rng, 40, 10**6, lambda _: None)
    assert [part.end for part in found[:2]] == [43, 96]
    batch = dataset.draw(found[:1], rng, 16, 40)
    # 18 steps of it are learned from, of which the last 3 are targets only
    assert batch.valid.any(axis=(1, 2, 3)).tolist() == [False] * 25 + (
        [True] * 15
    )


def test_one_instance_with_one_resource_is_never_augmented_away():
    only = values(1, 40)
    only[:, :, 1:] = NAN
    window = source(only).window
    for seed in range(60):  # a resource is taken away 6 times of 100
        rng = np.random.default_rng(seed)
        series = dataset.followed(window, made.limits(1), rng, lambda _: None)
        assert series.drawn.tolist() == [1.0]


def test_traces_that_begin_at_different_times_are_learned_together():
    facts = trained(
        source(values(), 'a', start=1_700_000_100),
        source(values(), 'b', start=17),
    )
    assert len(facts['training']['data']) == 2
