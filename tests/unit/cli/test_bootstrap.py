"""Learning from the history before audits do."""

import json

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.cli import bootstrap
from predictive_watcher.cli import main
from predictive_watcher.core import fleet
from predictive_watcher.core import profile
from predictive_watcher.core import profiling
from predictive_watcher.core import remembering
from predictive_watcher.core import usage
from predictive_watcher.models import registry
from predictive_watcher.state import cache
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import traces
from predictive_watcher.telemetry import traces_source


NOW = 1_700_000_100 + 2 * 86400
NAMES = [f'i{n}' for n in range(5)]
LIMITS = {
    name: np.array([2.0, 4096.0, np.nan, np.nan], np.float32) for name in NAMES
}


@pytest.fixture(scope='module')
def model():
    return registry.load(registry.SHIPPED, 1)


@pytest.fixture(scope='module')
def trace():
    steps = 3 * 288
    rng = np.random.default_rng(0)
    used = rng.uniform(0.2, 1.0, (len(NAMES), steps, 4)).astype(np.float32)
    used[0, :300] = np.nan  # a younger one
    return traces.Trace(
        name='made',
        window=usage.UsageWindow(
            instances=tuple(NAMES),
            start=NOW - (steps - 1) * 300,
            step_s=300,
            usage=used,
        ),
        limits=np.stack([LIMITS[name] for name in NAMES]),
        resources=fleet.RESOURCES,
    )


class Source(traces_source.TraceTelemetry):
    """A source that can be interrupted, and counts what it was asked."""

    def __init__(self, trace, stop_after=99):
        super().__init__(trace)
        self.asked = []
        self._left = stop_after

    def read(self, instances, start, end):
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        self.asked.append(len(instances))
        return super().read(instances, start, end)


def learn(source, model, folder, *, now=NOW, page=2, limits=LIMITS):
    told = []
    count = bootstrap.bootstrap(
        source,
        model,
        bootstrap.Fleet(
            limits=limits,
            subjects={n: profiling.Subject(name=n) for n in limits},
        ),
        folder,
        days=2,
        page=page,
        now=now,
        tell=lambda what, done: told.append(done),
    )
    assert told == sorted(told) and told[-1] == 1.0
    return count


def found(folder, model):
    memory = cache.read(folder, cache.BOOTSTRAP, model.identity)
    kept = cache.read(
        folder, cache.usage_name(cache.BOOTSTRAP), 'traces made 300'
    )
    return memory, usage_book.recent_of(kept)


def test_all_instances_are_learned_page_by_page(trace, model, tmp_path):
    source = Source(trace)
    assert learn(source, model, tmp_path) == 5
    assert source.asked == [2, 2, 2, 2, 1, 1]  # two days each
    memory, kept = found(tmp_path, model)
    assert memory.instances == tuple(NAMES)
    assert memory.time == kept.window.end == NOW - 2 * 300
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'bootstrap-profile.state',
        'bootstrap-usage.state',
        'bootstrap.state',
    ]


def test_pages_make_no_difference(trace, model, tmp_path):
    learn(Source(trace), model, tmp_path / 'a', page=2)
    learn(Source(trace), model, tmp_path / 'b', page=99)
    one, other = (found(tmp_path / name, model)[0] for name in 'ab')
    for name, part in one.parts.items():
        np.testing.assert_array_equal(part, other.parts[name])


def test_what_was_interrupted_goes_on_where_it_was(trace, model, tmp_path):
    whole = Source(trace)
    learn(whole, model, tmp_path / 'whole')
    with pytest.raises(KeyboardInterrupt, match='1 of 3 pages are kept'):
        learn(Source(trace, stop_after=3), model, tmp_path / 'parts')
    source = Source(trace)
    # later, and with another instance: the plan is the one that was begun
    later = {**LIMITS, 'new': LIMITS['i0']}
    learn(source, model, tmp_path / 'parts', now=NOW + 900, limits=later)
    assert source.asked == [2, 2, 1, 1]
    one, _ = found(tmp_path / 'whole', model)
    other, _ = found(tmp_path / 'parts', model)
    assert one.instances == other.instances and one.time == other.time
    for name, part in one.parts.items():
        np.testing.assert_array_equal(part, other.parts[name])


def test_a_damaged_page_is_read_again(trace, model, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        learn(Source(trace, stop_after=5), model, tmp_path)
    page = tmp_path / 'bootstrap.parts' / 'page-1.state'
    page.write_bytes(page.read_bytes()[:-9])
    source = Source(trace)
    learn(source, model, tmp_path)
    assert source.asked == [2, 2, 1, 1]


def test_an_interrupted_one_of_yesterday_begins_anew(trace, model, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        learn(Source(trace, stop_after=5), model, tmp_path, now=NOW - 86400)
    source = Source(trace)
    learn(source, model, tmp_path)
    assert sum(source.asked) == 2 * 5


def test_a_damaged_plan_begins_anew(trace, model, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        learn(Source(trace, stop_after=5), model, tmp_path)
    plan = tmp_path / 'bootstrap.parts' / 'plan.json'
    plan.write_text(json.dumps({'end': 'x'}))
    source = Source(trace)
    learn(source, model, tmp_path)
    assert sum(source.asked) == 2 * 5


def test_an_audit_goes_on_from_there(trace, model, tmp_path):
    learn(Source(trace), model, tmp_path)
    memory = cache.begin_with(tmp_path, 'audit', 'audit', model.identity)
    going_on = remembering.Remembering(model, memory)
    window = Source(trace).read(NAMES, NOW - 86400, NOW)
    limits = np.stack([LIMITS[name] for name in NAMES])
    going_on.forecast(window, limits)
    assert going_on.resumed == 5
    cache.write(tmp_path, 'audit', going_on.memory)
    own = cache.begin_with(tmp_path, 'audit', 'audit', model.identity)
    assert own.time == NOW


def test_profiles_are_learned_as_well(trace, model, tmp_path):
    learn(Source(trace), model, tmp_path)
    memory = cache.begin_with(
        tmp_path, 'one', cache.profile_name('one'), profile.IDENTITY
    )
    going_on = profiling.Profiling(
        memory, {name: profiling.Subject(name=name) for name in NAMES}
    )
    going_on.learn(Source(trace).read(NAMES, NOW - 86400, NOW))
    assert going_on.resumed == 5


def test_a_folder_that_cannot_be_written_is_named(trace, model, tmp_path):
    (tmp_path / 'in the way').write_text('')
    with pytest.raises(exceptions.StateError, match='in the way'):
        learn(Source(trace), model, tmp_path / 'in the way')


@pytest.mark.parametrize('option', ['--days', '--page'])
def test_nothing_is_refused(option, capsys):
    with pytest.raises(SystemExit):
        main.main(['bootstrap', option, '0'])
    assert '0 is not above 0' in capsys.readouterr().err
