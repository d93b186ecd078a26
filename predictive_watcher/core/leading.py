"""What a surge of one instance says about another that follows it.

Of a pair of which one is ahead, each surge of the leader that is still to
reach the follower is compared with what the follower then did: by which share
of the leader's rise it rose itself.  The newest shares are kept, and their
quantiles times the rise that is under way are quantiles of what is to come: a
forecast is raised to them where it is below.

That is proven before it is done.  At each surge both are kept, the forecast
as it is and raised, and compared when their time has come.  Only while the
raised ones lose less, by a margin and surely, are they told; a pair of which
that is no longer so is silent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import accuracy
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import moving
from predictive_watcher.core import pairs as pairs_module
from predictive_watcher.core import ranking


AHEAD = 3  # steps that a forecast reaches
LEADERS = 2  # of a follower
_TARGETS = len(forecast_module.TARGETS)
_SCORED = [forecast_module.LEVELS.index(level) for level in accuracy.SCORED]
_SURGE = 3.0  # usual moves: a rise that counts
_LEAST = 0.03  # of the limit: of a rise that counts
_SHARES = 32  # that are kept, by target
_KNOWN = 8  # of them, from which on they tell quantiles
_WIDEST = 100.0  # a share
_WAITING = 4  # forecasts of a pair that wait
_GIVEN_UP_S = 7200  # either way: telemetry may have gone back
# Of sums, for each forecast that is settled: of the long and the recent ones.
_KEEP, _KEEP_RECENT = 0.5 ** (1 / 40), 0.5 ** (1 / 8)
_RECENT = 0.98  # ratio of the recent losses, from which on nothing is told
# Forecasts of one surge err together: up to three of them.
_OVERLAP = 3.0
_ENTER = (12, 0.95, 2.0)  # settled, ratio of losses, deviations
_STAY = (0, 0.99, 0.5)
_SLACK = 1.1  # recorded cpu passes its limit, see `forecast`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rises:
    """Of each pair, what of the leader's rise is still to come.

    ``rise`` (pairs, targets) in the units of usage, NaN where there is no
    surge, or where anything is unknown; ``last`` (pairs,) the follower's use.
    """

    rise: np.ndarray
    last: np.ndarray


class Leads:
    """Pairs of which one is ahead; all arrays have the pairs first.

    ``leader`` and ``follower`` are rows of instances, ``lag`` steps;
    ``shares`` (pairs, targets, _SHARES) of the leader's rise by which the
    follower rose, NaN where there are not as many yet, and ``count`` (pairs,
    targets) how many there were; ``origin`` (pairs, _WAITING) Unix seconds,
    -1 for none, of forecasts that wait, and ``alone`` and ``raised`` (pairs,
    _WAITING, targets, `accuracy.SCORED`) what they say.  ``losses`` (pairs,
    2), of both, and ``square`` (pairs,), of their differences, are fading
    sums, and so are ``settled`` and, faster, ``recent`` (pairs, 2), losses;
    ``proven`` pairs raise forecasts.
    """

    def __init__(
        self, leader: np.ndarray, follower: np.ndarray, lag: np.ndarray
    ) -> None:
        """Begin with nothing seen of these pairs."""
        count = len(leader)
        waits = (count, _WAITING, _TARGETS, len(_SCORED))
        self.leader = np.asarray(leader, np.int64)
        self.follower = np.asarray(follower, np.int64)
        self.lag = np.asarray(lag, np.int8)
        self.shares = np.full((count, _TARGETS, _SHARES), np.nan, np.float16)
        self.count = np.zeros((count, _TARGETS), np.int32)
        self.origin = np.full((count, _WAITING), -1, np.int64)
        self.alone = np.full(waits, np.nan, np.float32)
        self.raised = np.full(waits, np.nan, np.float32)
        self.losses = np.zeros((count, 2))
        self.recent = np.zeros((count, 2))
        self.square = np.zeros(count)
        self.settled = np.zeros(count)
        self.proven = np.zeros(count, bool)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered."""
        return {f'lead_{name}': array for name, array in vars(self).items()}

    @classmethod
    def of(cls, parts: Mapping[str, np.ndarray]) -> 'Leads':
        """Those that `parts` returned."""
        found = nobody()
        for name in vars(found):
            setattr(found, name, parts[f'lead_{name}'].copy())
        return found

    def moved(self, place: np.ndarray) -> 'Leads':
        """The same where instances have other rows; -1: it is gone."""
        here = (place[self.leader] >= 0) & (place[self.follower] >= 0)
        found = Leads.of({n: a[here] for n, a in self.parts().items()})
        found.leader = place[found.leader]
        found.follower = place[found.follower]
        return found

    def ratio(self) -> np.ndarray:
        """The loss of raised forecasts, as a share; NaN: none was settled."""
        alone, raised = self.losses.T
        return np.asarray(raised / np.where(alone > 0, alone, np.nan))

    def deviations(self) -> np.ndarray:
        """How sure it is that raising helps; NaN: none was settled."""
        square = np.where(self.square > 0, self.square, np.nan)
        gain = self.losses[:, 0] - self.losses[:, 1]
        return np.asarray(gain / np.sqrt(_OVERLAP * square))

    def compare(
        self, used: np.ndarray, limits: np.ndarray, scale: np.ndarray
    ) -> None:
        """Learn by which share of a rise followers rose, from the newest
        steps: those up to the origin, and AHEAD more.

        :param used: (instances, LAGS + 1 + AHEAD) in the units of usage.
        """
        now = moving.LAGS
        rises = self.rises(used[:, : now + 1], limits, scale)
        came = used[self.follower, now + 1 :]
        came = np.concatenate([came, came.max(axis=1, keepdims=True)], axis=1)
        share = (came - rises.last[:, None]) / rises.rise
        share = np.clip(share, -_WIDEST, _WIDEST)
        pair, target = np.nonzero(np.isfinite(share))
        at = self.count[pair, target] % _SHARES
        self.shares[pair, target, at] = share[pair, target]
        self.count[pair, target] += 1

    def rises(
        self, used: np.ndarray, limits: np.ndarray, scale: np.ndarray
    ) -> Rises:
        """What of rises is still to reach the followers.

        :param used: (instances, LAGS + 1), until the step looked ahead from.
        :param scale: the usual size of moves, (instances,).
        """
        steps = np.arange(1, AHEAD + 1)
        lag = self.lag.astype(np.int64)[:, None]
        first = used[self.leader, moving.LAGS - lag[:, 0]]
        reached = moving.LAGS + np.minimum(steps, lag) - lag
        rise = used[self.leader[:, None], reached] - first[:, None]
        rise = np.concatenate([rise, rise.max(axis=1, keepdims=True)], axis=1)
        limit = limits[self.leader]
        least = np.fmax(_SURGE * scale[self.leader], _LEAST * limit)
        last = used[self.follower, -1]
        counts = (rise >= least[:, None]) & (rise > 0)
        counts &= np.isfinite(last)[:, None]
        return Rises(rise=np.where(counts, rise, np.nan), last=last)

    def told(self, rises: Rises, limits: np.ndarray) -> np.ndarray:
        """What surges say, (pairs, targets, levels); NaN: nothing."""
        shape = (*rises.rise.shape, len(forecast_module.LEVELS))
        said = np.full(shape, np.nan)
        speaks = np.isfinite(rises.rise) & (self.count >= _KNOWN)
        pair, target = np.nonzero(speaks)
        shares = self.shares[pair, target]
        known = np.minimum(self.count[pair, target], _SHARES)
        quantile = ranking.quantiles(shares, known, forecast_module.LEVELS)
        more = quantile * rises.rise[pair, target][:, None]
        said[pair, target] = rises.last[pair, None] + more
        limit = _SLACK * limits[self.follower]
        most = np.fmax(np.where(np.isnan(limit), np.inf, limit), rises.last)
        return np.asarray(np.minimum(said, most[:, None, None]))

    def issue(self, quantiles: np.ndarray, said: np.ndarray, now: int) -> None:
        """Let forecasts wait, as they are and raised.

        :param quantiles: of the followers' instances, (instances, targets,
            levels); ``said``: of `told`; ``now``: Unix seconds of the origin.
        """
        alone = quantiles[self.follower]
        there = np.isfinite(said) & np.isfinite(alone)
        # an audit that is run again at the same step tells nothing new
        again = (self.origin == now).any(axis=1)
        pair = np.flatnonzero(there.any(axis=(1, 2)) & ~again)
        free = self.origin[pair] < 0
        pair, free = pair[free.any(axis=1)], free[free.any(axis=1)]
        slot = np.argmax(free, axis=1)
        raised = np.fmax(alone, said)
        self.origin[pair, slot] = now
        for name, all_ in (('alone', alone), ('raised', raised)):
            kept = np.where(there, all_, np.nan)[pair][:, :, _SCORED]
            getattr(self, name)[pair, slot] = kept

    def settle(
        self, used: np.ndarray, start: int, step_s: int, scale: np.ndarray
    ) -> None:
        """Compare the forecasts that wait with what came of them.

        :param used: (instances, steps) of a window that begins at ``start``.
        """
        end = start + (used.shape[1] - 1) * step_s
        for slot in range(_WAITING):
            due = self.origin[:, slot] >= 0
            due &= self.origin[:, slot] + AHEAD * step_s <= end
            pair = np.flatnonzero(due)
            at = (self.origin[pair, slot] - start) // step_s
            inside = at >= 0
            if inside.any():
                some = pair[inside]
                self._settle(some, slot, at[inside], used, scale)
            late = np.abs(end - self.origin[:, slot]) > _GIVEN_UP_S
            self.origin[due | late, slot] = -1
        enter, stay = (self._better(*least) for least in (_ENTER, _STAY))
        self.proven = np.where(self.proven, stay, enter)

    def _settle(
        self, pair: np.ndarray, slot: int, at: np.ndarray, used: np.ndarray,
        scale: np.ndarray,
    ) -> None:  # fmt: skip
        who = self.follower[pair]
        came = np.stack([used[who, at + k + 1] for k in range(AHEAD)], axis=1)
        came = np.concatenate([came, came.max(axis=1, keepdims=True)], axis=1)
        levels = np.array(accuracy.SCORED)
        unit = np.where(scale[who] > 0, scale[who], np.nan)[:, None, None]
        found = []
        for said in (self.alone[pair, slot], self.raised[pair, slot]):
            miss = (came[..., None] - said) / unit
            loss = np.maximum(levels * miss, (levels - 1) * miss)
            found.append(np.nansum(loss, axis=(1, 2)))
        known = np.isfinite(came[..., None] - self.alone[pair, slot])
        known = known.any(axis=(1, 2)) & np.isfinite(unit[:, 0, 0])
        pair = pair[known]
        losses = np.stack(found, axis=1)[known]
        gain = losses[:, 0] - losses[:, 1]
        self.losses[pair] = self.losses[pair] * _KEEP + losses
        self.recent[pair] = self.recent[pair] * _KEEP_RECENT + losses
        self.square[pair] = self.square[pair] * _KEEP + gain * gain
        self.settled[pair] = self.settled[pair] * _KEEP + 1

    def _better(
        self, settled: int, ratio: float, deviations: float
    ) -> np.ndarray:
        alone, raised = self.recent.T
        return np.asarray(
            (self.settled >= settled)
            & (raised <= _RECENT * alone)
            & (np.nan_to_num(self.ratio(), nan=np.inf) <= ratio)
            & (np.nan_to_num(self.deviations(), nan=-1.0) >= deviations)
        )

    def speakers(self, said: np.ndarray) -> np.ndarray:
        """Which pairs raise a forecast now: of each follower the proven one
        that helps most, indices.
        """
        speaks = self.proven & np.isfinite(said).any(axis=(1, 2))
        pair = np.flatnonzero(speaks)
        order = pair[np.lexsort((pair, self.ratio()[pair]))]
        _, first = np.unique(self.follower[order], return_index=True)
        return np.asarray(order[first])


