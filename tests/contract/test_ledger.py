"""What every database of the ledger must do."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import brakes
from predictive_watcher.core import durations
from predictive_watcher.core import forecast
from predictive_watcher.core import leases
from predictive_watcher.core import outcomes
from predictive_watcher.core import saturation
from predictive_watcher.core import usage
from predictive_watcher.core import weights
from predictive_watcher.state import feedback_book
from predictive_watcher.state import ledger as ledger_module
from tests.fakes import cloud_data


ORIGIN = 1_700_000_100
NAN = float('nan')


def a_forecast(
    *instances: str, origin: int = ORIGIN, value: float = 1.0
) -> forecast.Forecast:
    """The median is ``value`` and the 95 % quantile twice that."""
    quantiles = np.full((len(instances), 4, 4, 9), value, np.float32)
    quantiles[..., forecast.LEVELS.index(0.95)] *= 2
    return forecast.Forecast(
        instances=instances, origin=origin, model='m', quantiles=quantiles
    )


def record(ledger: ledger_module.Ledger, made: forecast.Forecast) -> None:
    shape = (len(made.instances), 4)
    ledger.record_forecast(made, np.full(shape, 0.5), np.full(shape, NAN))


def a_window(*steps: float, start: int = ORIGIN) -> usage.UsageWindow:
    """All resources of the instance a; the first step ends at ``start``."""
    grid = np.repeat(np.array(steps, np.float32)[None, :, None], 4, axis=2)
    return usage.UsageWindow(
        instances=('a',), start=start, step_s=300, usage=grid
    )


def ordered(instance: str = 'a', **other: object) -> leases.Lease:
    """What is written down before SMALL becomes MEDIUM."""
    return cloud_data.lease(
        instance,
        **{'flavor_name': 'small', 'pending_flavor_name': 'medium', **other},
    )


def attempt(instance: str, at: int, **other: object) -> leases.Attempt:
    values = {'kind': leases.Kind.RESIZE, 'failed': True, 'text': 'no host'}
    return leases.Attempt(instance_id=instance, at=at, **{**values, **other})


def test_a_lease_is_begun_arrives_is_renewed_and_closed(ledger):
    ledger.begin(ordered('a'))
    ledger.begin(ordered('b'))
    assert ledger.active_leases() == (ordered('a'), ordered('b'))
    ledger.arrive('a', 700)
    ledger.renew('a', 9000)
    arrived = cloud_data.lease('a', since=700, expires_at=9000)
    assert ledger.active_leases() == (arrived, ordered('b'))
    assert ledger.close_lease('a', 5000)
    assert ledger.close_lease('b', 5000, 'lost')
    assert ledger.active_leases() == ()


def test_what_is_not_there_is_not_changed(ledger):
    assert not ledger.close_lease('a', 5000)
    ledger.renew('a', 9000)
    ledger.arrive('a', 9000)
    ledger.withdraw('a', 9000)
    assert ledger.active_leases() == ()


def test_a_second_order_goes_on_with_the_lease_and_its_origin(ledger):
    ledger.begin(ordered())
    ledger.arrive('a', 700)
    ledger.begin(
        ordered(
            audit='another',
            origin_flavor_name='medium',
            flavor_name='medium',
            pending_flavor_name='large',
            reason='memory_risk',
            since=900,
            expires_at=5000,
        )
    )
    pending = cloud_data.lease(
        'a',
        pending_flavor_name='large',
        since=700,
        reason='memory_risk',
        expires_at=5000,
    )
    assert ledger.active_leases() == (pending,)
    ledger.arrive('a', 1000)
    (lease,) = ledger.active_leases()
    assert (lease.origin_flavor_name, lease.flavor_name) == ('small', 'large')
    assert (lease.pending_flavor_name, lease.since) == (None, 1000)


def test_what_arrives_without_being_pending_changes_nothing(ledger):
    ledger.begin(ordered())
    ledger.arrive('a', 700)
    ledger.arrive('a', 800)
    assert ledger.active_leases() == (cloud_data.lease('a', since=700),)


def test_a_lease_that_arrives_at_its_origin_is_released(ledger):
    ledger.begin(ordered())
    ledger.arrive('a', 700)
    ledger.begin(ordered(pending_flavor_name='small'))
    assert len(ledger.active_leases()) == 1
    ledger.arrive('a', 800)
    assert ledger.active_leases() == ()


def test_a_lease_that_never_left_its_origin_is_withdrawn(ledger):
    ledger.begin(ordered())
    ledger.withdraw('a', 700)
    assert ledger.active_leases() == ()


def test_a_lease_whose_further_order_failed_goes_on(ledger):
    ledger.begin(ordered())
    ledger.arrive('a', 700)
    ledger.begin(ordered(pending_flavor_name='large'))
    ledger.withdraw('a', 800)
    assert ledger.active_leases() == (cloud_data.lease('a', since=700),)


def test_an_instance_can_have_a_lease_again_and_again(ledger):
    for since in (6000, 7000, 8000):
        ledger.begin(ordered(since=since))
        assert ledger.active_leases() == (ordered(since=since),)
        assert ledger.close_lease('a', since, 'withdrawn')


def test_the_newest_attempt_of_each_instance_is_remembered(ledger):
    ledger.note_attempt(attempt('a', 300))
    newest = attempt('a', 600, kind=leases.Kind.MIGRATE, failed=False)
    ledger.note_attempt(newest)
    ledger.note_attempt(attempt('a', 400))
    ledger.note_attempt(attempt('b', 500))
    ledger.note_attempt(attempt('old', 299))
    found = ledger.recent_attempts(300)
    assert found == {'a': newest, 'b': attempt('b', 500)}
    assert isinstance(found['a'].kind, leases.Kind)
    assert ledger.recent_attempts(501) == {'a': newest}


def test_of_two_attempts_at_once_the_later_one_counts(ledger):
    ledger.note_attempt(attempt('a', 300))
    ledger.note_attempt(attempt('a', 300, failed=False))
    assert ledger.recent_attempts(0)['a'].failed is False


def test_all_attempts_of_a_time_are_told_with_their_project(ledger):
    first = attempt('a', 100)
    later = [
        attempt('a', 200, project_id='p'),
        attempt('b', 300),
    ]
    for one in (first, *later):
        ledger.note_attempt(one)
    assert ledger.attempts_since(200) == tuple(later)


def test_the_highest_risk_of_late_is_told(ledger):
    for origin, risk in ((ORIGIN, 0.5), (ORIGIN + 300, 0.2)):
        ledger.record_forecast(
            a_forecast('a', 'b', origin=origin),
            np.array([[risk, NAN, NAN, NAN], [NAN] * 4]),
            np.full((2, 4), NAN),
        )
    assert ledger.risks_since(ORIGIN) == {'a': 0.5, 'b': 0.0}
    assert ledger.risks_since(ORIGIN + 300) == {'a': 0.2, 'b': 0.0}
    assert ledger.risks_since(ORIGIN + 301) == {}


def test_a_risk_within_another_horizon_is_told_of_late_too(ledger):
    unknown = np.full((1, 4), NAN)
    ledger.record_forecast(
        a_forecast('a'),
        unknown,
        unknown,
        own_risk=np.array([[0.7, NAN, NAN, NAN]]),
    )
    assert ledger.risks_since(ORIGIN) == {'a': 0.7}


def test_old_attempts_and_closed_leases_are_purged(ledger):
    ledger.note_attempt(attempt('a', 300))
    ledger.note_attempt(attempt('a', 600))
    for instance, end in (('a', 300), ('b', 600)):
        ledger.begin(ordered(instance))
        ledger.close_lease(instance, end)
    active = ordered('c', since=0, expires_at=10)
    ledger.begin(active)
    assert ledger.purge(600) == ledger.purge_sums(600) == 1
    assert ledger.purge(601) == ledger.purge_sums(601) == 1
    assert ledger.active_leases() == (active,)


def told(instance, name, reason='low_risk'):
    return {'instance': instance, 'name': name, 'reason': reason}


def test_the_last_verdict_of_each_audit_is_kept(ledger):
    ledger.record_verdicts('x', [told('a', 'web'), told('b', 'db')], 300)
    ledger.record_verdicts('y', [told('a', 'web', 'locked')], 500)
    ledger.record_verdicts('x', [told('a', 'web', 'budget')], 600)
    by_name = ledger.verdicts_on('web')
    assert [(v['audit'], v['at'], v['reason']) for v in by_name] == [
        ('x', 600, 'budget'),
        ('y', 500, 'locked'),
    ]
    assert ledger.verdicts_on('a') == by_name
    assert ledger.verdicts_on('b') == ledger.verdicts_on('db') == []
    assert ledger.purge(600) == 1
    assert len(ledger.verdicts_on('a')) == 1
    ledger.record_verdicts('x', [], 900)
    assert ledger.verdicts_on('a') == []


def test_what_is_done_once_is_marked(ledger):
    assert not ledger.is_marked('x')
    ledger.mark('x', 300)
    ledger.mark('x', 600)
    assert ledger.is_marked('x') and not ledger.is_marked('y')


def strain(instance, at, *share):
    return weights.Strain(instance_id=instance, at=at, share=share)


def test_what_a_lease_has_taught_stays_as_it_is(ledger):
    first = saturation.Growth(
        instance_id='a',
        since=300,
        flavor_name='small',
        resource='cpu',
        ratio=1.8,
    )
    ledger.record_growths([])
    ledger.record_growths([first])
    ledger.record_growths(
        [
            dataclasses.replace(first, ratio=9.0),
            dataclasses.replace(first, since=100, ratio=2.0),
        ]
    )
    assert [one.ratio for one in ledger.growths()] == [2.0, 1.8]
    assert ledger.purge_sums(200) == 1
    assert ledger.growths() == [first]


def test_strains_are_kept_by_instance_and_the_later_ones_count(ledger):
    ledger.record_strains([])
    assert ledger.strains() == {}
    first = strain('a', 300, 0.5, 0.0, 0.0, 0.25)
    other = strain('b', 600, 1.0, 0.0, 0.0, 0.0)
    ledger.record_strains([first, other])
    later = strain('a', 600, 0.25, 0.0, 0.0, 0.0)
    ledger.record_strains([later])
    # another audit that saw less must not bring it back
    ledger.record_strains([strain('b', 300, 0.5, 0.0, 0.0, 0.0)])
    assert ledger.strains() == {'a': later, 'b': other}
    assert ledger.purge(601) == 2


def test_forecasts_wait_until_their_time_has_come(ledger):
    record(ledger, a_forecast('a'))
    assert len(ledger.pending(ORIGIN + 299).instances) == 0
    assert len(ledger.pending(ORIGIN + 300).instances) == 4
    assert len(ledger.pending(ORIGIN + 900).instances) == 8
    assert len(ledger.pending(ORIGIN + 900, ORIGIN + 1).instances) == 0


def test_settling_compares_with_what_came(ledger):
    record(ledger, a_forecast('a'))
    settled = ledger.settle(a_window(9.0, 1.5), now=7)
    assert (settled.n, settled.coverage) == (4, 1.0)
    assert settled.mean_abs_error == (0.5,) * 4
    settled = ledger.settle(a_window(9.0, 1.5, 3.0, 0.0), now=8)
    assert (settled.n, settled.coverage) == (4, 0.0)
    assert settled.mean_abs_error == (2.0,) * 4
    assert len(ledger.pending(ORIGIN + 900).instances) == 0


def test_nothing_is_settled_twice(ledger):
    record(ledger, a_forecast('a'))
    assert ledger.settle(a_window(9.0, 1.0, 1.0, 1.0), now=7).n == 8
    assert ledger.settle(a_window(9.0, 5.0, 5.0, 5.0), now=8).n == 0


def test_a_gap_leaves_the_maximum_unsettled_until_it_is_purged(ledger):
    record(ledger, a_forecast('a'))
    assert ledger.settle(a_window(9.0, 1.0, NAN, 1.0), now=7).n == 4
    assert len(ledger.pending(ORIGIN + 900).instances) == 4
    assert ledger.purge(ORIGIN) == 0
    assert ledger.purge(ORIGIN + 1) == 8
    assert len(ledger.pending(ORIGIN + 900).instances) == 0


def test_a_forecast_of_long_ago_is_not_looked_at_again(ledger):
    record(ledger, a_forecast('a'))
    record(ledger, a_forecast('a', origin=ORIGIN + 7200))
    steps = 8100 // 300 + 1
    gap = a_window(*[NAN] * 24, *[1.0] * (steps - 24))
    assert ledger.settle(gap, now=7).n == 8
    flat = a_window(*[1.0] * steps)
    assert ledger.settle(flat, now=7).n == 0
    assert len(ledger.pending(ORIGIN + 7500).instances) == 8


def test_an_origin_is_recorded_once(ledger):
    record(ledger, a_forecast('a', value=1.0))
    record(ledger, a_forecast('a', 'b', value=5.0))
    waiting = ledger.pending(ORIGIN + 900)
    medians = dict(zip(waiting.instances, waiting.q50, strict=True))
    assert medians == {'a': 1.0, 'b': 5.0}
    assert len(waiting.instances) == 16


def test_what_has_no_forecast_is_not_recorded(ledger):
    made = a_forecast('a', 'b')
    made.quantiles[0] = NAN
    record(ledger, made)
    assert set(ledger.pending(ORIGIN + 900).instances) == {'b'}
    record(ledger, a_forecast('c', value=NAN))
    assert set(ledger.pending(ORIGIN + 900).instances) == {'b'}


def test_what_came_is_summed_by_day_with_skill_and_reliability(ledger):
    made = a_forecast('a')
    rivals = np.full((1, 4, 2, 2, 2), 3.0)
    ledger.record_forecast(
        made,
        np.full((1, 4), 0.25),
        np.full((1, 4), 2.0),
        ceiling=np.array([0.9]),
        rivals=rivals,
        segments=('night',),
    )
    ledger.settle(a_window(0.0, 1.5, 1.0, 1.9), ORIGIN + 900)
    ledger.settle(a_window(0.0, 1.5, 1.0, 1.9), ORIGIN + 900)
    day = ORIGIN // 86400 * 86400
    found = ledger.accuracy(day, resource='cpu', segment='night')
    assert set(found) == {('cpu', '300'), ('cpu', 'max900')}
    most = found['cpu', 'max900']
    assert (most.n, most.coverage, most.rival_n) == (1, 1, 1)
    assert most.mean_abs_error == pytest.approx(0.9)
    # own: (.5 x .9 + .05 x .1) / 2; both rivals: (.5 + .05) x 1.1 / 2
    assert most.skill == pytest.approx(1 - 0.2275 / 0.3025)
    assert (most.risk, most.brier, most.came) == (0.25, 0.75**2, 1)
    assert np.isnan(found['cpu', '300'].brier)
    assert ledger.reliability(day, resource='cpu') == [
        {'from': 0.2, 'n': 1, 'risk': 0.25, 'came': 1}
    ]
    assert ledger.accuracy(day + 86400) == {}
    assert ledger.purge_sums(day + 86400) > 0
    assert ledger.accuracy(day) == {}


def test_a_risk_is_judged_against_the_limit_of_its_origin(ledger):
    for instance, limit in (('a', 2.0),):
        ledger.record_forecast(
            a_forecast(instance),
            np.full((1, 4), 0.5),
            np.full((1, 4), limit),
            ceiling=np.array([0.9]),
        )
    # it was given a larger flavor, and used it
    ledger.settle(a_window(0, 1, 3, 3), ORIGIN + 900, np.full((1, 4), 8.0))
    [found] = ledger.accuracy(0, resource='cpu', target='max900').values()
    assert (found.came, found.coverage) == (1, 0)


def test_use_that_a_lowered_limit_hides_is_not_counted(ledger):
    ledger.record_forecast(
        a_forecast('a'), np.full((1, 4), 0.5), np.full((1, 4), 4.0)
    )
    settled = ledger.settle(
        a_window(0, 1, 1, 1), ORIGIN + 900, np.full((1, 4), 1.0)
    )
    assert settled.n == 0
    assert ledger.accuracy(0) == {}
    assert len(ledger.pending(ORIGIN + 900).instances) == 0


def test_all_that_waits_is_settled_after_hours_without_an_audit(ledger):
    for k in range(3):
        record(ledger, a_forecast('a', origin=ORIGIN + 300 * k))
    ledger.settle(a_window(0, 1), ORIGIN + 300)
    steps = 8 * 3600 // 300
    settled = ledger.settle(a_window(*[1.0] * steps), ORIGIN + 8 * 3600)
    assert settled.n == 4 * (3 * 2 - 1)
    assert len(ledger.pending(ORIGIN + 8 * 3600).instances) == 0


def test_drift_is_kept_replaced_and_ended(ledger):
    one = feedback_book.Drift(
        instance_id='a', resource='cpu', audit='u', step='widened', since=5,
        missed=0.2, ratio=None, text='hastens',
    )  # fmt: skip
    worse = dataclasses.replace(one, step='fallen_back', since=9)
    ledger.keep_drifts([one], [])
    assert ledger.drifts() == (one,)
    ledger.keep_drifts([worse], [])
    assert ledger.drifts() == (worse,)
    ledger.keep_drifts([], [('a', 'cpu')])
    assert ledger.drifts() == ()


def test_drift_goes_with_the_last_verdict_of_its_audit(ledger):
    one = feedback_book.Drift(
        instance_id='a', resource='cpu', audit='x', step='widened', since=5,
        missed=0.2, ratio=None, text='hastens',
    )  # fmt: skip
    other = dataclasses.replace(one, instance_id='b', audit='y')
    ledger.keep_drifts([one, other], [])
    ledger.record_verdicts('x', [told('a', 'web')], 300)
    ledger.record_verdicts('y', [told('b', 'db')], 900)
    assert ledger.purge(300) == 0
    assert ledger.purge(600) == 2
    assert ledger.drifts() == (other,)


def test_what_many_have_in_common_is_kept_until_it_is_over(ledger):
    fleet = brakes.Outbreak(kind='fleet', subject='', until=900, text='all')
    node = dataclasses.replace(fleet, kind='node', subject='n', until=600)
    ledger.keep_outbreaks([node, fleet], 300, 'x')
    assert ledger.outbreaks(599, 'x') == (fleet, node)
    assert ledger.outbreaks(600, 'x') == (fleet,)
    again = dataclasses.replace(fleet, until=1200, text='again')
    ledger.keep_outbreaks([again], 700, 'x')
    assert ledger.outbreaks(0, 'x') == (again,)
    ledger.keep_outbreaks([], 2000, 'x')
    assert ledger.outbreaks(2000, 'x') == ()


def test_what_the_fleet_of_one_audit_has_in_common_is_not_that_of_another(
    ledger,
):
    mine = brakes.Outbreak(kind='fleet', subject='', until=900, text='mine')
    node = dataclasses.replace(mine, kind='node', subject='n')
    theirs = dataclasses.replace(mine, text='theirs')
    ledger.keep_outbreaks([mine, node], 300, 'x')
    ledger.keep_outbreaks([theirs], 300, 'y')
    assert ledger.outbreaks(600, 'x') == (mine, node)
    assert ledger.outbreaks(600, 'y') == (theirs, node)
    assert ledger.outbreaks(600, 'z') == (node,)


def test_what_was_done_is_kept_once(ledger):
    one = durations.Done(
        id='m1', instance_id='a', kind=leases.Kind.RESIZE, at=600,
        duration_s=30.0, interruption_s=20.0,
    )  # fmt: skip
    other = dataclasses.replace(
        one, id='m0', at=300, kind=leases.Kind.MIGRATE, duration_s=None,
        interruption_s=None,
    )  # fmt: skip
    ledger.keep_done([one, other])
    ledger.keep_done([dataclasses.replace(one, duration_s=99.0)])
    assert ledger.done(0) == (other, one)
    assert ledger.done(301) == (one,)
    assert ledger.purge_sums(600) == 1
    assert ledger.done(0) == (one,)


def expected(instance='a', decided_at=ORIGIN, **other):
    values = {
        'audit': 'u', 'kind': 'resize', 'resource': 'cpu', 'ceiling': 0.9,
        'limit_before': 2.0, 'limit_after': 4.0, 'predicted': 2.0,
        'risk': 0.8, 'expected_s': 600.0, 'until': decided_at + 1200,
    }  # fmt: skip
    return outcomes.Expected(
        instance_id=instance, decided_at=decided_at, **{**values, **other}
    )


def test_what_an_action_brought_is_settled_and_corrects_the_next(ledger):
    assert ledger.benefit_factor(0) == 1
    one = expected(limit_after=float('inf'))
    ledger.expect([one])
    ledger.expect([expected(decided_at=ORIGIN + 300)])  # the same excess
    assert ledger.expected(ORIGIN + 1199) == ()
    waiting = ledger.expected(ORIGIN + 1200)
    assert waiting == (one,)
    ledger.note_attempt(attempt('a', ORIGIN, failed=False))
    window = a_window(0, 1.9, 1.9, 1.9, 1.9)
    came = outcomes.settle(waiting, window)
    assert ledger.keep_outcomes(waiting, came, ORIGIN + 1200) == 1
    [found] = ledger.outcomes(0)
    assert (found['came_s'], found['left_s'], found['done']) == (1200, 0, True)
    assert ledger.benefit_factor(0) == pytest.approx((1200 + 6000) / 6600)
    assert ledger.benefit_factor(ORIGIN + 1) == 1
    assert ledger.expected(ORIGIN + 9999) == ()
    ledger.expect([expected(decided_at=ORIGIN + 1500)])
    assert len(ledger.outcomes(0)) == 2
