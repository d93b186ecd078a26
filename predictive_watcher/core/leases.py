"""Leases: flavors that instances have for a time only; and what was tried."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
import enum


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A temporary resize, and the way back.

    ``flavor_name`` is what the instance has, ``origin_flavor_name`` what it
    had before and returns to.  ``pending_flavor_name`` is what it was ordered
    to have while nobody has seen the order arrive; a lease begins with its
    origin as flavor and the leased flavor as pending, and ends the other way
    round.  ``since`` is when the present flavor was decided, ``expires_at``
    when the lease ends, both Unix seconds; ``audit`` is the audit's uuid.
    ``origin_vcpus``, ``origin_memory_mib`` and ``origin_specs``, its extra
    specs, are what the origin was, None where a release before this one wrote
    the lease down: a flavor may be made anew under its name.
    """

    instance_id: str
    instance_name: str
    project_id: str
    audit: str
    origin_flavor_name: str
    flavor_name: str
    pending_flavor_name: str | None
    reason: str
    since: int
    expires_at: int
    origin_vcpus: int | None = None
    origin_memory_mib: int | None = None
    origin_specs: Mapping[str, str] | None = None


class Kind(enum.StrEnum):
    """What an action did or tried."""

    RESIZE = 'resize'
    RELEASE = 'release'
    CONFIRM = 'confirm'
    MIGRATE = 'migrate'


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An action that was executed, at ``at`` (Unix seconds).

    ``project_id`` is '' where a release before this one wrote it down.
    ``duration_s`` is how long it took, None where nobody measured.
    """

    instance_id: str
    kind: Kind
    at: int
    failed: bool
    text: str
    project_id: str = ''
    duration_s: float | None = None


def failed_releases(attempts: Iterable[Attempt]) -> dict[str, int]:
    """By instance id, how many releases failed since the last that did not.

    :param attempts: oldest first.
    """
    found: dict[str, int] = {}
    for one in attempts:
        if one.kind is Kind.RELEASE and one.failed:
            found[one.instance_id] = found.get(one.instance_id, 0) + 1
        elif one.kind is not Kind.MIGRATE and not one.failed:
            found.pop(one.instance_id, None)
    return found
