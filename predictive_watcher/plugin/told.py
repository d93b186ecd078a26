"""How the usage of an audit was read, for people: log and notification."""

from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from oslo_log import log

from predictive_watcher.core import recent
from predictive_watcher.core import usage
from predictive_watcher.telemetry import only_new


LOG = log.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What a reading was like.

    ``age_s`` is how old the newest sample is that most instances have, and
    ``oldest_s`` that of whoever is furthest behind, NaN without any sample;
    ``silent`` have none at all.  ``problems`` are texts, by how many
    instances each is about.
    """

    source: str
    instances: int
    resumed: int
    requests: int
    seconds: float
    age_s: float
    oldest_s: float
    silent: int
    late: recent.Late
    skew_s: float
    problems: dict[str, int]
    notes: tuple[str, ...]

    def payload(self) -> dict[str, Any]:
        """For a notification; None is unknown."""
        return {
            'source': self.source,
            'instances': self.instances,
            'resumed': self.resumed,
            'requests': self.requests,
            'seconds': round(self.seconds, 3),
            'age_s': _known(self.age_s),
            'oldest_s': _known(self.oldest_s),
            'silent': self.silent,
            'late': self.late.count,
            'late_most_s': self.late.most_s,
            'late_ignored': self.late.ignored,
            'skew_s': _known(self.skew_s),
            'problems': dict(self.problems),
            'notes': list(self.notes),
        }

    def log(self, audit: str) -> None:
        """One line."""
        late = self.late
        LOG.info(
            'audit %s: usage of %d instances (%d from where the last audit '
            'ended) from %s in %d requests and %.1f s; the newest sample of '
            'most is %s old, of the last one %s, %d have none; %d samples '
            'came late, up to %d s after they were asked for, %d of them too '
            'late for the model',
            audit, self.instances, self.resumed, self.source, self.requests,
            self.seconds, _span(self.age_s), _span(self.oldest_s),
            self.silent, late.count, late.most_s, late.ignored,
        )  # fmt: skip


def of(
    source: only_new.OnlyNew,
    window: usage.UsageWindow,
    remembered: int | None,
    now: int,
) -> Telemetry:
    """What the last reading of a source was like.

    :param remembered: Unix seconds up to which the audit before remembered.
    :param now: Unix seconds.
    """
    newest = window.newest()
    ages = now - newest[newest >= 0]
    health = source.health
    problems: dict[str, int] = {}
    for one in health.problems:
        text = f'{one.resource}: {one.text}'
        problems[text] = problems.get(text, 0) + len(one.instances)
    return Telemetry(
        source=source.name,
        instances=len(window.instances),
        resumed=source.resumed,
        requests=health.requests,
        seconds=health.seconds,
        age_s=float(np.median(ages)) if len(ages) else math.nan,
        oldest_s=float(ages.max()) if len(ages) else math.nan,
        silent=int((newest < 0).sum()),
        late=source.late(remembered),
        skew_s=health.skew_s,
        problems=problems,
        notes=health.notes,
    )


def _known(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None


def _span(seconds: float) -> str:
    return f'{seconds:.0f} s' if math.isfinite(seconds) else 'unknown'
