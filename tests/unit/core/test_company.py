"""An instance had better not come to those who surge when it does."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np

from predictive_watcher.core import company
from predictive_watcher.core import correlation
from predictive_watcher.core import load as load_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import relating
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes import random_cloud
from tests.fakes.forecaster import FakeForecaster


INDEX_OF = {'n1': 0, 'n2': 1, 'n3': 2}


def load(*used):
    """Expected vCPUs, of a limit of 4."""
    mean = np.zeros((3, len(used), load_module.NODE_RESOURCES))
    mean[:, :, 0] = used
    return load_module.NodeLoad(
        mean=mean,
        sd=np.ones_like(mean),
        limit=np.full(mean.shape[1:], 4.0),
        moves=np.zeros((load_module.NODE_RESOURCES, len(used), 8)),
    )


def of(groups, used, capacity=(10.0, 10.0, np.nan)):
    return company.Company(
        np.array(groups), load(*used), np.array(capacity), INDEX_OF,
        range(len(groups)),
    )  # fmt: skip


def test_what_its_group_uses_counts_and_nobody_else():
    found = of([7, 7, 7, 2, -1], [1.0, 2.0, 3.0, 4.0, 4.0])
    nodes = ['n1', 'n2', 'n2', 'n2', 'n1']
    assert found.share(0, nodes).tolist() == [0.0, 0.5, 0.0]
    assert found.share(4, nodes).tolist() == [0.0, 0.0, 0.0]
    full = np.array([0.5, 0.4, 0.5])
    crowded = found.crowded(0, nodes, full)
    assert crowded.tolist() == [0.5, round(0.4 + company.WEIGHT * 0.5, 6), 0.5]


def test_to_whoever_is_of_no_group_all_nodes_are_the_same():
    found = of([7, 7, -1], [1.0, 2.0, 3.0])
    full = np.array([0.1, 0.2, 0.3])
    assert found.crowded(2, ['n1', 'n2', 'n3'], full).tolist() == [0.0] * 3


def test_what_is_unknown_counts_with_its_limit():
    found = of([1, 1], [1.0, np.nan])
    assert found.share(0, ['n1', 'n2']).tolist() == [0.0, 0.4, 0.0]


def test_a_node_without_a_known_capacity_is_as_full_as_told():
    found = of([1, 1], [1.0, 2.0])
    assert found.share(0, ['n1', 'n3']).tolist() == [0.0, 0.0, 0.0]


def test_whoever_is_on_no_listed_node_does_not_count():
    found = of([1, 1], [1.0, 2.0])
    assert found.share(0, ['n1', 'gone']).tolist() == [0.0, 0.0, 0.0]


@given(
    groups=st.lists(st.integers(-1, 2), min_size=4, max_size=4),
    used=st.lists(
        st.floats(0, 4) | st.just(float('nan')), min_size=4, max_size=4
    ),
    nodes=st.lists(st.sampled_from(['n1', 'n2', 'n3']), min_size=4,
                   max_size=4),
)  # fmt: skip
def test_company_is_a_number_and_no_more_than_it_may_be(groups, used, nodes):
    found = of(groups, used, (16.0, 16.0, 16.0))
    for row in range(4):
        crowded = found.crowded(row, nodes, np.zeros(3))
        assert (crowded >= 0).all() and (crowded <= company.WEIGHT).all()
        assert (found.told(row, nodes, 'n1') == '') == (groups[row] < 0)


class Knowing(relating.Correlating):
    """Knows groups, and learns nothing."""

    def __init__(self, **group_of):
        super().__init__()
        self._group_of = group_of

    def learn(self, fleet, window, limits):
        fresh = correlation.nothing(window.instances, window.step_s)
        for row, name in enumerate(fresh.instances):
            fresh.group[row] = self._group_of.get(name, -1)
        self.known = fresh
        return fresh


BUSY = {'cpu': (2.6, 0.05)}
KIND = data.flavor('kind', 4, 4)
NODES = tuple(data.node(name, vcpus=8) for name in ('n1', 'n2', 'n3'))


def moved(correlating):
    """Three fill their node; on each other one there is somebody."""
    fleet = data.a_fleet(
        *(data.instance(name, 'n1', flavor=KIND) for name in 'abc'),
        data.instance('mate', 'n2', flavor=KIND),
        data.instance('other', 'n3', flavor=KIND),
        nodes=NODES,
        flavors=(KIND,),
    )
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(dict.fromkeys('abc', BUSY)),
        leases=(),
        policy=Policy(),
        now=data.NOW,
        correlating=correlating,
    )
    found = [
        v for v in proposal.verdicts if isinstance(v.adjustment, Migrate)
    ]
    return [(v.instance.id, v.adjustment.node, v.looked_at) for v in found]


def test_a_plan_sends_nobody_to_its_own_group():
    [(name, node, looked_at)] = moved(None)
    assert (node, looked_at) == ('n2', ())
    [(_, node, looked_at)] = moved(Knowing(**{name: 3, 'mate': 3}))
    assert node == 'n3'
    text = '; '.join(looked_at)
    assert 'of group 3, which surges together with it, 0% of' in text


def test_without_groups_the_plan_is_the_same():
    assert moved(Knowing()) == moved(None)


def said(proposal):
    return {
        v.instance.id: (v.adjustment, v.looked_at) for v in proposal.verdicts
    }


@settings(deadline=None, max_examples=25, derandomize=True)
@given(seed=st.integers(0, 10**6), other=st.integers(0, 10**6))
def test_no_plan_depends_on_the_order_of_a_group(seed, other):
    cloud = random_cloud.draw(seed)
    groups = {one.id: k % 3 - 1 for k, one in enumerate(cloud.fleet.instances)}
    again = random_cloud.shuffled(cloud, other)
    ours, theirs = (
        pipeline.propose(
            fleet=one.fleet,
            window=one.window,
            forecaster=FakeForecaster(one.expected),
            leases=one.leases,
            policy=Policy(),
            now=data.NOW,
            recent=one.recent,
            correlating=Knowing(**groups),
        )
        for one in (cloud, again)
    )
    assert said(ours) == said(theirs)