def nobody() -> Leads:
    """Nobody leads."""
    none = np.empty(0, np.int64)
    return Leads(none, none, none)


def among(pairs: pairs_module.Pairs, before: Leads) -> Leads:
    """The leads of active pairs, at most LEADERS of a follower: those that
    were there, then the surest.
    """
    lag = pairs_module.LAGS[pairs.lag]
    ahead = np.flatnonzero(pairs.active & (lag != 0))
    first, second, lag = pairs.first[ahead], pairs.second[ahead], lag[ahead]
    leader = np.where(lag > 0, first, second)
    follower = np.where(lag > 0, second, first)
    sure = pairs.at_lag(pairs.deviations())[ahead]
    ends = zip(before.leader.tolist(), before.follower.tolist(), strict=True)
    place = {pair: k for k, pair in enumerate(ends)}
    ends = zip(leader.tolist(), follower.tolist(), strict=True)
    known = np.array([place.get(pair, -1) for pair in ends], np.int64)
    order = np.lexsort((leader, -sure, known < 0, follower))
    rank = np.arange(len(order)) - np.searchsorted(
        follower[order], follower[order]
    )
    chosen = order[rank < LEADERS]
    found = Leads(leader[chosen], follower[chosen], np.abs(lag[chosen]))
    old = known[chosen]
    same = old >= 0
    # of another lag, what was learned says nothing
    same[same] = before.lag[old[same]] == found.lag[same]
    for name, array in vars(found).items():
        array[same] = vars(before)[name][old[same]]
    return found
