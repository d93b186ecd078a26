"""Rest after an action: no restart after restart, no migration to and fro, and
what failed is not tried at each audit.
"""

from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.leases import Attempt


_LONGEST_WAIT_S = 86400  # for a release that failed again and again


def after(last: Attempt, cooldown_s: int, now: int) -> Hold | None:
    """Why an instance is left alone after its last action."""
    ago = now - last.at
    if ago >= cooldown_s:
        return None
    how = f'failed {ago} s ago ({last.text})' if last.failed else ''
    return Hold(
        reason=Reason.COOLDOWN,
        text=f'a {last.kind} {how or f"was done {ago} s ago"}; the next '
        f'comes after cooldown = {cooldown_s} s',
    )


def after_failures(
    failures: int, last: Attempt, cooldown_s: int, now: int, *, why: str
) -> Hold | None:
    """Why a release that failed is not tried again yet.

    It waits for twice as long each time: what keeps it from coming does not
    go away by asking more often.

    :param why: what the release would be for.
    """
    wait_s = cooldown_s * 2 ** min(failures - 1, 20)
    wait_s = min(wait_s, _LONGEST_WAIT_S)
    ago_s = now - last.at
    if ago_s >= wait_s:
        return None
    return Hold(
        reason=Reason.RELEASE_FAILED,
        text=f'{why}, but its release failed {failures} times, last '
        f'{ago_s} s ago ({last.text}); the next try comes {wait_s} s '
        'after that',
    )
