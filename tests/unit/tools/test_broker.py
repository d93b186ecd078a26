"""A directory is a message broker."""

import pytest


broker = pytest.importorskip('minicloud.inside.broker')


@pytest.fixture
def store(tmp_path):
    return broker.Store(tmp_path)


def test_messages_come_out_in_the_order_they_went_in(store):
    for content in (b'first', b'second'):
        store.put('queue', content)
    assert store.size('queue') == 2
    assert store.get('queue') == b'first'
    assert store.get('queue') == b'second'
    assert store.get('queue') is None


def test_a_message_is_for_its_own_queue_only(store):
    store.put('one/two', b'content')
    assert store.get('one') is None
    assert store.get('one/two') == b'content'


def test_another_process_sees_the_same_queues(store, tmp_path):
    store.put('queue', b'content')
    assert broker.Store(tmp_path).get('queue') == b'content'


def test_a_purged_queue_is_empty(store):
    store.put('queue', b'content')
    assert store.purge('queue') == 1
    assert store.size('queue') == 0


def test_a_binding_is_kept_once_and_can_be_undone(store):
    for _ in range(2):
        store.bind('exchange', ['key', '', 'queue'])
    store.bind('exchange', ['key', '', 'other'])
    assert sorted(store.bindings('exchange')) == [
        ['key', '', 'other'],
        ['key', '', 'queue'],
    ]
    store.unbind('exchange', ['key', '', 'queue'])
    assert store.bindings('exchange') == [['key', '', 'other']]


def test_an_unknown_exchange_has_no_bindings(store):
    assert store.bindings('nothing') == []
