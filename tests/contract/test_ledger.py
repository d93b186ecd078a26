"""What every database of the ledger must do.

More than SQLite is tested where PREDICTIVE_WATCHER_TEST_LEDGERS holds URLs
of empty databases, separated by blanks.
"""

from collections.abc import Iterator
import os
import pathlib

import numpy as np
import pytest
import sqlalchemy as sa

from predictive_watcher.core import forecast
from predictive_watcher.core import usage
from predictive_watcher.state import ledger as ledger_module
from predictive_watcher.state import schema
from tests.fakes import cloud_data


URLS = ['sqlite://', 'sqlite:///FILE'] + os.environ.get(
    'PREDICTIVE_WATCHER_TEST_LEDGERS', ''
).split()
ORIGIN = 1_700_000_100
NAN = float('nan')


@pytest.fixture(params=URLS)
def ledger(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> Iterator[ledger_module.Ledger]:
    url = request.param.replace('FILE', str(tmp_path / 'ledger.sqlite'))
    yield ledger_module.Ledger(url)
    if not url.startswith('sqlite'):
        engine = sa.create_engine(url)
        schema.metadata.drop_all(engine)
        engine.dispose()


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


def test_a_lease_is_opened_renewed_and_closed(ledger):
    ledger.open_lease(cloud_data.lease('a'), reference='audit 1')
    ledger.open_lease(cloud_data.lease('b'))
    ledger.renew('a', 9000)
    assert ledger.active_leases() == (
        cloud_data.lease('a', expires_at=9000),
        cloud_data.lease('b'),
    )
    assert ledger.close_lease('a', 5000)
    assert ledger.close_lease('b', 5000, 'lost')
    assert ledger.active_leases() == ()


def test_closing_what_is_not_there_changes_nothing(ledger):
    assert not ledger.close_lease('a', 5000)
    ledger.renew('a', 9000)
    assert ledger.active_leases() == ()


def test_a_second_resize_goes_on_with_the_lease_and_its_origin(ledger):
    ledger.open_lease(cloud_data.lease('a'))
    ledger.open_lease(
        cloud_data.lease(
            'a',
            origin_flavor_id='id-large',
            origin_flavor_name='large',
            flavor_id='id-huge',
            flavor_name='huge',
            reason='memory_risk',
            weight=8.0,
            created_at=300,
            expires_at=5000,
        )
    )
    assert ledger.active_leases() == (
        cloud_data.lease(
            'a',
            flavor_id='id-huge',
            flavor_name='huge',
            reason='memory_risk',
            expires_at=5000,
        ),
    )


def test_an_instance_can_have_a_lease_again(ledger):
    ledger.open_lease(cloud_data.lease('a'))
    ledger.close_lease('a', 5000)
    ledger.open_lease(cloud_data.lease('a', created_at=6000))
    assert ledger.active_leases() == (cloud_data.lease('a', created_at=6000),)


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
