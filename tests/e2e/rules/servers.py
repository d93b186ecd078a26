"""Who is there: one server for each rule, and what it is used for."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import math


#: By family: the amounts of vCPUs, and what else its flavors say.  Half
#: vCPUs are a quota of time.  All have the same disk: no lease of a larger
#: one could end.
_FAMILIES: Mapping[str, tuple[tuple[float, ...], Mapping[str, str]]] = {
    'plain': ((1, 2, 4), {}),
    'own': ((1, 4), {}),
    'partner': ((1, 2, 4), {}),
    'crowd': ((4,), {}),
    'fast': ((1, 2), {'aggregate_instance_extra_specs:disk': 'ssd'}),
    'bronze': ((1, 1.2, 1.4, 1.6), {'predictive:weight': '1'}),
    'gold': ((1, 1.2, 1.4, 1.6), {'predictive:weight': '4'}),
    'percpu': (
        (1, 1.2, 1.4, 1.6),
        {'predictive:weight': '1', 'predictive:weight_cpu': '3'},
    ),
    # the second is a part of what is needed, the third all of it
    'light': ((1, 1.2, 3), {'predictive:weight': '1'}),
    'heavy': ((1, 2), {'predictive:weight': '4'}),
}
_PERIOD_US = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """What Nova has to be told of a flavor."""

    vcpus: int
    memory_mib: int
    specs: Mapping[str, str]


def _flavor(family: str, amount: float, specs: Mapping[str, str]) -> Flavor:
    vcpus = math.ceil(amount)
    told = {'predictive:family': family, **specs}
    if vcpus != amount:
        quota = round(_PERIOD_US * amount / vcpus)
        told |= {
            'quota:cpu_quota': str(quota),
            'quota:cpu_period': str(_PERIOD_US),
        }
    return Flavor(vcpus=vcpus, memory_mib=512 * vcpus, specs=told)


FLAVORS: Mapping[str, Flavor] = {
    f'{family}.{amount:g}': _flavor(family, amount, specs)
    for family, (amounts, specs) in _FAMILIES.items()
    for amount in amounts
}
#: Of the project ``partners`` alone.
PRIVATE = 'partner.2'
#: A flavor that is older than the validators: Nova took what it says.
UNREADABLE = 'unreadable.1'

CALM, CLIMBS, BUSY, SILENT = 'calm', 'climbs', 'busy', 'silent'
#: At its limit; at its limit with what it waited for; surges with others.
FULL, WAITS, SURGES = 'full', 'waits', 'surges'
HOME, QUOTED, PARTNERS = 'admin', 'quoted', 'partners'
#: What Nova may choose for a server is its zone.  The second is a single host,
#: those of the third may promise no more than two vCPUs each.
MAIN, ELSEWHERE, NARROW = 'main', 'elsewhere', 'narrow'
ZONES: Mapping[str, tuple[str, ...]] = {
    MAIN: ('compute1', 'compute2', 'compute3', 'compute5'),
    ELSEWHERE: ('compute4',),
    NARROW: ('compute6', 'compute7'),
}
#: They come while the cloud runs; compute5 has the room that others lack.
NEW_HOSTS = ('compute4', 'compute5', 'compute6', 'compute7')
#: Server groups and their policies.
GROUPS: Mapping[str, str] = {
    'apart': 'anti-affinity',
    'rather together': 'soft-affinity',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server: its flavor, host and project, and how it is used."""

    name: str
    flavor: str = 'plain.1'
    host: str = 'compute1'
    project: str = HOME
    use: str = CLIMBS
    metadata: Mapping[str, str] = field(default_factory=dict)
    group: str = ''

    @property
    def zone(self) -> str:
        """That of its host."""
        return next(z for z, hosts in ZONES.items() if self.host in hosts)

    @property
    def vcpus(self) -> int:
        """What its own flavor has."""
        return 1 if self.flavor == UNREADABLE else FLAVORS[self.flavor].vcpus


def _about(name: str) -> Server:
    """A server that a rule of the policy file is about."""
    return Server(name=name, host='compute2', metadata={'rule': name})


SERVERS: tuple[Server, ...] = (
    Server(name='calm', use=CALM),
    Server(name='plain'),
    Server(name='kept'),
    Server(name='owned'),
    Server(name='doomed'),
    Server(name='silent', use=SILENT),
    Server(name='unreadable', flavor=UNREADABLE, use=CALM),
    Server(name='bronze', flavor='bronze.1'),
    Server(name='gold', flavor='gold.1'),
    Server(name='percpu', flavor='percpu.1'),
    _about('watched'),
    _about('closed'),
    _about('capped'),
    _about('movable'),
    Server(name='quoted', host='compute2', project=QUOTED),
    Server(
        name='partner',
        flavor='partner.1',
        host='compute2',
        project=PARTNERS,
    ),
    Server(name='stranger', flavor='partner.1', host='compute2'),
    Server(name='family', flavor='own.1', host='compute2'),
    # of its aggregate there is no other host in its zone
    Server(name='aggregate', flavor='fast.1', host='compute2'),
    # compute3 is too small for all of these; only one of them may move
    Server(
        name='mover',
        flavor='crowd.4',
        host='compute3',
        use=BUSY,
        group='apart',
    ),
    Server(name='crowd-1', flavor='crowd.4', host='compute3', use=BUSY),
    Server(name='crowd-2', flavor='crowd.4', host='compute3', use=BUSY),
    Server(name='crowd-3', flavor='crowd.4', host='compute3', use=BUSY),
    Server(name='locked', host='compute3'),
    Server(
        name='optout',
        host='compute3',
        metadata={'predictive:optout': 'true'},
    ),
    Server(name='stopped', host='compute3', use=CALM),
    # where these are, the mover must not go
    Server(name='apart-1', host='compute2', use=CALM, group='apart'),
    Server(name='apart-2', host='compute5', use=CALM, group='apart'),
    # it grows: to where its mate is
    Server(name='friend', group='rather together'),
    Server(name='mate', host='compute2', use=CALM, group='rather together'),
    # it climbs when the budget of its hour is used up
    Server(name='late', use=CALM, metadata={'rule': 'late'}),
    # alike in use, but one of them waits for its host
    Server(name='waits', host='compute5', use=WAITS),
    Server(name='flows', host='compute5', use=BUSY),
    # a cloud that is nearly sold out
    Server(name='light', flavor='light.1', host='compute7', use=FULL),
    Server(name='heavy', flavor='heavy.1', host='compute7', use=CALM),
    # one application: each is busy five minutes after the one before it
    Server(name='web', host='compute4', use=SURGES),
    Server(name='app', host='compute4', use=SURGES),
    Server(name='db', host='compute4', use=SURGES),
)
#: Locked by their administrator.
LOCKED = ('locked', 'crowd-1', 'crowd-2', 'crowd-3')
#: Who surges how many steps after the first.
BEHIND: Mapping[str, int] = {'web': 0, 'app': 1, 'db': 2}
BY_NAME = {server.name: server for server in SERVERS}
