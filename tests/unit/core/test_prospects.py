"""Risks with other flavors: asked for together, or one by one."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import assessment
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import prospects
from predictive_watcher.core import resolving
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes import random_cloud
from tests.fakes.forecaster import FakeForecaster


class Headed(FakeForecaster):
    """Has a head for chances, as a network does."""

    def forecast(self, window, limits):
        made = super().forecast(window, limits)
        rng = np.random.default_rng(5)
        shape = (*made.quantiles.shape[:2], 3)
        weight = rng.random(shape)
        return dataclasses.replace(
            made,
            exceedance=forecast_module.Exceedance(
                weight=weight / weight.sum(axis=-1, keepdims=True),
                mean=rng.normal(0, 1, shape),
                spread=rng.uniform(0.1, 2, shape),
                last=made.quantiles[:, :, -1, 4].astype(float),
                scale=np.ones(shape[:2]),
                bias=rng.normal(0, 1, shape[:2]),
            ),
        )


def seen(forecaster, cloud, **rules):
    own = resolving.resolve((), cloud.fleet, Policy(**rules), data.NOW)
    return assessment.assess(
        cloud.fleet, cloud.window, forecaster, own, data.NOW
    )


@pytest.mark.parametrize('horizon_s', [300, 900])
@pytest.mark.parametrize('kind', [FakeForecaster, Headed])
def test_a_risk_does_not_depend_on_who_else_is_asked_about(kind, horizon_s):
    cloud = random_cloud.draw(3, instances=37)
    found = seen(kind(cloud.expected), cloud, horizon_s=horizon_s)
    flavors = random_cloud.FLAVORS
    together = prospects.Prospects(found, flavors)
    together.look((row, one) for row in range(37) for one in flavors)
    alone = prospects.Prospects(found, flavors)
    for row in range(37):
        for one in flavors:
            np.testing.assert_array_equal(
                together.risk(row, one), alone.risk(row, one)
            )


def test_a_risk_with_the_flavor_it_has_is_the_risk_it_has():
    cloud = random_cloud.draw(4, instances=20)
    found = seen(FakeForecaster(cloud.expected), cloud)
    asked = prospects.Prospects(found, random_cloud.FLAVORS)
    for row, one in enumerate(cloud.fleet.instances):
        np.testing.assert_array_equal(
            asked.risk(row, one.flavor), found.risk.risk[row]
        )


def test_the_highest_risk_is_that_of_what_is_known():
    cloud = random_cloud.draw(4, instances=20)
    used = cloud.window.usage.copy()
    used[0, :, 1:] = np.nan
    window = dataclasses.replace(cloud.window, usage=used)
    cloud = dataclasses.replace(cloud, window=window)
    found = seen(FakeForecaster(cloud.expected), cloud)
    asked = prospects.Prospects(found, random_cloud.FLAVORS)
    flavor = random_cloud.FLAVORS[0]
    assert np.isnan(asked.risk(0, flavor)[1])
    assert asked.highest(0, flavor) == asked.risk(0, flavor)[0]


def test_what_was_worked_out_is_not_worked_out_again():
    cloud = random_cloud.draw(4, instances=20)
    found = seen(FakeForecaster(cloud.expected), cloud)
    asked = prospects.Prospects(found, random_cloud.FLAVORS)
    flavor = random_cloud.FLAVORS[1]
    asked.look([(2, flavor), (3, flavor), (2, flavor)])
    assert asked.risk(2, flavor) is asked.risk(2, flavor)
