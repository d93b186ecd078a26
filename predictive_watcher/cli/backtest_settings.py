"""``--set NAME=VALUE`` of ``predictive-watcher backtest``."""

import dataclasses
import math
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.core.policy import Policy
from predictive_watcher.policies import schema
from predictive_watcher.policies import settings


# Text and mappings are for policy files; None is a number that has no limit.
_DEFAULTS: dict[str, bool | int | float | None] = {
    field.name: field.default
    for field in dataclasses.fields(Policy)
    if field.default is None or isinstance(field.default, bool | int | float)
}
NAMES = tuple(_DEFAULTS)
_MOST = 1e9


def read(text: str) -> tuple[str, Any]:
    """The name and the value of one setting.

    :raises InvalidInput: where there is no such name, or it cannot have such
        a value.
    """
    name, _, value = text.partition('=')
    if name not in _DEFAULTS:
        raise exceptions.InvalidInput(
            f'--set {text}: {name!r} is no rule of an audit that can be set '
            f'here; known are {", ".join(NAMES)}'
        )
    default = _DEFAULTS[name]
    if isinstance(default, bool):
        if value not in ('true', 'false'):
            raise exceptions.InvalidInput(
                f'--set {text}: {value!r} is neither true nor false'
            )
        return name, value == 'true'
    kind = float if isinstance(default, float) else int
    try:
        number = kind(value)
    except ValueError:
        needed = 'a whole number' if kind is int else 'a number'
        raise exceptions.InvalidInput(
            f'--set {text}: {value!r} is not {needed}'
        ) from None
    _check(text, name, number)
    return name, number


def _check(text: str, name: str, number: float) -> None:
    """As in a policy file, where it can be set there."""
    form = schema.SETTINGS.get(settings.key_of(name), {})
    above = form.get('exclusiveMinimum', -math.inf)
    least, most = form.get('minimum', 0), form.get('maximum', _MOST)
    if not (least <= number <= most and number > above):
        words = f'more than {above:g}' if above >= least else f'{least:g}'
        raise exceptions.InvalidInput(
            f'--set {text}: {number:g} is out of range; choose {words} to '
            f'{most:g}'
        )
