"""What an instance at risk needs, and which flavors offer it, or a part."""

from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core.fleet import RESOURCES
from predictive_watcher.core.fleet import UNITS
from predictive_watcher.core.plan import PlanMaker


_TRIES = 4  # smaller flavors that a node is looked for
RESTARTS = 2  # of a lease: there, and back
_LEFT = 0.7  # of the risk, at most: what leaves more is no help
_ALSO = 0.2  # times a day that a resource not at risk passes its guideline


def look_ahead(maker: PlanMaker, rows: Iterable[int]) -> None:
    """Work out at once what `fitting` asks for, one by one, of these."""
    maker.prospects.look(
        (row, flavor) for row in rows for flavor in _permitted(maker, row)
    )


def need(maker: PlanMaker, row: int) -> np.ndarray:
    """The limits that end the violation; NaN where any will do."""
    seen = maker.seen
    return adj.needed(
        seen.predicted[row],
        seen.limits[row],
        seen.weights[row],
        maker.policy_of(row).ceiling,
    )


def returning(maker: PlanMaker, row: int) -> np.ndarray:
    """The limits that cover what its own flavor is known to be short of now
    and then, (resources,); NaN where it is not.

    One resize may serve several resources: their need returns while the
    lease lasts.
    """
    own = maker.origin(row).limits() / maker.policy_of(row).ceiling
    known = maker.seen.needs_a_day[row] >= _ALSO
    return np.asarray(np.where(known, own, np.nan))


def fitting(
    maker: PlanMaker, row: int, wanted: np.ndarray
) -> list[fleet_module.Flavor]:
    """The permitted flavors that take the risk away: below
    ``risk_threshold``, and that of the resource at the highest risk well below
    what it is, or a lease that begins early would be one of what is not short.

    Those come first that also cover what is known to return, of either kind
    the smallest.

    Where none is as large as the weight asks for, the largest that ends the
    violation serves: a heavy instance must not go without.
    """
    seen, policy = maker.seen, maker.policy_of(row)
    r = worst(maker, row)
    most = _LEFT * seen.risk.risk[row, r]
    permitted = [
        flavor
        for flavor in _permitted(maker, row)
        if maker.prospects.highest(row, flavor) < policy.risk_threshold
        and not maker.prospects.risk(row, flavor)[r] > most
    ]
    enough = flavors_module.covering(permitted, wanted)
    least = np.fmax(seen.limits[row], seen.predicted[row] / policy.ceiling)
    least = np.where(np.isnan(seen.limits[row]), np.nan, least)
    if enough:
        return _first(enough, np.fmax(wanted, returning(maker, row)))
    enough = flavors_module.covering(permitted, least)[::-1]
    if enough or not seen.saturated[row].any():
        return enough
    # what is wanted beyond the limit is an estimate: more is better than none
    return _larger(maker, row, permitted[::-1], seen.saturated[row])


def _first(
    flavors: list[fleet_module.Flavor], wanted: np.ndarray
) -> list[fleet_module.Flavor]:
    """The same, those that cover this before all others."""
    names = {one.name for one in flavors_module.covering(flavors, wanted)}
    return sorted(flavors, key=lambda one: one.name not in names)


def smaller(
    maker: PlanMaker,
    row: int,
    wanted: np.ndarray,
    refused: Sequence[fleet_module.Flavor],
) -> list[fleet_module.Flavor]:
    """Flavors that cover a part of the need, the one with most of it first.

    They serve where there is no room for what covers all of it: each offers
    more of every resource that is short, and no less of any other.

    :param refused: what there is no room for; something as large will not
        do.
    """
    short = wanted > maker.seen.limits[row]
    if not short.any():
        return []
    names = {flavor.name for flavor in refused}
    found = [
        flavor
        for flavor in _larger(maker, row, _permitted(maker, row), short)
        if flavor.name not in names and share(maker, row, wanted, flavor) < 1
    ]
    # where two cover as much the smaller one, which comes first, is enough
    found.sort(key=lambda one: -share(maker, row, wanted, one))
    return found[:_TRIES]


def share(
    maker: PlanMaker,
    row: int,
    wanted: np.ndarray,
    flavor: fleet_module.Flavor,
) -> float:
    """How much of what is wanted beyond the limits a flavor offers, 0..1; of
    several resources the one that it covers least.
    """
    limits = maker.seen.limits[row]
    short = wanted > limits
    more = np.nan_to_num(flavor.limits(), nan=np.inf) - limits
    covered = more[short] / (wanted - limits)[short]
    return float(np.clip(covered.min(initial=1.0), 0.0, 1.0))


def worst(maker: PlanMaker, row: int) -> int:
    """The resource at the highest risk."""
    return int(maker.worst[row])


def worth(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor
) -> tuple[float, float]:
    """Benefit and cost of a lease of a flavor, in weighted seconds."""
    seen, policy, r = maker.seen, maker.policy_of(row), worst(maker, row)
    left = maker.prospects.risk(row, flavor)[r]
    return adj.worth(
        weight=float(seen.weights[row, r]),
        risk=float(seen.risk.risk[row, r] - left),
        excess_s=float(seen.excess_s[row, r]),
        lead_s=float(seen.risk.lead_s[row, r]),
        duration_s=policy.resize_duration_s,
        interruption_s=RESTARTS * policy.resize_interruption_s,
        cost_factor=policy.cost_factor,
        benefit_factor=policy.benefit_factor,
    )


def _permitted(maker: PlanMaker, row: int) -> list[fleet_module.Flavor]:
    terms = terms_of(maker, row)
    if maker.policy_of(row).largest_flavor and terms.largest is None:
        return []  # nobody can tell what would be too large
    return maker.shelf.candidates(terms)


def _larger(
    maker: PlanMaker,
    row: int,
    flavors: list[fleet_module.Flavor],
    short: np.ndarray,
) -> list[fleet_module.Flavor]:
    """Those that offer more of what is short, and no less of the rest."""
    limits = maker.seen.limits[row]
    found = []
    for flavor in flavors:
        offered = flavor.limits()
        least = np.where(short, offered, limits)
        more = np.isnan(offered) | (offered > limits)
        if more[short].all() and flavors_module.covering([flavor], least):
            found.append(flavor)
    return found


def terms_of(maker: PlanMaker, row: int) -> flavors_module.Terms:
    """For whom a flavor is looked for, by the instance's own policy."""
    policy = maker.policy_of(row)
    return flavors_module.Terms(
        instance=maker.instance(row),
        origin=maker.origin(row),
        max_growth=policy.max_growth,
        largest=maker.flavor_named(policy.largest_flavor),
        family_pattern=policy.family_pattern,
    )


def missing(maker: PlanMaker, row: int, wanted: np.ndarray) -> str:
    """What is missing where no permitted flavor covers the need."""
    terms = terms_of(maker, row)
    name = maker.policy_of(row).largest_flavor
    if name and terms.largest is None:
        return f'largest_flavor {name} of its policy is gone'
    return maker.shelf.missing(terms, wanted)


def amounts(wanted: np.ndarray) -> str:
    """The need, for a verdict."""
    return ', '.join(
        f'{value:.4g} {UNITS[resource]} {resource}'
        for resource, value in zip(RESOURCES, wanted, strict=True)
        if np.isfinite(value)
    )
