"""What is known of one instance: from Nova, or from a file."""

from collections.abc import Mapping
import datetime
import json
import pathlib
from typing import Any
from typing import TYPE_CHECKING

from predictive_watcher import exceptions
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core.fleet import Fleet


if TYPE_CHECKING:  # it imports what warns of others and takes long
    from predictive_watcher.cloud import nova as nova_module

KEYS = (
    'id',
    'name',
    'project',
    'user',
    'image',
    'flavor',
    'host',
    'aggregates',
    'weight',
    'metadata',
    'created_at',
)


def ask(nova: 'nova_module.Nova', wanted: str) -> Fleet:
    """The server of this id or name, on its node, as Nova shows it.

    :raises InvalidInput: where there is none, or more than one.
    """
    fleet = nova.load_fleet()
    one = _one_of(fleet.instances, wanted, 'in this cloud')
    return Fleet(
        instances=(one,),
        nodes=tuple(node for node in fleet.nodes if node.name == one.node),
        flavors=(),
        scope=frozenset({one.id}),
    )


def read(file: pathlib.Path, wanted: str) -> Fleet:
    """The instance of this id or name in a JSON file.

    :raises InvalidInput: naming what is wrong.
    """
    try:
        data = json.loads(file.read_text(encoding='utf-8'))
    except OSError as error:
        raise exceptions.InvalidInput(
            f'--facts {file}: {error.strerror}; name a file that is there'
        ) from error
    except ValueError as error:
        raise exceptions.InvalidInput(
            f'--facts {file}: this is no JSON: {error}'
        ) from error
    found = [
        _instance(one, file)
        for one in (data if isinstance(data, list) else [data])
    ]
    one = _one_of([i for i, _ in found], wanted, f'in {file}')
    aggregates = next(names for i, names in found if i is one)
    node = fleet_module.Node(
        name=one.node,
        vcpus=1,
        memory_mib=1,
        disk_gib=1,
        aggregates=aggregates,
    )
    return Fleet(
        instances=(one,),
        nodes=(node,),
        flavors=(),
        scope=frozenset({one.id}),
    )


def _one_of(instances: Any, wanted: str, where: str) -> fleet_module.Instance:
    found = [i for i in instances if i.id == wanted]
    found = found or [i for i in instances if i.name == wanted]
    if len(found) == 1:
        one: fleet_module.Instance = found[0]
        return one
    if found:
        ids = ', '.join(i.id for i in found)
        raise exceptions.InvalidInput(
            f'{wanted!r} is the name of {len(found)} instances {where}; '
            f'give one of the ids {ids}'
        )
    raise exceptions.InvalidInput(
        f'{wanted!r} is neither id nor name of an instance {where}'
    )


def _instance(
    data: Any, file: pathlib.Path
) -> tuple[fleet_module.Instance, frozenset[str]]:
    if not isinstance(data, Mapping):
        raise exceptions.InvalidInput(
            f'--facts {file}: {data!r} is not an object'
        )
    unknown = sorted(set(data) - set(KEYS))
    if unknown or not isinstance(data.get('id'), str):
        raise exceptions.InvalidInput(
            f'--facts {file}: {", ".join(unknown) or "id"} is '
            f'{"not known" if unknown else "missing or not text"}; give id, '
            f'and any of {", ".join(KEYS[1:])}'
        )
    try:
        return _made(data)
    except (TypeError, ValueError, OverflowError) as error:
        raise exceptions.InvalidInput(
            f'--facts {file}: {data["id"]}: {error}'
        ) from error


def _made(
    data: Mapping[str, Any],
) -> tuple[fleet_module.Instance, frozenset[str]]:
    weight = _number('weight', data.get('weight', fleet_module.DEFAULT_WEIGHT))
    flavor = fleet_module.Flavor(
        id='',
        name=str(data.get('flavor', '')),
        vcpus=1,
        memory_mib=1,
        disk_gib=1,
        extra_specs={fleet_module.WEIGHT_SPEC: f'{weight!r}'},
    )
    metadata = {
        str(k): str(v) for k, v in dict(data.get('metadata', {})).items()
    }
    aggregates = data.get('aggregates', [])
    if isinstance(aggregates, str):
        aggregates = [aggregates]
    made = fleet_module.Instance(
        id=data['id'],
        name=str(data.get('name', data['id'])),
        project_id=str(data.get('project', '')),
        user_id=str(data.get('user', '')),
        image=str(data.get('image', '')),
        flavor=flavor,
        node=str(data.get('host', '')),
        metadata=metadata,
        created_at=_moment(data.get('created_at', 0)),
    )
    return made, frozenset(map(str, aggregates))


def _number(name: str, given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise ValueError(f'{name} {given!r} is not a number') from None


def _moment(given: Any) -> int:
    """Unix seconds of a time as Nova shows it, or of such seconds."""
    try:
        return int(given)
    except (TypeError, ValueError):
        pass
    try:
        found = datetime.datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise ValueError(
            f'created_at {given!r} is no time; write it as '
            '2026-11-01T00:00:00Z or in Unix seconds'
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return int(found.timestamp())
