"""``python -m benchmarks.nab``: anomalies in series that others labelled.

What a figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import csv
from dataclasses import dataclass
import datetime
import json
import pathlib
import sys
from typing import Any

import numpy as np

from benchmarks import nab_scorer as scorer
from benchmarks import output
from predictive_watcher import exceptions
from predictive_watcher.core import detector


WINDOWS = 'combined_windows.json'
Scores = list[np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One file: ``time`` in Unix seconds, as if its zone were UTC."""

    name: str
    time: np.ndarray
    value: np.ndarray
    windows: tuple[tuple[int, int], ...]

    @property
    def folder(self) -> str:
        """The first part of the name."""
        return self.name.partition('/')[0]


def _seconds(text: str) -> int:
    moment = datetime.datetime.fromisoformat(text)
    return int(moment.replace(tzinfo=datetime.UTC).timestamp())


def load(folder: pathlib.Path) -> list[Series]:
    """All series that are there and have labels.

    :raises InvalidInput: where that is none, or one cannot be read.
    """
    labels, data = folder / WINDOWS, folder
    if not labels.exists():  # as in NAB's own repository
        labels, data = folder / 'labels' / WINDOWS, folder / 'data'
    try:
        windows = json.loads(labels.read_text())
        found = [
            _series(name, data / name, spans)
            for name, spans in sorted(windows.items())
            if (data / name).exists()
        ]
    except (OSError, ValueError, KeyError) as error:
        raise exceptions.InvalidInput(
            f'--nab {folder}: {error}; folders of series and {WINDOWS}, '
            "or a copy of NAB's repository, are needed"
        ) from error
    if not any(one.windows for one in found):
        raise exceptions.InvalidInput(
            f'--nab {folder}: no series with a window of {WINDOWS} is there'
        )
    return found


def _series(name: str, path: pathlib.Path, spans: list[list[str]]) -> Series:
    with path.open(newline='') as file:
        rows = list(csv.DictReader(file))
    time = np.array([_seconds(row['timestamp']) for row in rows])
    value = np.array([float(row['value']) for row in rows], np.float32)
    windows = []
    for first, last in spans:
        begin = int(np.searchsorted(time, _seconds(first)))
        end = int(np.searchsorted(time, _seconds(last), side='right')) - 1
        windows.append((begin, end))
    return Series(name=name, time=time, value=value, windows=tuple(windows))


def detect(series: Sequence[Series]) -> Scores:
    """What the product's detector tells of each row, -ln p."""
    length = max(len(one.value) for one in series)
    value = np.full((length, len(series), 1), np.nan, np.float32)
    time = np.zeros((length, len(series)), np.int64)
    for k, one in enumerate(series):
        value[: len(one.value), k, 0] = one.value
        time[: len(one.time), k] = one.time
    watch = detector.Detector(len(series), 1)
    told = np.array(
        [watch.advance(*now) for now in zip(value, time, strict=True)]
    )
    return [told[: len(one.value), k] for k, one in enumerate(series)]


def _rows(series: Sequence[Series], scores: Scores) -> scorer.Labelled:
    return scorer.together(
        [
            scorer.label(score, one.windows)
            for one, score in zip(series, scores, strict=True)
        ]
    )


def _left_out(
    series: Sequence[Series],
    scores: Scores,
    profile: scorer.Profile,
    part: Callable[[int], Any],
) -> dict[str, float]:
    """The score of each part with the threshold that is best for the rest;
    and of all parts together.
    """
    parts = [part(k) for k in range(len(series))]
    some: dict[str, float] = {}
    weighed = []
    for name in sorted(set(parts)):
        here = [k for k, other in enumerate(parts) if other == name]
        rest = [k for k, other in enumerate(parts) if other != name]
        if not rest or not any(series[k].windows for k in here):
            continue
        rows = [
            _rows([series[k] for k in which], [scores[k] for k in which])
            for which in (here, rest)
        ]
        if not rows[1].windows:
            continue
        found = scorer.at(
            rows[0], scorer.best(rows[1], profile).threshold, profile
        )
        some[str(name)] = round(found.score, 1)
        weighed.append((found.score, found.windows))
    if weighed:
        count = sum(n for _, n in weighed)
        mean = sum(score * n for score, n in weighed) / count
        some['all'] = round(mean, 1)
    return some


def run(folder: pathlib.Path) -> dict[str, Any]:
    """Detect, score, print, and return the same figures."""
    series = load(folder)
    scores = detect(series)
    rows = _rows(series, scores)
    found: dict[str, Any] = {'series': len(series), 'windows': rows.windows}
    print(f'{len(series)} series, {rows.windows} windows\n')
    print(f'{"profile":20s} score  threshold  windows hit  false rows')
    for name, profile in scorer.PROFILES.items():
        best = scorer.best(rows, profile)
        folders = _left_out(
            series, scores, profile, lambda k: series[k].folder
        )
        halves = _left_out(series, scores, profile, lambda k: k % 2)
        found[name] = {
            'score': round(best.score, 2),
            'threshold': best.threshold if best.hit else None,
            'windows_hit': best.hit,
            'false_rows': best.false,
            'folder_left_out': folders,
            'half_left_out': halves,
        }
        print(
            f'{name:20s} {best.score:5.1f}  {best.threshold:9.2f}  '
            f'{best.hit:11d}  {best.false:10d}'
        )
    print('\nstandard, with the threshold that is best for the others:')
    for name in ('folder_left_out', 'half_left_out'):
        print(f'  {name}: {found["standard"][name]}')
    return {**output.facts(), **found}


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.nab',
        description='Score the detector of anomalies as NAB does, with one '
        'setting for all series.',
    )
    made.add_argument(
        '--nab', type=pathlib.Path, required=True, metavar='DIR',
        help=f'folders of series, and {WINDOWS}',
    )  # fmt: skip
    made.add_argument('--json', type=pathlib.Path, metavar='FILE')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parser().parse_args(argv)

    def work() -> dict[str, Any]:
        if arguments.json is not None:
            output.check(arguments.json)
        return run(arguments.nab)

    return output.command('benchmarks.nab', work, arguments.json)


if __name__ == '__main__':
    sys.exit(main())
