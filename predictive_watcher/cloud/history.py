"""How long resizes and live migrations took, by the cloud's own history.

Nova lists migrations, resizes among them, of all servers in one request.
What each step of one took stands in the events of the server's instance
action; so two requests more for each, and only for a few at a time.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import datetime
import logging
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.cloud import rest as rest_module
from predictive_watcher.core.durations import Done
from predictive_watcher.core.leases import Kind


LOG = logging.getLogger(__name__)
_MOST = 200  # migrations that are looked through
# Kind of a migration: how it ends well, and what its instance action is.
_KINDS = {
    'resize': (Kind.RESIZE, ('finished', 'confirmed'), 'resize'),
    'live-migration': (Kind.MIGRATE, ('completed',), 'live-migration'),
}
# From when the guest is shut down until it runs with its new flavor.
_STOPS, _RUNS = 'compute_resize_instance', 'compute_finish_resize'
_NEAR_S = 60  # an action begins just before its migration is written


def done(
    rest: rest_module.Rest, since: int, known: Collection[str], most: int
) -> list[Done]:
    """The newest that ended well since then, without those that are known.

    What Nova does not tell any more, as of a server that is deleted, has no
    duration: nobody needs to ask again.

    :param since: Unix seconds.
    :param known: ids of migrations that were asked about before.
    :param most: so many of each kind at most.
    :raises CloudError: where Nova does not list migrations.
    """
    found: dict[Kind, list[Done]] = {}
    for data in _migrations(rest, since):
        with rest_module.understood('the list of migrations'):
            kind, ends, action = _KINDS[data['migration_type']]
            some = found.setdefault(kind, [])
            if (
                data['status'] in ends
                and data['uuid'] not in known
                and len(some) < most
            ):
                some.append(_asked(rest, data, kind, action))
    return [one for some in found.values() for one in some]


def _migrations(
    rest: rest_module.Rest, since: int
) -> Iterator[Mapping[str, Any]]:
    moment = datetime.datetime.fromtimestamp(since, datetime.UTC)
    answer = rest.get(
        '/os-migrations',
        {'changes-since': moment.isoformat(), 'limit': _MOST},
    )
    with rest_module.understood('the list of migrations'):
        for data in answer['migrations']:
            if data['migration_type'] in _KINDS:
                yield data


def _asked(
    rest: rest_module.Rest, data: Mapping[str, Any], kind: Kind, action: str
) -> Done:
    at = _seconds(data['created_at'])
    told: tuple[float | None, float | None] = None, None
    try:
        told = _times(rest, data['instance_uuid'], action, at)
    except exceptions.CloudError as error:
        LOG.info(
            'how long a %s of server %s took is not known: %s',
            action, data['instance_uuid'], error,
        )  # fmt: skip
    duration_s, interruption_s = told
    return Done(
        id=data['uuid'],
        instance_id=data['instance_uuid'],
        kind=kind,
        at=int(at),
        duration_s=duration_s,
        interruption_s=interruption_s,
    )


def _times(
    rest: rest_module.Rest, server: str, action: str, at: float
) -> tuple[float | None, float | None]:
    """Duration and interruption of the action that began at that time."""
    path = f'/servers/{server}/os-instance-actions'
    listed = rest.get(path)
    with rest_module.understood(f'the actions of server {server}'):
        near = [
            (abs(_seconds(one['start_time']) - at), one['request_id'])
            for one in listed['instanceActions']
            if one['action'] == action
        ]
        if not near or min(near)[0] > _NEAR_S:
            return None, None
        _, request = min(near)
    shown = rest.get(f'{path}/{request}')
    with rest_module.understood(f'action {request} of server {server}'):
        whole = shown['instanceAction']
        ends = {
            event['event']: (
                _seconds(event['start_time']),
                _seconds(event['finish_time']),
            )
            for event in whole['events']
            if event['result'] == 'Success' and event['finish_time']
        }
        if not ends:
            return None, None
        began = _seconds(whole['start_time'])
        if action != 'resize':
            return max(end for _, end in ends.values()) - began, None
        if _RUNS not in ends:
            return None, None
        runs = ends[_RUNS][1]
        stops = ends.get(_STOPS, (None,))[0]
        return runs - began, None if stops is None else runs - stops


def _seconds(text: str) -> float:
    """Unix seconds of one of Nova's times, which are UTC."""
    found = datetime.datetime.fromisoformat(text.rstrip('Z'))
    return found.replace(tzinfo=datetime.UTC).timestamp()
