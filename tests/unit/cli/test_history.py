"""What is said to read the history of a cloud."""

import argparse
import pathlib

import pytest

from predictive_watcher import exceptions
from predictive_watcher.cli import history
from predictive_watcher.cli import site


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [
        ('0', 0),
        ('1700000100', 1_700_000_100),
        ('2023-11-14T22:15:00', 1_700_000_100),
        ('2023-11-14T22:15:00Z', 1_700_000_100),
        ('2023-11-14T23:15:00+01:00', 1_700_000_100),
        ('2023-11-14', 1_699_920_000),
    ],
)
def test_a_time_is_iso_8601_or_unix_seconds(text, seconds):
    assert history.moment(text) == seconds


@pytest.mark.parametrize('text', ['', 'yesterday', '2023-13-01', '1.5'])
def test_what_is_no_time_is_refused_with_what_it_was(text):
    with pytest.raises(argparse.ArgumentTypeError, match=repr(text)):
        history.moment(text)


def arguments(**other):
    given = {
        'begin': 0,
        'end': 600,
        'config_file': None,
        'keep_traces': None,
        'resume': False,
    }
    return argparse.Namespace(**{**given, **other})


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ({'begin': None}, '--from is missing: say since when'),
        ({'begin': 600}, '--from 600: a time before 600'),
        ({'begin': 2000, 'end': 3000}, '--from 2000: a time before 1000'),
        ({'begin': 1500, 'end': None}, 'before 1000'),
        ({'keep_traces': pathlib.Path('kept.csv')}, 'kept.csv'),
    ],
)
def test_times_and_names_that_do_not_fit_are_refused(given, said):
    with pytest.raises(exceptions.InvalidInput, match=said):
        history.trace(arguments(**given), 1000, lambda *_: None)


@pytest.mark.parametrize(
    'text',
    [
        None,
        'no section at all',
        '[predictive_watcher]\ngranularity = often\n',
        '[predictive_watcher]\ngranularity = 1\n',
    ],
)
def test_a_configuration_that_cannot_be_used_is_named(tmp_path, text):
    path = tmp_path / 'watcher.conf'
    if text is not None:
        path.write_text(text)
    with pytest.raises(exceptions.InvalidConfig, match=r'watcher\.conf'):
        site.configuration(path)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('', r'\[watcher_clients_auth\] in .*watcher.conf: there are no'),
        ('auth_type = magic', r'\[watcher_clients_auth\]: .*magic'),
    ],
)
def test_without_credentials_it_says_where_they_belong(tmp_path, text, said):
    path = tmp_path / 'watcher.conf'
    path.write_text(f'[watcher_clients_auth]\n{text}\n')
    conf = site.configuration(path)
    with (
        pytest.raises(exceptions.InvalidConfig, match=said),
        site.cloud(conf, 1.0),
    ):
        pass
