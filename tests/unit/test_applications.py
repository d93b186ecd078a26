"""What each instance runs: who says it, and who counts first."""

import logging

from oslo_config import cfg
import pytest

from predictive_watcher import applications
from predictive_watcher import wiring
from predictive_watcher.cloud import nova
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import rules
from tests.fakes import cloud_data as data
from tests.fakes import nova as fake_nova


@pytest.fixture
def conf():
    conf = cfg.ConfigOpts()
    conf([])
    wiring.options(conf)
    yield conf
    conf.clear_override('application_image_property', 'predictive_watcher')


@pytest.fixture
def cloud():
    cloud = fake_nova.FakeNova()
    cloud.images = {'i': {'id': 'i', 'application': 'by-image'}}
    return cloud


def of_image(conf):
    conf.set_override(
        'application_image_property', 'application', 'predictive_watcher'
    )


LABEL = rules.Rule(
    name='shop',
    match=rules.Match(project=('q',)),
    settings={'application': 'by-rule'},
)


def made(instances):
    return fleet_module.Fleet(
        instances=tuple(instances), nodes=(), flavors=(), scope=frozenset()
    )


def fleet():
    said = {'predictive:application': 'by-owner'}
    return made(
        [
            data.instance('all', project_id='q', metadata=said, image='i'),
            data.instance('owner', metadata=said, image='i'),
            data.instance('image', image='i'),
            data.instance('nobody', image='other'),
            data.instance('volume'),
        ]
    )


def test_a_rule_counts_before_the_owner_and_the_owner_before_the_image(
    conf, cloud
):
    of_image(conf)
    found = applications.of(conf, fleet(), [LABEL], nova.Nova(cloud), 0)
    assert found == {
        'all': 'by-rule', 'owner': 'by-owner', 'image': 'by-image'
    }  # fmt: skip


def test_images_are_asked_for_only_where_an_option_names_a_property(
    conf, cloud
):
    found = applications.of(conf, fleet(), [LABEL], nova.Nova(cloud), 0)
    assert found == {'all': 'by-rule', 'owner': 'by-owner'}
    assert not cloud.requests


def test_without_glance_the_rest_is_known_and_it_is_told(conf, cloud, caplog):
    of_image(conf)
    cloud.images = None
    with caplog.at_level(logging.WARNING):
        found = applications.of(conf, fleet(), [], nova.Nova(cloud), 0)
    assert found == {'all': 'by-owner', 'owner': 'by-owner'}
    assert 'application of 2 images is not known' in caplog.text
    assert 'Glance' in caplog.text


def test_metadata_without_a_text_name_nothing(conf, cloud):
    found = made(
        [data.instance('a', metadata={'predictive:application': ''})]
    )
    assert applications.of(conf, found, [], nova.Nova(cloud), 0) == {}


def test_a_name_holds_nothing_that_a_terminal_would_obey(conf, cloud):
    of_image(conf)
    cloud.images['i']['application'] = 'by\x1b]0;-image\x07'
    written = {'predictive:application': 'shop\n2026 INFO forged\x1b[2J'}
    blank = {'predictive:application': ' \n\x00 '}
    site = made(
        [
            data.instance('owner', metadata=written),
            data.instance('blank', metadata=blank),
            data.instance('image', image='i'),
        ]
    )
    found = applications.of(conf, site, (), nova.Nova(cloud), 0)
    assert found == {
        'owner': 'shop2026 INFO forged[2J',
        'image': 'by]0;-image',
    }
