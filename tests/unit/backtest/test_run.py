import dataclasses

import numpy as np
import pytest

from predictive_watcher.backtest import balance
from predictive_watcher.backtest import cloud as cloud_module
from predictive_watcher.backtest import figures
from predictive_watcher.backtest import rivals
from predictive_watcher.backtest import run
from predictive_watcher.core import usage
from tests.unit.backtest import made


CEILING = 0.9


def violated(lived):
    return figures.count(lived, CEILING).violated


def test_nothing_does_nothing():
    lived = run.live(made.a_scene(), run.Nothing(), lambda _: None)
    assert not lived.cloud.events
    assert (lived.cloud.limits[:, :, 0] == 2).all()
    # 30 steps of 5 minutes, two instances
    assert violated(lived).tolist() == [150, 150, 0, 0]


def test_the_reactive_rule_comes_when_sample_audit_and_resize_allow():
    lived = made.live(rivals.Reactive(), made.a_scene())
    events = lived.cloud.events
    assert {event.order.row for event in events} == {0, 1}
    first = events[0]
    # the sample of step 20 ends at 20 x 300 s after the start, is seen 210 s
    # later, and the resize takes 120 s: most of step 22 has the new limit
    assert first.ordered_at == 300 + 20 * 300 + 210
    assert first.at == first.ordered_at + 120
    assert first.step == 22
    assert (lived.cloud.limits[0, :22, 0] == 2).all()
    assert lived.cloud.limits[0, 22, 0] > 2
    assert violated(lived).tolist() == [10, 10, 0, 0]


def test_an_old_sample_makes_everyone_late():
    lived = made.live(rivals.Reactive(), made.a_scene(age_s=360))
    assert violated(lived).tolist() == [15, 15, 0, 0]


def test_the_oracle_is_in_time():
    lived = made.live(rivals.Oracle(made.demand()), made.a_scene())
    assert violated(lived).tolist() == [0, 0, 0, 0]


def test_a_lease_ends_when_the_need_has_passed():
    lived = made.live(rivals.Reactive(), made.a_scene())
    assert (lived.cloud.limits[:, -1, 0] == 2).all()
    counted = figures.count(lived, CEILING)
    assert counted.actions == {'resize': 2, 'release': 2, 'migrate': 0}
    assert counted.leases == 2
    assert counted.wasted == 0
    assert counted.interrupted.tolist() == [2, 2, 0, 0]


def test_a_lease_that_nobody_needed_is_wasted():
    # one step only: it is over before the resize is done
    window = made.demand(rush=(20, 21))
    lived = made.live(rivals.Reactive(), made.a_scene(window))
    counted = figures.count(lived, CEILING)
    assert counted.leases == counted.wasted == 2


def test_a_resize_that_fails_changes_nothing_and_is_tried_again_later():
    scene = made.a_scene(failures=1 - 1e-9)
    lived = made.live(rivals.Reactive(), scene, cooldown_s=1800)
    events = [e for e in lived.cloud.events if e.order.row == 0]
    assert all(event.failed for event in events)
    assert np.diff([event.ordered_at for event in events]).min() >= 1800
    assert (lived.cloud.limits[:, :, 0] == 2).all()
    assert not lived.book.ended
    assert violated(lived)[0] == 150


def test_the_same_seed_gives_the_same_history():
    scene = made.a_scene(failures=0.3, spread=0.5, seed=7)
    one, other = (made.live(rivals.Reactive(), scene) for _ in range(2))
    assert one.cloud.events == other.cloud.events
    assert (one.cloud.limits == other.cloud.limits)[..., :2].all()


def test_nobody_promises_more_than_a_node_has():
    scene = made.a_scene(room=0.2)
    lived = made.live(rivals.Oracle(scene.demand), scene)
    cloud = lived.cloud
    vcpus = np.ceil(cloud.limits[:, :, 0])
    for n, node in enumerate(scene.nodes):
        promised = np.where(cloud.node == n, vcpus, 0).sum(axis=0)
        assert promised.max() <= node.allocatable()[0]
    assert (cloud.node >= 0).all() and (cloud.node < len(scene.nodes)).all()
    assert (cloud.free() >= 0).all()


def test_a_full_node_gives_less_and_telemetry_shows_it():
    window = made.demand(instances=6)
    used = window.usage.copy()
    used[:, 30:, 0] = 1.7
    window = usage.UsageWindow(
        instances=window.instances, start=300, step_s=300, usage=used
    )
    scene = made.a_scene(window, overcommit=2.0, nodes=2, room=0.0)
    lived = run.live(scene, run.Nothing(), lambda _: None)
    capacity = scene.nodes[0].capacity()[0]
    for n in range(2):
        here = lived.cloud.node[:, 40] == n
        assert lived.cloud.usage[here, 40, 0].sum() == pytest.approx(
            min(capacity, 1.7 * here.sum())
        )
    assert figures.count(lived, CEILING).node_minutes.sum() > 0


def test_a_node_whose_instances_tell_nothing_is_in_no_violation():
    window = made.demand()
    usage = window.usage.copy()
    usage[:, 20:50] = np.nan
    scene = made.a_scene(
        dataclasses.replace(window, usage=usage), nodes=2, room=0.0
    )
    lived = made.live(rivals.Reactive(), scene)
    assert figures.count(lived, CEILING).node_minutes.sum() == 0


def test_workload_balance_moves_one_that_closes_the_gap():
    window = made.demand(instances=6)
    used = window.usage.copy()
    used[:, :, 0] = [[0.1], [0.1], [0.1], [0.1], [0.1], [0.1]]
    scene = made.a_scene(window, nodes=2)
    here = [int(i) for i in np.flatnonzero(scene.node_of == 0)]
    used[here, :, 0] = 1.2
    window = usage.UsageWindow(
        instances=window.instances, start=300, step_s=300, usage=used
    )
    scene = made.a_scene(window, nodes=2)
    lived = run.live(scene, balance.WorkloadBalance(60, 1), lambda _: None)
    first = lived.cloud.events[0]
    assert first.order.kind is cloud_module.Did.MIGRATE
    assert first.order.row in here
    assert first.nodes == (0, 1)
    resized = [
        e
        for e in lived.cloud.events
        if e.order.kind is not cloud_module.Did.MIGRATE
    ]
    assert not resized
