"""What images say, asked of Glance."""

import pytest

from predictive_watcher import exceptions
from predictive_watcher.cloud import nova
from tests.fakes import nova as fake_nova


@pytest.fixture
def cloud():
    cloud = fake_nova.FakeNova()
    cloud.images = {
        'i1': {'id': 'i1', 'application': 'shop'},
        'i2': {'id': 'i2', 'application': ''},
        'i3': {'id': 'i3', 'os_distro': 'debian'},
    }
    return cloud


def test_images_that_say_nothing_or_are_gone_are_left_out(cloud):
    found = nova.Nova(cloud).image_property(
        {'i1', 'i2', 'i3', 'gone'}, 'application'
    )
    assert found == {'i1': 'shop'}


def test_a_request_asks_for_a_hundred_images(cloud):
    names = {f'x{k}' for k in range(150)}
    cloud.images = {n: {'id': n, 'application': n} for n in names}
    found = nova.Nova(cloud).image_property(names, 'application')
    assert found == {n: n for n in names}
    assert cloud.requests == ['GET /images'] * 2


def test_nobody_is_asked_of_no_image(cloud):
    assert nova.Nova(cloud).image_property(set(), 'application') == {}
    assert not cloud.requests


def test_a_refusal_names_glance(cloud):
    cloud.images = None
    with pytest.raises(exceptions.CloudError, match='Glance GET /images'):
        nova.Nova(cloud).image_property({'i1'}, 'application')


def test_an_answer_of_another_form_is_told(cloud):
    cloud.images = {'i1': ['not', 'an', 'image']}
    with pytest.raises(exceptions.CloudError, match='the list of images'):
        nova.Nova(cloud).image_property({'i1'}, 'application')
