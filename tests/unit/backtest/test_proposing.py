"""A contender keeps the books that an audit keeps."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.backtest import book as book_module
from predictive_watcher.backtest import cloud as cloud_module
from predictive_watcher.backtest import proposing
from predictive_watcher.backtest import rivals
from predictive_watcher.backtest import run
from predictive_watcher.core import outcomes
from predictive_watcher.core import usage
from predictive_watcher.core.policy import Policy
from tests.unit.backtest import made


class Alarmist(rivals.Reactive):
    """Foretells for some instances what never comes."""

    name = 'alarmist'

    def _values(self, window):
        found = super()._values(window)
        found[:2, 0] = 1.95
        return found


def expected(until=1800, seconds=1000.0, decided_at=0):
    return outcomes.Expected(
        instance_id='a',
        decided_at=decided_at,
        audit='backtest',
        kind='resize',
        resource='cpu',
        ceiling=0.9,
        limit_before=2.0,
        limit_after=4.0,
        predicted=2.0,
        risk=1.0,
        expected_s=seconds,
        until=until,
    )


def window(used, steps=7):
    shape = (1, steps, 4)
    return usage.UsageWindow(
        instances=('a',),
        start=0,
        step_s=300,
        usage=np.full(shape, used, np.float32),
    )


def test_what_actions_bring_is_settled_when_its_time_has_come():
    book = book_module.Book()
    book.expect([expected(until=1800)])
    book.settle(window(1.0, steps=6), 1500)
    assert [one.until for one in book.expected] == [1800]
    book.settle(window(1.0), 1800)
    assert book.expected == []
    assert book.settled == [(0, 1000.0, 0.0)]


def test_an_excess_is_expected_once_however_often_it_is_acted_on():
    book = book_module.Book()
    book.expect([expected(), expected(decided_at=300, until=2100)])
    assert [one.until for one in book.expected] == [1800]
    book.expect([expected(decided_at=1800, until=3600)])
    assert [one.until for one in book.expected] == [1800, 3600]


def test_actions_that_brought_nothing_make_the_next_ones_worth_less():
    book = book_module.Book()
    assert book.benefit_factor(1800) == 1.0
    for n in range(10):
        book.expect([expected(decided_at=n * 1800, until=(n + 1) * 1800)])
    book.settle(window(1.0, steps=61), 18000)
    assert book.benefit_factor(18000) == pytest.approx(0.5)


def test_what_was_long_ago_is_forgotten():
    book = book_module.Book()
    for n in range(10):
        book.expect([expected(decided_at=n * 1800, until=(n + 1) * 1800)])
    book.settle(window(1.0, steps=61), 18000)
    assert book.benefit_factor(31 * 86400) == 1.0


def lived(feedback, days=1):
    steps = days * made.DAY
    demand = made.demand(steps, rush=(steps, steps))
    contender = proposing.Proposing(
        'alarmist', Alarmist(), Policy(cost_factor=5), feedback=feedback
    )
    scene = made.a_scene(demand)
    return run.live(scene, contender, run.quiet)


def test_false_alarms_are_followed_less_with_feedback():
    on, off = lived(True), lived(False)
    assert off.book.settled == [] and on.book.settled
    assert on.book.benefit_factor(0) < 1.0


def test_weights_fall_in_a_simulated_cloud():
    scene = made.a_scene(made.demand(100, rush=(20, 100)))
    found = made.live(rivals.Reactive(), scene)
    strained = {name for name, one in found.book.strains.items() if one.at}
    assert strained == {'i0', 'i1'}
    share = found.book.strains['i0'].share[0]
    # above the guideline for 79 steps, half-life 6 hours
    assert share == pytest.approx(1 - 0.5 ** (79 * 300 / 21600), abs=0.02)


def test_orders_carry_the_durations_of_the_policy():
    scene = made.a_scene()
    found = made.live(rivals.Reactive(), scene, resize_duration_s=60)
    first = found.cloud.events[0]
    assert first.order.kind is cloud_module.Did.RESIZE
    assert first.at == first.ordered_at + 60


class Unlucky(proposing.Proposing):
    """Gets its lease, and then Nova gives up on every order."""

    def decide(self, cloud, book, step, now):
        orders = super().decide(cloud, book, step, now)
        if any(one.kind is cloud_module.Did.RELEASE for one in orders):
            site = dataclasses.replace(cloud.scene.site, failures=1 - 1e-9)
            cloud.scene = dataclasses.replace(cloud.scene, site=site)
        return orders


def test_a_release_that_fails_again_and_again_waits_longer_each_time():
    contender = Unlucky('unlucky', rivals.Reactive(), Policy(cooldown_s=900))
    found = run.live(made.a_scene(made.demand(200)), contender, run.quiet)
    tries = [
        event.ordered_at
        for event in found.cloud.events
        if event.order.kind is cloud_module.Did.RELEASE
        and event.order.row == 0
    ]
    waits = np.diff(tries)
    assert len(waits) >= 4
    assert (waits[1:] >= 2 * waits[:-1] - 2 * made.STEP_S).all()
