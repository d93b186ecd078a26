"""What is done for one instance: hold, resize, migrate or release."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import enum

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import jsonable
from predictive_watcher.core import ladder


class Reason(enum.StrEnum):
    """Why a verdict is what it is; the codes are stable."""

    # something is done
    VIOLATION_EXPECTED = 'violation_expected'
    NODE_OVERLOAD_EXPECTED = 'node_overload_expected'
    NEED_PASSED = 'need_passed'
    NEED_IS_SMALLER = 'need_is_smaller'
    ROOM_FOR_HEAVIER = 'room_for_heavier'
    RESIZE_UNCONFIRMED = 'resize_unconfirmed'
    # nothing needs to be done
    LOW_RISK = 'low_risk'
    LEASE_KEPT = 'lease_kept'
    # something should be done, and is not
    NO_FLAVOR = 'no_flavor'
    NO_NODE = 'no_node'
    NOT_CALM = 'not_calm'
    NOT_WORTH_IT = 'not_worth_it'
    NOT_ALLOWED = 'not_allowed'
    BUDGET = 'budget'
    QUOTA = 'quota'
    COOLDOWN = 'cooldown'
    RELEASE_FAILED = 'release_failed'
    OBSERVING = 'observing'
    OBSERVED_ONLY = 'observed_only'
    NOT_NOW = 'not_now'
    ANOMALY = 'anomaly'
    # the instance must not be touched
    OPTED_OUT = 'opted_out'
    LOCKED = 'locked'
    BUSY = 'busy'
    NOT_ACTIVE = 'not_active'
    # nothing is known
    NO_SAMPLES = 'no_samples'
    STALE_SAMPLES = 'stale_samples'
    NO_FORECAST = 'no_forecast'
    INCOMPLETE = 'incomplete'
    BAD_EXTRA_SPEC = 'bad_extra_spec'
    # the audit could not look at all
    TELEMETRY_FAILED = 'telemetry_failed'
    MODEL_REFUSED = 'model_refused'
    CLOUD_FAILED = 'cloud_failed'
    NO_CLUSTER_MODEL = 'no_cluster_model'
    STATE_FAILED = 'state_failed'
    BAD_PARAMETERS = 'bad_parameters'
    BAD_POLICIES = 'bad_policies'
    INTERNAL_ERROR = 'internal_error'


UNKNOWN: frozenset[Reason] = frozenset(
    {
        Reason.NO_SAMPLES,
        Reason.STALE_SAMPLES,
        Reason.NO_FORECAST,
        Reason.INCOMPLETE,
        Reason.BAD_EXTRA_SPEC,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Leave the instance as it is."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """Lease a larger flavor until ``expires_at`` (Unix seconds).

    ``benefit`` and ``cost`` are weighted violation-seconds; ``node`` is where
    there is room for it.  The scheduler may choose otherwise: from one of the
    ``unfit`` nodes the server has to be migrated to ``node``.
    """

    reason: Reason
    text: str
    flavor: fleet.Flavor
    node: str
    unfit: tuple[str, ...] = ()
    expires_at: int
    benefit: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrate:
    """Live-migrate the instance to ``node``.

    ``node_risk`` is the risk of the node that it leaves.
    """

    reason: Reason
    text: str
    node: str
    node_risk: float
    benefit: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """End a lease: resize back to the origin ``flavor``.

    ``node`` and ``unfit`` are those of `Resize`; '' where there is none.
    """

    reason: Reason
    text: str
    flavor: fleet.Flavor
    node: str = ''
    unfit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """Confirm a resize of ours that nobody saw arrive."""

    reason: Reason
    text: str
    flavor: fleet.Flavor


Adjustment = Hold | Resize | Migrate | Release | Confirm


_NUMBERS = ('risk', 'lead_s', 'predicted', 'limit', 'age_s', 'amount')


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided for one instance, with the numbers behind it.

    ``risk``, ``lead_s``, ``predicted`` (the policy's quantile of the maximum
    up to its horizon), ``limits`` and ``age_s``, seconds since the newest
    sample, have one value for each resource; NaN is unknown, for a limit:
    none, for an age: there is no sample.  ``weight`` is the effective one of
    the resource at the highest risk, ``base_weight`` what it falls from.
    ``model`` made the forecast, from as much history as the ``rung`` says;
    ``prior`` says who stands in where that is little;
    ``note`` says what was out of the ordinary;
    ``rules`` name those that the instance has its policy from.  ``amount`` is
    what is asked for beyond the limit, ``horizons`` (horizons, resources) the
    chance of a violation after 5, 10 and 15 minutes, ``looked_at`` names
    flavors and nodes that were, with why not, ``budgets`` are its policy's.
    """

    instance: fleet.Instance
    adjustment: Adjustment
    weight: float
    risk: np.ndarray
    lead_s: np.ndarray
    predicted: np.ndarray
    limits: np.ndarray
    age_s: np.ndarray
    base_weight: float = fleet.DEFAULT_WEIGHT
    model: str = ''
    note: str = ''
    rung: ladder.Rung = ladder.Rung.NO_SAMPLES
    prior: str = ''
    rules: tuple[str, ...] = ()
    amount: np.ndarray | None = None
    horizons: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    ceiling: float = float('nan')
    quantile_level: float = float('nan')
    looked_at: tuple[str, ...] = ()
    budgets: Mapping[str, int] = field(default_factory=dict)

    @property
    def highest_risk(self) -> float:
        """The largest risk over the resources; NaN where none is known."""
        known = self.risk[np.isfinite(self.risk)]
        return float(known.max()) if known.size else float('nan')

    def numbers(self) -> dict[str, dict[str, float | None]]:
        """The numbers by resource, None for NaN, for JSON."""
        columns = (
            self.risk,
            self.lead_s,
            self.predicted,
            self.limits,
            self.age_s,
            self.limits * np.nan if self.amount is None else self.amount,
        )
        rows = jsonable.known(np.transpose(columns))
        return {
            resource.value: dict(zip(_NUMBERS, row, strict=True))
            for resource, row in zip(fleet.RESOURCES, rows, strict=True)
        }


