"""Which reason code an error gives that keeps an audit from looking."""

from watcher.common import exception as watcher_exception

from predictive_watcher import exceptions
from predictive_watcher.core.adjustment import Reason


# The first entry that fits the error gives the reason code.
_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (exceptions.TelemetryError, Reason.TELEMETRY_FAILED),
    (exceptions.ModelError, Reason.MODEL_REFUSED),
    (exceptions.CloudError, Reason.CLOUD_FAILED),
    (exceptions.StateError, Reason.STATE_FAILED),
    (exceptions.InvalidPolicies, Reason.BAD_POLICIES),
    (exceptions.InvalidInput, Reason.BAD_PARAMETERS),
    (watcher_exception.ClusterStateNotDefined, Reason.NO_CLUSTER_MODEL),
    (watcher_exception.ClusterStateStale, Reason.NO_CLUSTER_MODEL),
    (
        watcher_exception.ClusterDataModelCollectionError,
        Reason.NO_CLUSTER_MODEL,
    ),
)


def reason_of(error: Exception) -> Reason:
    """The code for verdicts; `Reason.INTERNAL_ERROR` where none fits."""
    return next(
        (code for kind, code in _REASONS if isinstance(error, kind)),
        Reason.INTERNAL_ERROR,
    )
