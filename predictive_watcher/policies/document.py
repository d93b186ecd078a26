"""YAML → plain data, with the line of each value, and nothing else.

A policy file has one document of mappings, lists, text, numbers and truth
values.  Anchors, aliases and tags are refused: they can make a file mean
something else than it shows, or grow without end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

import yaml

from predictive_watcher.policies.problem import Path
from predictive_watcher.policies.problem import Problem


_PREFIX = 'tag:yaml.org,2002:'
_KNOWN = frozenset(
    _PREFIX + name
    for name in ('null', 'bool', 'int', 'float', 'str', 'seq', 'map')
)
_DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file holds: ``lines`` maps paths to the line where a value
    begins, ``keys`` the line of its key.  Lines count from 1.
    """

    data: Any
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...]


def read(content: bytes) -> Document:
    """The plain data of a file; what is wrong is among its problems."""
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = content.count(b'\n', 0, error.start) + 1
        return _none(
            line,
            f'byte {content[error.start]:#04x} is not UTF-8; save the file '
            'as UTF-8',
        )
    reader = _Reader()
    try:
        node = _compose(text)
        data = reader.value(node, ()) if node else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ', '.join(filter(None, (error.context, error.problem)))
        return _none(mark.line + 1 if mark else 1, f'this is no YAML: {what}')
    except yaml.reader.ReaderError as error:
        line = text.count('\n', 0, error.position) + 1
        return _none(line, f'character {error.character!r} is not allowed')
    except RecursionError:
        return _none(1, 'it is nested too deeply; rules need six levels')
    except _Refused as refused:
        return _none(refused.line, str(refused))
    if node is None:
        return _none(
            1, 'the file is empty; write "rules: []" where there are none'
        )
    return Document(
        data=data, lines=reader.lines, problems=tuple(reader.problems)
    )


def _none(line: int, text: str) -> Document:
    return Document(
        data=None, lines={}, problems=(Problem(line=line, text=text),)
    )


class _Refused(Exception):
    """YAML that a policy file may not have."""

    def __init__(self, mark: yaml.Mark, text: str) -> None:
        super().__init__(text)
        self.line = mark.line + 1


def _compose(text: str) -> yaml.Node | None:
    """The tree of nodes; refused before it is made where it is a graph."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(
            event, 'anchor', None
        ):
            raise _Refused(
                event.start_mark,
                f'{event.anchor!r}: anchors (&) and aliases (*) are not '
                'allowed; write the value out',
            )
        tag = getattr(event, 'tag', None)
        if tag is not None:
            raise _Refused(
                event.start_mark,
                f'tag {tag!r} is not allowed; write plain values',
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _Refused(
                event.start_mark,
                'it is nested too deeply; rules need six levels',
            )
    found: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return found


class _Reader:
    """Turns nodes into values, and remembers where they stand."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The value of a node."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [
                    self.value(one, (*path, i))
                    for i, one in enumerate(node.value)
                ]
            case _:
                return self._scalar(node, path)

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node)
            if key in found:
                self.problems.append(
                    Problem(
                        line=line,
                        path=path,
                        text=f'key {key!r} stands here again, first in line '
                        f'{self.lines[(*path, key)]}; remove one of them',
                    )
                )
                continue
            # a value is where its key is: it may begin on the next line
            self.lines[(*path, key)] = line
            found[key] = self.value(value_node, (*path, key))
        return found

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _Refused(node.start_mark, 'a key has to be a word')
        return str(node.value)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        if node.tag not in _KNOWN:
            return self._bad(
                node,
                path,
                f'{node.value!r} is taken for a '
                f'{node.tag.removeprefix(_PREFIX)}; put it in quotes if it '
                'is text',
            )
        try:
            value = yaml.SafeLoader('').construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            return self._bad(node, path, f'{node.value!r}: {error}')
        if isinstance(value, float) and not math.isfinite(value):
            return self._bad(
                node, path, f'{node.value} is not a finite number'
            )
        return value

    def _bad(self, node: yaml.Node, path: Path, text: str) -> None:
        line = node.start_mark.line + 1
        self.problems.append(Problem(line=line, path=path, text=text))
