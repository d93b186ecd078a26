"""What Nova and Watcher tell, in the versioned notifications of both.

Notifications get lost, come twice, and come late: nothing is decided from one
that the next audit would not find out by itself.  What they bring is time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import datetime
import enum
from typing import Any


class Effect(enum.StrEnum):
    """What a notification means for what we know."""

    GONE = 'gone'  # the instance is deleted
    RENEWED = 'renewed'  # another flavor or image: it may behave otherwise
    MOVED = 'moved'
    ACTION = 'action'  # of Watcher: its state is in ``state``
    PLAN = 'plan'
    OTHER = 'other'


_NOVA = {
    'instance.delete.end': Effect.GONE,
    'instance.resize_finish.end': Effect.RENEWED,
    'instance.resize_revert.end': Effect.RENEWED,
    'instance.resize_confirm.end': Effect.OTHER,
    'instance.rebuild.end': Effect.RENEWED,
    'instance.live_migration_post.end': Effect.MOVED,
    'instance.live_migration_post_dest.end': Effect.MOVED,
    'instance.live_migration_rollback.end': Effect.OTHER,
    'instance.live_migration_abort.end': Effect.OTHER,
    'instance.update': Effect.OTHER,
}
_WATCHER = {
    'action.execution.end': Effect.ACTION,
    'action.execution.error': Effect.ACTION,
    'action_plan.execution.end': Effect.PLAN,
    'action_plan.execution.error': Effect.PLAN,
    'action_plan.cancel.end': Effect.PLAN,
}
EFFECTS: Mapping[str, Effect] = {**_NOVA, **_WATCHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One notification, as far as we use it.

    ``at`` is Unix seconds, by the clock of the sender; ``message_id`` tells
    one that comes twice.  ``instance_id`` is None for an action plan.
    ``state`` is the one that the server, the action or the plan has now;
    ``inputs`` are the parameters of an action.
    """

    at: int
    event: str
    effect: Effect
    message_id: str
    instance_id: str | None
    state: str
    text: str
    inputs: Mapping[str, Any]


def occurrence(
    event: str, payload: Mapping[str, Any], metadata: Mapping[str, Any]
) -> Occurrence | None:
    """A notification in our words; None: it means nothing to us.

    :raises ValueError: where the payload is not of the kind that it says.

    >>> about = {'nova_object.data': {'uuid': 'a', 'state': 'deleted'}}
    >>> told = {'message_id': 'm', 'timestamp': '1970-01-01 00:01:00.5'}
    >>> found = occurrence('instance.delete.end', about, told)
    >>> found.effect.value, found.instance_id, found.at
    ('gone', 'a', 60)
    """
    effect = EFFECTS.get(event)
    if effect is None:
        return None
    try:
        data = _data(payload)
        inputs = data.get('input_parameters') or {}
        whose = {
            Effect.ACTION: inputs.get('resource_id'),
            Effect.PLAN: None,
        }.get(effect, data.get('uuid'))
        if whose is None and event in _NOVA:
            raise KeyError('uuid')
        return Occurrence(
            at=_seconds(metadata['timestamp']),
            event=event,
            effect=effect,
            message_id=str(metadata['message_id']),
            instance_id=None if whose is None else str(whose),
            state=str(data.get('state') or ''),
            text=_told(event, data),
            inputs=dict(inputs),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{event}: the payload cannot be read ({error!r}); versioned '
            'notifications are needed'
        ) from error


def _data(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ('nova_object.data', 'watcher_object.data'):
        if key in payload:
            found = payload[key]
            if not isinstance(found, Mapping):
                raise TypeError(f'{key} is {found!r}')
            return found
    raise KeyError('nova_object.data')


def _told(event: str, data: Mapping[str, Any]) -> str:
    if event in _WATCHER:
        kind = data.get('action_type') or 'action plan'
        return f'{kind} {data.get("uuid")}: {data.get("status_message") or ""}'
    return f'on {data.get("host")}, task {data.get("task_state")}'


def _seconds(text: str) -> int:
    """Unix seconds of a time as oslo.messaging writes it, in UTC."""
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return int(found.timestamp())
