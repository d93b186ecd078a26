"""Which instances have which model, now and at other times."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import functools

from predictive_watcher import exceptions
from predictive_watcher import subjects
from predictive_watcher.core import fleet
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import profile
from predictive_watcher.core import regimes as regimes_module
from predictive_watcher.core import remembering
from predictive_watcher.core import selection


@dataclass(slots=True)
class Part:
    """A model, who has it now, and who has it at other times."""

    model: remembering.Model
    instances: set[str] = field(default_factory=set)
    followed: set[str] = field(default_factory=set)


def parts(
    default: remembering.Model,
    own: Mapping[
        selection.Selector, remembering.Model | exceptions.ModelError
    ],
    chosen: Iterable[tuple[str, Sequence[selection.Selector | None]]],
) -> tuple[dict[str, Part], dict[str, str]]:
    """The models by their identity, the default one always; and by instance
    id why its own cannot be used.

    :param chosen: of `choices`.
    """
    found = {default.identity: Part(default)}
    refused: dict[str, str] = {}
    for instance, selectors in chosen:
        mine: list[Part] = []
        for selector in selectors:
            model = default if selector is None else own[selector]
            if isinstance(model, exceptions.ModelError):
                if not mine:  # it counts now
                    refused[instance] = str(model)
                model = default
            mine.append(found.setdefault(model.identity, Part(model)))
        mine[0].instances.add(instance)
        for part in mine[1:]:
            if part is not mine[0]:
                part.followed.add(instance)
    return found, refused


def regimes_of(
    behaviour: remembering.Memory | None,
) -> dict[str, regimes_module.Regimes]:
    """The regimes of instances, as the audit before knew them; none where
    the memory is of another make, of which whoever learns from it will tell.
    """
    if behaviour is None:
        return {}
    fresh = profile.BehaviouralProfile(1, behaviour.step_s).parts()
    if not remembering.fits(behaviour, fresh):
        return {}
    return regimes_module.of_instances(behaviour.instances, behaviour.parts)


def choices(
    selectors: Iterable[selection.Selector],
    applications: Mapping[str, str],
    regimes: Mapping[str, regimes_module.Regimes],
    instances: Iterable[fleet.Instance],
    leases: Iterable[leases_module.Lease],
) -> Iterable[tuple[str, list[selection.Selector | None]]]:
    """The instances that a selector fits, now or at times, by their ids.

    With the selector that counts now, and then those of their other
    segments; None is the default model.
    """
    held = {lease.instance_id: lease for lease in leases}
    candidates = tuple(selectors)

    @functools.cache
    def choose(
        application: str | None, segment: str | None, flavor: str
    ) -> selection.Selector | None:
        traits = {
            selection.Kind.APPLICATION: application,
            selection.Kind.SEGMENT: segment,
            selection.Kind.FLAVOR: flavor,
        }
        known = {kind: value for kind, value in traits.items() if value}
        return selection.most_specific(candidates, known)

    for instance in instances:
        application = applications.get(instance.id)
        flavor = subjects.own_flavor(instance, held.get(instance.id))
        mine = regimes.get(instance.id, regimes_module.NONE)
        others = sorted(mine.every - {mine.now}, key=str)
        found = [
            choose(application, segment, flavor)
            for segment in (mine.now, *others)
        ]
        if any(found):
            yield instance.id, found