def untouchable(
    instance: fleet.Instance,
) -> Hold | None:
    """Why nobody may act on this instance now, whatever its risk."""
    if opted_out(instance.metadata):
        return Hold(
            reason=Reason.OPTED_OUT,
            text=f'metadata {OPT_OUT}='
            f'{instance.metadata[OPT_OUT]!r} opts this instance out',
        )
    if instance.locked:
        return Hold(reason=Reason.LOCKED, text='the server is locked')
    if instance.task_state:
        return Hold(
            reason=Reason.BUSY,
            text=f'task_state is {instance.task_state!r}, none is needed',
        )
    if instance.status != 'ACTIVE':
        return Hold(
            reason=Reason.NOT_ACTIVE,
            text=f'status is {instance.status!r}, ACTIVE is needed',
        )
    return None


OPT_OUT = 'predictive:optout'


def opted_out(metadata: Mapping[str, str]) -> bool:
    """Whether the tenant asked not to be touched."""
    return metadata.get(OPT_OUT, '').strip().lower() in {'true', '1', 'yes'}


def amount(
    predicted: np.ndarray,
    limits: np.ndarray,
    weight: np.ndarray | float,
    ceiling: np.ndarray | float,
) -> np.ndarray:
    """How much more of each resource: weight x max(0, q - ceiling x limit).

    Grows with the weight, so that of two instances with the same forecast
    the heavier one gets the larger adjustment.  0 where nothing is known or
    nothing limits.

    >>> amount(np.array([3.9]), np.array([4.0]), 2.0, 0.9).round(6).tolist()
    [0.6]
    """
    short = np.nan_to_num(predicted - ceiling * limits, nan=0.0)
    return np.asarray(weight * np.maximum(short, 0.0))


def needed(
    predicted: np.ndarray,
    limits: np.ndarray,
    weight: np.ndarray | float,
    ceiling: float,
) -> np.ndarray:
    """The limits that a flavor must offer; NaN where any will do.

    limit + `amount`, and at least so much that the predicted need stays
    below the ceiling of the new limit: otherwise the resize would not avert
    what it is made for.
    """
    grown = limits + amount(predicted, limits, weight, ceiling)
    short = predicted > ceiling * limits
    return np.where(short, np.fmax(grown, predicted / ceiling), limits)


def worth(
    *,
    weight: float,
    risk: float,
    excess_s: float,
    lead_s: float,
    duration_s: float,
    interruption_s: float,
    cost_factor: float,
    benefit_factor: float = 1.0,
) -> tuple[float, float]:
    """Benefit and cost of an action, in weighted violation-seconds.

    The benefit counts only what of the violation is left when the action is
    done: one that comes before the violation averts all of it, one that comes
    later the rest.

    :param risk: how much of the risk the action takes away.
    :param benefit_factor: see `outcomes.benefit_factor`.
    :param interruption_s: for how long it stops the guest in all.
    """
    late_s = max(0.0, duration_s - lead_s)
    benefit = weight * risk * max(0.0, excess_s - late_s) * benefit_factor
    cost = weight * interruption_s * cost_factor
    return benefit, cost
