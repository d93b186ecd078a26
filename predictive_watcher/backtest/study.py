"""All contenders on one scene, and what is told of it."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from dataclasses import dataclass
import functools

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.backtest import balance
from predictive_watcher.backtest import compare
from predictive_watcher.backtest import predictive
from predictive_watcher.backtest import proposing
from predictive_watcher.backtest import rivals
from predictive_watcher.backtest import run
from predictive_watcher.backtest import scene as scene_module
from predictive_watcher.backtest import tasks as tasks_module
from predictive_watcher.backtest import timeline
from predictive_watcher.core import correlation
from predictive_watcher.core import profiling
from predictive_watcher.core import relating
from predictive_watcher.core import remembering
from predictive_watcher.core import standing_in
from predictive_watcher.core import usage as usage_module
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Rule


OURS = 'predictive'
RIVALS = (
    'none', 'reactive', 'reactive_early', 'reactive_profiled', 'percentile',
    'workload_balance', 'no_profile', 'no_feedback', 'oracle',
)  # fmt: skip
# Chosen on the time and the instances that models are chosen on; see the
# user's page.  An audit gets them as parameters.
RULES = Policy(
    begin_threshold=0.3,
    weight_urgency=0.5,
    quantile_level=0.25,
    lease_duration_s=1800,
    cooldown_s=900,
    lease_cost=260.0,
    cost_factor=3.0,
)
# Of telemetry that audits may ask for: longer than any model's history.
_HISTORY_S = 3 * 86400
# Risks at which leases begin, of the curve.
THRESHOLDS = (0.15, 0.3, 0.5, 0.7, 0.9)
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is replayed, with which rules, and how often audits look.

    ``memory``, ``related`` (who moves together) and ``profiles`` are what
    audits before the scene would have left; ``rules`` give instances policies
    of their own.
    """

    scene: scene_module.Scene
    policy: Policy
    model: remembering.Model
    memory: remembering.Memory | None
    stride: int = 1
    rules: tuple[Rule, ...] = ()
    related: correlation.Correlation | None = None
    profiles: remembering.Memory | None = None

    def contender(self, name: str) -> run.Contender:
        """The one of that name.

        :raises InvalidInput: where nobody has it.
        """
        policy, scene, rules = self.policy, self.scene, self.rules
        match name:
            case 'none':
                return run.Nothing()
            case 'workload_balance':
                return balance.WorkloadBalance(
                    policy.migration_duration_s,
                    policy.migration_interruption_s,
                )
            case 'reactive' | 'reactive_early' | 'percentile':
                rival = rivals.BY_NAME[name]()
                return proposing.Proposing(name, rival, policy, rules)
            case 'reactive_profiled':
                return proposing.Proposing(
                    name, rivals.Reactive(), policy, rules,
                    profiling=profiling.Profiling(self.profiles),
                )  # fmt: skip
            case 'oracle':
                oracle = rivals.Oracle(scene.demand)
                return proposing.Proposing(name, oracle, policy, rules)
            case 'predictive' | 'no_profile' | 'no_feedback':
                return self._modelled(name)
            case _:
                raise exceptions.InvalidInput(
                    f'{name!r} is no contender; known are '
                    f'{", ".join((OURS, *RIVALS))}'
                )

    def _modelled(self, name: str) -> run.Contender:
        """Ours, or ours without something."""
        learns = name != 'no_feedback'
        bare = remembering.Remembering(
            self.model, self.memory, calibrated=learns
        )
        profiles = profiling.Profiling(self.profiles)
        return proposing.Proposing(
            name,
            standing_in.Watched(bare) if learns else bare,
            self.policy,
            self.rules,
            relating.Correlating(self.related),
            None if name == 'no_profile' else profiles,
            feedback=learns,
        )


def prepare(
    *,
    demand: usage_module.UsageWindow,
    limits: np.ndarray,
    begin: int,
    site: scene_module.Site,
    policy: Policy,
    model: remembering.Model,
    stride: int,
    tell: Tell,
    rules: tuple[Rule, ...] = (),
) -> Study:
    """Make the scene, and let the model learn from what was before it."""
    model.check_step(demand.step_s)
    scene = scene_module.build(demand, limits, begin, site)
    memory = predictive.warmed(
        model,
        demand,
        scene.limits,
        begin,
        functools.partial(tell, f'following {model.name}'),
    )
    related = predictive.related(demand, scene.limits, begin)
    profiles = predictive.profiled(demand, scene.limits, begin)
    # nobody looks further back: what is older would be copied for each
    cut = max(0, begin - _HISTORY_S // demand.step_s)
    shorter = usage_module.UsageWindow(
        instances=demand.instances,
        start=demand.start + cut * demand.step_s,
        step_s=demand.step_s,
        usage=demand.usage[:, cut:].copy(),
    )
    return Study(
        scene=dataclasses.replace(scene, demand=shorter, begin=begin - cut),
        policy=policy,
        model=model,
        memory=memory,
        stride=stride,
        rules=rules,
        related=related,
        profiles=profiles,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``told`` is what becomes JSON, ``arrays`` the timeline."""

    told: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]


def contest(
    study: Study,
    names: Sequence[str],
    tell: Tell,
    *,
    curve: bool = False,
    jobs: int = 1,
) -> Result:
    """Ours and the named rivals, in that order.

    :param jobs: how many processes replay beside each other; what comes out
        is the same.
    """
    scene, ceiling = study.scene, study.policy.ceiling
    tasks = {name: (name, study) for name in (OURS, *names)}
    if curve:
        tasks |= {
            f'begin_threshold {threshold:g}': (OURS, _bolder(study, threshold))
            for threshold in THRESHOLDS
        }
    done = tasks_module.work(tasks, tell, jobs)
    found = {name: done[name].figures for name in (OURS, *names)}
    arrays = timeline.of_scene(scene, tuple(found), ceiling)
    for name in found:
        arrays |= done[name].arrays
    told: dict[str, object] = {
        'settings': _settings(study),
        'contenders': compare.summary(found, scene),
        'ratios': {
            name: compare.ratios(
                found[OURS], found[name], scene.weights, scene.site.seed
            )
            for name in names
            if name != 'none'
        },
    }
    if curve:
        told['curve'] = [
            {
                'begin_threshold': threshold,
                **compare.totals(
                    done[f'begin_threshold {threshold:g}'].figures, scene
                ),
            }
            for threshold in THRESHOLDS
        ]
    return Result(told=told, arrays=arrays)


def _bolder(study: Study, threshold: float) -> Study:
    """The same with leases that begin at another risk."""
    policy = dataclasses.replace(
        study.policy,
        begin_threshold=threshold,
        risk_threshold=max(study.policy.risk_threshold, threshold),
    )
    return dataclasses.replace(study, policy=policy)


def _settings(study: Study) -> dict[str, object]:
    scene, demand = study.scene, study.scene.demand
    return {
        'instances': len(demand.instances),
        'steps': int(demand.usage.shape[1]) - scene.begin,
        'step_s': demand.step_s,
        'start': demand.start + scene.begin * demand.step_s,
        'stride': study.stride,
        'model': study.model.name,
        'node_vcpus': scene.nodes[0].vcpus,
        'node_memory_mib': scene.nodes[0].memory_mib,
        'flavors': len(scene.flavors),
        'site': dataclasses.asdict(scene.site),
        'policy': dataclasses.asdict(study.policy),
        'rules': [rule.name for rule in study.rules],
    }
