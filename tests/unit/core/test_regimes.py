import numpy as np
import pytest

from predictive_watcher.core import profile
from predictive_watcher.core import regimes
from predictive_watcher.core.regimes import Regime


HOUR = 2  # slots


def times(working=(), weekend=()):
    """How long something held, of hours from ... to ... each."""
    held = np.zeros((2, 48))
    for day, (spans, days) in enumerate(((working, 5), (weekend, 2))):
        for begin, end in spans:
            held[day, begin * HOUR : end * HOUR] = days
    return held.reshape(-1)


@pytest.mark.parametrize(
    ('held', 'name'),
    [
        (times([(1, 5)], [(1, 5)]), Regime.NIGHT),
        (times([(22, 24), (0, 6)]), Regime.NIGHT),
        (times([(8, 18)]), Regime.DAY),
        (times([(7, 19)]), Regime.DAY),
        (times([], [(0, 24)]), Regime.WEEKEND),
        (times([(18, 24), (0, 8)], [(0, 24)]), Regime.NIGHT),
        (times([(0, 24)], [(0, 24)]), None),
        (times([(6, 10)], [(6, 10)]), None),
        (times(), None),
    ],
)
def test_a_segment_is_called_by_when_it_mostly_holds(held, name):
    assert regimes.regime(held) == name


def learned(days, cpu):
    """The profile after some days of a load by the hour of the day."""
    found = profile.BehaviouralProfile(2, 300)
    for step in range(days * 288):
        hour = step / 12 % 24
        used = np.array([[cpu(hour), 1024, 0, 0], [1.0, 1024, 0, 0]])
        found.advance(used.astype(np.float32), 300 * (step + 1))
    return found


def test_a_nightly_batch_is_found_with_its_name_and_a_steady_load_has_none():
    found = learned(4, lambda hour: 8.0 if 1 <= hour < 5 else 0.5)
    parts = found.parts()
    known = regimes.of_instances(('batch', 'steady'), parts)
    assert set(known) == {'batch'}
    assert Regime.NIGHT in known['batch'].every
    assert known['batch'].now is not Regime.NIGHT  # it is midnight
    found = learned(4, lambda hour: 8.0 if hour >= 22 else 0.5)
    known = regimes.of_instances(('batch', 'steady'), found.parts())
    assert known['batch'].now is Regime.NIGHT
