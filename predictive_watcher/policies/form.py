"""The schema's complaints in words: which value, and what to do."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import difflib
import json
from typing import Any

import jsonschema

from predictive_watcher.policies import schema
from predictive_watcher.policies.problem import Path
from predictive_watcher.policies.problem import Problem


_TYPES = {
    'string': 'text',
    'array': 'a list',
    'object': 'a mapping',
    'number': 'a number',
    'integer': 'a whole number',
    'boolean': 'true or false',
}
_LONGEST = 60  # of a value that is shown


def problems(data: Any, lines: Mapping[Path, int]) -> list[Problem]:
    """All that the schema finds, each with its line."""
    validator = jsonschema.Draft7Validator(schema.FILE)
    found: list[Problem] = []
    for error in validator.iter_errors(data):
        path = tuple(error.absolute_path)
        for at, text in _told(error, path):
            found.append(Problem(line=line_of(at, lines), path=at, text=text))
    return found


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """The line of a value, or of what holds it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _told(
    error: jsonschema.ValidationError, path: Path
) -> Iterator[tuple[Path, str]]:
    wanted, value = error.validator_value, error.instance
    match error.validator:
        case 'additionalProperties':
            known = error.schema['properties']
            for key in [k for k in value if k not in known]:
                yield (*path, key), _unknown(str(key), known)
        case 'required':
            for key in [k for k in wanted if k not in value]:
                yield path, f'{key} is missing; add it'
        case 'type':
            yield path, _wrong_type(value, wanted)
        case _:
            yield path, _out_of_range(str(error.validator), value, wanted)


def _out_of_range(validator: str, value: Any, wanted: Any) -> str:
    match validator:
        case 'enum':
            among = ', '.join(map(show, wanted))
            return f'{show(value)} is not among {among}; choose one of them'
        case 'minimum':
            return (
                f'{show(value)} is less than {wanted}; choose {wanted} or more'
            )
        case 'maximum':
            return (
                f'{show(value)} is more than {wanted}; choose {wanted} or less'
            )
        case 'exclusiveMinimum':
            return f'{show(value)} is not more than {wanted}; choose more'
        case 'uniqueItems':
            return f'{show(value)} names something twice; name it once'
        case 'maxLength':
            return f'it has more than {wanted} characters; shorten it'
        case _:  # minItems, minLength, minProperties
            return f'{show(value)} is empty; fill it, or leave the key out'


def _unknown(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    if near:
        return f'{key!r} is not known; did you mean {near[0]!r}?'
    return f'{key!r} is not known; known are {", ".join(names)}'


def _wrong_type(value: Any, wanted: str | list[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    words = ' or '.join(_TYPES[name] for name in names)
    hint = f'write {words}'
    if 'string' in names and isinstance(value, bool | int | float):
        hint = 'put it in quotes if it is text'
    if value is None:
        return f'there is nothing, where {words} is needed; {hint}'
    return f'{show(value)} is not {words}; {hint}'


def show(value: Any) -> str:
    """A value as the file has it, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'
