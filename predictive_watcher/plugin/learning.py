"""What an audit learns from what came: settled forecasts, and drift.

Prevention does not wait for its book-keeping: a full disk costs the record
of how well we forecast, not the plan.
"""

from dataclasses import dataclass
import pathlib
from typing import Any

import numpy as np
from oslo_config import cfg
from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.core import assessment
from predictive_watcher.core import drift
from predictive_watcher.core import expecting
from predictive_watcher.core import explaining
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import outcomes
from predictive_watcher.core import pipeline
from predictive_watcher.core import remembering
from predictive_watcher.core import standing_in
from predictive_watcher.core import usage
from predictive_watcher.state import cache
from predictive_watcher.state import feedback_book
from predictive_watcher.state import ledger as ledger_module


LOG = log.getLogger(__name__)
_SETTLED_S = 900
_FACTOR_S = 30 * 86400  # actions so old tell nothing of today
_WATCH = 'drift-1'  # what a watch of another make is not mistaken for


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """One run of an audit, as far as something is learned from it."""

    audit: str
    proposal: pipeline.Proposal
    window: usage.UsageWindow
    forecaster: standing_in.Watched
    now: int
    benefit_factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step of drift that was taken, forth or back."""

    instance: str
    resource: str
    step: str
    before: str
    missed: float
    ratio: float
    text: str

    def payload(self, audit: str, at: int) -> dict[str, Any]:
        """For a notification; None is unknown."""
        known = np.isfinite(self.ratio)
        return {
            'audit': audit,
            'at': at,
            'instance': self.instance,
            'resource': self.resource,
            'step': self.step,
            'before': self.before,
            'missed': round(self.missed, 4),
            'ratio': round(self.ratio, 4) if known else None,
            'text': self.text,
        }


class _Watched(standing_in.Watched):
    def forecast(
        self, window: usage.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """With drift watched anew, where it cannot be gone on with."""
        try:
            return super().forecast(window, limits)
        except exceptions.PredictiveWatcherError:
            raise
        except Exception as error:
            if not self.watch.instances:
                raise
            LOG.error('drift is watched anew; please report this',
                      exc_info=error)  # fmt: skip
        self.watch = drift.nothing(())
        return super().forecast(window, limits)


def watched(
    conf: cfg.ConfigOpts,
    audit: str,
    inner: standing_in.Hastening,
    ledger: ledger_module.Ledger,
) -> standing_in.Watched:
    """The forecaster, with what is known of how good it was."""
    directory = _directory(conf)
    if directory is None:
        return _Watched(inner)
    try:
        memory = cache.read(directory, _name(audit), _WATCH)
    except exceptions.StateError as error:
        LOG.warning('audit %s: drift is watched anew: %s', audit, error)
        memory = None
    if memory is None:
        return _Watched(inner)
    if not remembering.fits(memory, drift.nothing(()).parts()):
        LOG.warning('audit %s: drift is watched anew: what was kept of it is '
                    'of another make', audit)  # fmt: skip
        return _Watched(inner)
    known = drift.Watch(instances=memory.instances, **memory.parts)
    return _Watched(
        inner, known, _renewed(conf, ledger, memory.time)
    )


def _renewed(
    conf: cfg.ConfigOpts, ledger: ledger_module.Ledger, since: int
) -> frozenset[str]:
    """Who was told to have another flavor or image since the last audit.

    Without a listener nobody is, and other limits show it a little later.
    """
    if wiring.options(conf).clock != 'system':
        return frozenset()  # a replayed load has other times than events
    try:
        return ledger.renewed(since)
    except exceptions.StateError as error:
        LOG.warning('what was told is not known: %s', error)
        return frozenset()


def learn(
    conf: cfg.ConfigOpts, ledger: ledger_module.Ledger, found: Learning
) -> None:
    """Settle the forecasts whose time has come, keep the new ones, and what
    is known of drift.
    """
    try:
        _keep_watch(conf, found)
        _keep_forecasts(conf, ledger, found)
        _keep_drifts(ledger, found)
        _keep_outcomes(ledger, found)
    except exceptions.StateError as error:
        LOG.warning('forecasts were not settled and kept: %s', error)
    except Exception:
        # an error of our own in the books must not empty each plan
        LOG.exception('forecasts were not settled and kept')


def _keep_forecasts(
    conf: cfg.ConfigOpts, ledger: ledger_module.Ledger, found: Learning
) -> None:
    own, seen = wiring.options(conf), found.proposal.seen
    whole = (seen.horizon_s == _SETTLED_S)[:, None]
    settled = ledger.settle(found.window, found.now, seen.limits)
    ledger.record_forecast(
        seen.forecast,
        # what is settled is the maximum over 900 s
        np.where(whole, seen.risk.risk, np.nan),
        seen.limits,
        step_s=found.window.step_s,
        ceiling=seen.ceiling,
        rivals=found.forecaster.rivals,
        segments=_segments(seen),
        own_risk=np.where(whole, np.nan, seen.risk.risk),
    )
    ledger.record_strains(found.proposal.strains)
    ledger.record_growths(found.proposal.growths)
    told = (explaining.full(one) for one in found.proposal.verdicts)
    ledger.record_verdicts(found.audit, told, found.now)
    ledger.purge(found.now - 3600 * own.settled_retention_hours)
    ledger.purge_sums(found.now - 86400 * own.accuracy_retention_days)
    if settled.n:
        LOG.info('settled forecasts: %s', settled)


def _segments(seen: assessment.Assessment) -> list[str]:
    """In which regime of behaviour each instance is; empty: unknown."""
    if seen.known is None:
        return []
    return [
        str(now) if now >= 0 else ''
        for now in seen.known.behaviour.segments.now.tolist()
    ]


def benefit_factor(ledger: ledger_module.Ledger, now: int) -> float:
    """What came of earlier actions as a share of what was expected."""
    try:
        return ledger.benefit_factor(now - _FACTOR_S)
    except exceptions.StateError as error:
        LOG.warning('what actions brought is not known: %s', error)
        return 1.0


def _keep_outcomes(ledger: ledger_module.Ledger, found: Learning) -> None:
    """Settle what actions were to bring, and write down what is decided."""
    waiting = ledger.expected(found.window.end)
    came = outcomes.settle(waiting, found.window)
    count = ledger.keep_outcomes(waiting, came, found.now)
    if count:
        LOG.info('settled what %d actions were to bring', count)
    ledger.expect(
        expecting.of_plan(
            found.proposal.verdicts,
            found.proposal.seen,
            audit=found.audit,
            now=found.now,
            benefit_factor=found.benefit_factor,
        )
    )


def _keep_watch(conf: cfg.ConfigOpts, found: Learning) -> None:
    directory, watch = _directory(conf), found.forecaster.watch
    if directory is None:
        return
    memory = remembering.Memory(
        model=_WATCH,
        instances=watch.instances,
        time=found.window.end,
        step_s=found.window.step_s,
        parts=watch.parts(),
    )
    try:
        cache.write(directory, _name(found.audit), memory)
    except exceptions.StateError as error:
        LOG.warning('audit %s: drift is not kept: %s', found.audit, error)


def _keep_drifts(ledger: ledger_module.Ledger, found: Learning) -> None:
    watch = found.forecaster.watch
    here = set(watch.instances)
    over = [
        (one.instance_id, one.resource)
        for one in ledger.drifts()
        if one.audit == found.audit and one.instance_id not in here
    ]
    going_on = []
    for change in changes(found):
        if change.step == drift.Step.NONE.name.lower():
            over.append((change.instance, change.resource))
            continue
        going_on.append(
            feedback_book.Drift(
                instance_id=change.instance,
                resource=change.resource,
                audit=found.audit,
                step=change.step,
                since=found.now,
                missed=change.missed,
                ratio=change.ratio if np.isfinite(change.ratio) else None,
                text=change.text,
            )
        )
    ledger.keep_drifts(going_on, over)


def changes(found: Learning) -> tuple[Change, ...]:
    """The steps of drift that this run took."""
    watch, before = found.forecaster.watch, found.forecaster.before
    ratio = watch.ratio()
    return tuple(
        Change(
            instance=watch.instances[row],
            resource=fleet.RESOURCES[r].value,
            step=_word(watch.step[row, r]),
            before=_word(before[row, r]),
            missed=float(watch.missed[row, r]),
            ratio=float(ratio[row, r]),
            text=standing_in.described(watch, int(row), int(r)),
        )
        for row, r in zip(*np.nonzero(watch.step != before), strict=True)
    )


def _word(step: int) -> str:
    return drift.Step(int(step)).name.lower()


def _name(audit: str) -> str:
    return f'{audit}-drift'


def _directory(conf: cfg.ConfigOpts) -> pathlib.Path | None:
    given = wiring.options(conf).state_directory
    return pathlib.Path(given) if given else None
