"""Contenders beside each other: shares, ratios and how sure they are."""

from collections.abc import Mapping

import numpy as np

from predictive_watcher.backtest import figures
from predictive_watcher.backtest import scene as scene_module


DRAWS = 2000
_LEVELS = (0.025, 0.975)


def summary(
    found: Mapping[str, figures.Figures], scene: scene_module.Scene
) -> dict[str, dict[str, object]]:
    """By contender, what a person reads and JSON holds."""
    none, oracle = found.get('none'), found.get('oracle')
    return {
        name: {
            **totals(one, scene),
            'averted_share_of_oracle': _averted(one, none, oracle, scene),
            'by_weight': _by_weight(one, none, scene),
        }
        for name, one in found.items()
    }


def totals(
    one: figures.Figures, scene: scene_module.Scene
) -> dict[str, object]:
    """The figures of one contender, summed over the fleet."""
    weights = scene.weights
    names = ('cpu', 'memory', 'disk', 'network')
    return {
        'weighted_violation_minutes': float(weights @ one.violated),
        'violation_minutes': float(one.violated.sum()),
        'violation_minutes_by_resource': {
            name: float(value)
            for name, value in zip(
                names, one.by_resource.sum(axis=0), strict=True
            )
        },
        'node_violation_minutes': float(one.node_minutes.sum()),
        'weighted_node_violation_minutes': one.node_weighted,
        'interruption_minutes': float(one.interrupted.sum()),
        'weighted_interruption_minutes': float(weights @ one.interrupted),
        'actions': sum(one.actions.values()),
        'actions_by_kind': one.actions,
        'actions_failed': one.failed,
        'extra_vcpu_hours': float(one.vcpu_hours.sum()),
        'extra_gib_hours': float(one.gib_hours.sum()),
        'leases': one.leases,
        'leases_wasted': one.wasted,
        'lease_hours': one.lease_hours,
        'slatah': one.slatah,
        'pdm': one.pdm,
        'energy_kwh': one.energy_kwh,
        'esv': one.esv,
    }


def _averted(
    one: figures.Figures,
    none: figures.Figures | None,
    oracle: figures.Figures | None,
    scene: scene_module.Scene,
) -> float | None:
    """None where nothing could be averted, or nobody was asked."""
    if none is None or oracle is None:
        return None
    w = scene.weights
    most = float(w @ (none.violated - oracle.violated))
    if most <= 0:
        return None
    return float(w @ (none.violated - one.violated)) / most


def _by_weight(
    one: figures.Figures,
    none: figures.Figures | None,
    scene: scene_module.Scene,
) -> dict[str, dict[str, float | None]]:
    """Minutes of violation an hour, and the share of those without help."""
    steps = scene.demand.usage.shape[1] - scene.begin
    hours = steps * scene.demand.step_s / 3600
    found = {}
    for weight in np.unique(scene.weights):
        of = scene.weights == weight
        minutes = float(one.violated[of].sum())
        before = float(none.violated[of].sum()) if none else 0.0
        found[f'{weight:g}'] = {
            'instances': float(of.sum()),
            'violation_minutes': minutes,
            'minutes_per_instance_hour': minutes / (of.sum() * hours),
            'share_of_none': minutes / before if before > 0 else None,
        }
    return found


def ratios(
    ours: figures.Figures,
    rival: figures.Figures,
    weights: np.ndarray,
    seed: int,
) -> dict[str, dict[str, float | None]]:
    """Ours over the rival's, each with a 95 % interval: whole instances are
    drawn with replacement, because a handful of them has most violations.
    """
    rng = np.random.default_rng([seed, 2])
    count = len(weights)
    draws = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
    pairs = {
        'weighted_violation_minutes': (
            weights * ours.violated, weights * rival.violated,
        ),
        'interruption_minutes': (ours.interrupted, rival.interrupted),
        'actions': (ours.actions_of, rival.actions_of),
        'extra_vcpu_hours': (ours.vcpu_hours, rival.vcpu_hours),
        'extra_gib_hours': (ours.gib_hours, rival.gib_hours),
    }  # fmt: skip
    return {
        name: _ratio(np.asarray(a, float), np.asarray(b, float), draws)
        for name, (a, b) in pairs.items()
    }


def _ratio(
    ours: np.ndarray, rival: np.ndarray, draws: np.ndarray
) -> dict[str, float | None]:
    below = float(rival.sum())
    if below <= 0:
        return {'ratio': None, 'low': None, 'high': None}
    tops, bottoms = draws @ ours, draws @ rival
    drawn = tops[bottoms > 0] / bottoms[bottoms > 0]
    low, high = np.quantile(drawn, _LEVELS)
    return {
        'ratio': float(ours.sum()) / below,
        'low': float(low),
        'high': float(high),
    }
