"""A lease: a flavor that an instance has for a time only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A temporary resize, and the way back.

    Times are Unix seconds.  ``origin_flavor_*`` is what the instance had
    before and returns to, ``flavor_*`` what it has meanwhile; ``weight`` is
    the base weight that the origin gave it, because the larger flavor may
    have another one.
    """

    instance_id: str
    instance_name: str
    project_id: str
    origin_flavor_id: str
    origin_flavor_name: str
    flavor_id: str
    flavor_name: str
    reason: str
    weight: float
    created_at: int
    expires_at: int
