"""In which order a plan names its actions."""

from predictive_watcher.core import pipeline
from predictive_watcher.core.policy import Policy
from predictive_watcher.plugin import audit
from predictive_watcher.plugin import emit
from predictive_watcher.policies import file
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def test_what_brings_most_is_named_first_and_releases_last():
    kinds = {
        w: tuple(data.flavor(f'{w}x{n}', n, 4, weight=w) for n in (2, 4))
        for w in ('1', '2', '4')
    }
    fleet = data.a_fleet(
        data.instance('over', flavor=kinds['4'][1]),
        *(data.instance(f'w{w}', flavor=kinds[w][0]) for w in kinds),
        flavors=tuple(one for pair in kinds.values() for one in pair),
    )
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(
            {f'w{w}': {'cpu': (1.95, 0.01)} for w in kinds}
        ),
        leases=[
            data.lease('over', origin_flavor_name='4x2', flavor_name='4x4')
        ],
        policy=Policy(max_actions=10, max_actions_per_node=10),
        now=data.NOW,
    )
    run = audit.Run(
        audit=data.AUDIT,
        proposal=proposal,
        now=data.NOW,
        wall=data.NOW,
        policies=file.Loaded(file='', rules=()),
    )
    names = [one['resource_id'] for one in emit.actions_of(run)]
    assert names == ['w4', 'w2', 'w1', 'over']
