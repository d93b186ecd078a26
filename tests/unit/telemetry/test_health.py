"""What a reading tells of itself."""

from predictive_watcher.core import fleet
from predictive_watcher.telemetry import base


def test_each_instance_is_told_what_it_lacks():
    health = base.Health(
        problems=(
            base.Problem(
                resource=fleet.Resource.CPU,
                text='no metric',
                instances=frozenset({'a', 'b'}),
            ),
            base.Problem(
                resource=fleet.Resource.DISK,
                text='not in time',
                instances=frozenset({'b'}),
            ),
        )
    )
    assert health.why('a') == ('cpu: no metric',)
    assert health.why('b') == ('cpu: no metric', 'disk: not in time')
    assert health.why('c') == ()


def test_the_problems_are_gone_through_once_however_many_ask():
    looked = []

    class Counted(frozenset):
        def __contains__(self, name):
            looked.append(name)
            return super().__contains__(name)

        def __iter__(self):
            looked.append('all')
            return super().__iter__()

    problem = base.Problem(
        resource=fleet.Resource.CPU,
        text='no metric',
        instances=Counted(f'i{i}' for i in range(100)),
    )
    health = base.Health(problems=(problem,) * 3)
    assert all(len(health.why(f'i{i}')) == 3 for i in range(100))
    assert looked == ['all'] * 3
