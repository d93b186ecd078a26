"""How long actions take here, by the cloud's history and by our own."""

from collections.abc import Iterable

from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher.cloud import nova
from predictive_watcher.core import durations
from predictive_watcher.core import leases
from predictive_watcher.core.policy import Policy
from predictive_watcher.state import ledger as ledger_module


LOG = log.getLogger(__name__)
SINCE_S = 30 * 86400
AT_ONCE = 5  # of a kind, that an audit asks about: two requests each


def learned(
    policy: Policy,
    ledger: ledger_module.Ledger,
    cloud: nova.Nova,
    attempts: Iterable[leases.Attempt],
    wall: int,
) -> Policy:
    """The policy with the durations that this cloud has shown.

    What Nova tells is written into the ledger; where it does not, an audit
    goes on with what is there.

    :param wall: Unix seconds of this machine, which are Nova's too.
    """
    since = wall - SINCE_S
    known = ledger.done(since)
    try:
        ids = {one.id for one in known}
        new = cloud.history(since, ids, AT_ONCE)
        ledger.keep_done(new)
    except exceptions.PredictiveWatcherError as error:
        LOG.warning('how long actions took lately is not known: %s', error)
        new = []
    history = sorted([*known, *new], key=lambda one: (one.at, one.id))
    return durations.learned(policy, attempts, history)
