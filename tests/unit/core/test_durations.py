"""How long actions take here, and how long a failed release waits."""

import hypothesis
from hypothesis import strategies as st
import pytest

from predictive_watcher.core import durations
from predictive_watcher.core import leases
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def attempt(kind, duration_s=None, *, failed=False, at=0):
    return Attempt(
        instance_id='a',
        kind=kind,
        at=at,
        failed=failed,
        text='NoValidHost' if failed else '',
        duration_s=duration_s,
    )


def test_before_anything_was_done_the_parameters_hold():
    assert durations.learned(Policy(), []) == Policy()


def test_a_slow_cloud_is_known_to_be_slow_after_a_few_actions():
    slow = [attempt(Kind.RESIZE, 600.0)] * 2 + [attempt(Kind.RELEASE, 600.0)]
    assert durations.learned(Policy(), slow[:2]) == Policy()
    learned = durations.learned(Policy(), [*slow, slow[0]])
    assert learned.resize_duration_s == 600.0
    # a resize of 120 s was said to stop the guest for 60 s
    assert learned.resize_interruption_s == 300.0
    assert learned.migration_duration_s == Policy().migration_duration_s


def test_a_migration_stops_the_guest_no_longer_for_taking_longer():
    learned = durations.learned(Policy(), [attempt(Kind.MIGRATE, 300.0)] * 9)
    assert learned.migration_duration_s == 300.0
    assert learned.migration_interruption_s == 1.0


def test_what_failed_or_was_not_measured_tells_nothing():
    told = [attempt(Kind.RESIZE, 9000.0, failed=True)] * 9
    told += [attempt(Kind.RESIZE), attempt(Kind.RESIZE, 0.0)] * 9
    assert durations.learned(Policy(), told) == Policy()


@hypothesis.given(st.lists(st.floats(1.0, 1e4), max_size=80))
def test_an_estimate_lies_between_what_was_seen(seen):
    done = [attempt(Kind.RESIZE, one) for one in seen]
    learned = durations.learned(Policy(), done).resize_duration_s
    assert min([120.0, *seen]) <= learned <= max([120.0, *seen])


def test_failed_releases_count_until_one_arrives():
    failed, done = (
        attempt(Kind.RELEASE, failed=True),
        attempt(Kind.RELEASE),
    )
    moved = attempt(Kind.MIGRATE)
    count = leases.failed_releases
    assert count([]) == {}
    assert count([failed, moved, failed]) == {'a': 2}
    assert count([failed, done]) == {}
    assert count([failed, done, failed]) == {'a': 1}


def decision(failures, ago_s):
    fleet = data.a_fleet(data.instance('a', flavor=data.MEDIUM))
    last = attempt(Kind.RELEASE, failed=True, at=data.NOW - ago_s)
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster({}),
        leases=[data.lease('a', since=data.NOW - 86400)],
        policy=Policy(),
        now=data.NOW,
        recent={'a': last},
        failed_releases={'a': failures},
    )
    return proposal.verdicts[0].adjustment


@pytest.mark.parametrize(
    ('failures', 'wait_s'), [(1, 1800), (2, 3600), (4, 14400), (40, 86400)]
)
def test_a_release_that_failed_waits_twice_as_long_each_time(failures, wait_s):
    early = decision(failures, wait_s - 1)
    assert early.reason is Reason.RELEASE_FAILED
    assert f'failed {failures} times' in early.text
    assert 'NoValidHost' in early.text
    assert isinstance(decision(failures, wait_s), Release)


def told(kind, duration_s, interruption_s=None, number=0):
    return durations.Done(
        id=f'm{number}',
        instance_id='a',
        kind=kind,
        at=number,
        duration_s=duration_s,
        interruption_s=interruption_s,
    )


def test_the_history_of_the_cloud_counts_before_our_own():
    ours = [attempt(Kind.RESIZE, 600.0)] * 9
    theirs = [told(Kind.RESIZE, 30.0, 20.0)] * 9
    learned = durations.learned(Policy(), ours, theirs)
    assert learned.resize_duration_s == 30.0
    assert learned.resize_interruption_s == 20.0
    # of what it has nothing, ours count
    moves = [attempt(Kind.MIGRATE, 300.0)] * 9
    learned = durations.learned(Policy(), [*ours, *moves], theirs)
    assert learned.migration_duration_s == 300.0


def test_a_history_without_interruptions_leaves_the_share_of_the_duration():
    learned = durations.learned(Policy(), [], [told(Kind.RESIZE, 600.0)] * 4)
    assert learned.resize_interruption_s == 300.0


def test_what_nobody_can_tell_any_more_teaches_nothing():
    assert durations.learned(Policy(), [], [told(Kind.RESIZE, None)] * 9) == (
        Policy()
    )
