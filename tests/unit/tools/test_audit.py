"""Which plan of the audit the demonstration applies."""

from demo.audit import Audit
import pytest


class FakeWatcher:
    """An audit that makes the next of its plans at each look for new ones.

    A plan is (its state, its server); it is stored before its actions.
    """

    def __init__(self, *plans):
        self._coming = list(plans)
        self._made = {}
        self.started = []

    def type(self, *words):
        if words[1] == 'audit':
            return 'the-audit'
        self.started.append(words[3])
        self._made[words[3]]['state'] = self._made[words[3]]['ends']
        return 'PENDING'

    def plans(self, audit):
        """The newest first, one more each time but the first."""
        found = [{'uuid': uuid} for uuid in reversed(self._made)]
        if self._coming:
            state, ends, server = self._coming.pop(0)
            self._made[f'plan-of-{server}'] = {
                'state': state,
                'ends': ends,
                'server': server,
            }
        return found

    def actions(self, uuid):
        plan = self._made[uuid]
        if plan['server'].startswith('nobody'):
            return []
        return [
            {
                'action_type': 'predictive_resize',
                'state': plan['state'],
                'input_parameters': {'resource_name': plan['server']},
            }
        ]

    def watcher(self, path):
        uuid = path.rpartition('/')[2]
        return {
            'state': self._made[uuid]['state']
            if uuid in self._made
            else 'ONGOING'
        }


def watched(*plans):
    watcher = FakeWatcher(*plans)
    audit = Audit(watcher, watcher, interval_s=1, parameters=())
    return audit.watch(), watcher.started


READY = ('RECOMMENDED', 'SUCCEEDED')


def test_the_first_plan_after_a_write_is_left_alone():
    plan, started = watched((*READY, 'old'), (*READY, 'new'))
    assert started == ['plan-of-new']
    assert [action.server for action in plan.actions] == ['new']


def test_a_second_plan_without_actions_means_that_nothing_is_to_do():
    empty = ('SUCCEEDED', 'SUCCEEDED', 'nobody')
    plan, started = watched((*READY, 'old'), empty, (*READY, 'late'))
    assert plan is None
    assert started == []


@pytest.mark.parametrize('state', ['SUPERSEDED', 'CANCELLED'])
def test_a_plan_that_a_newer_run_replaced_gives_way_to_its_plan(state):
    plan, started = watched(
        (*READY, 'old'), (state, state, 'replaced'), (*READY, 'new')
    )
    assert started == ['plan-of-new']
    assert plan.state == 'SUCCEEDED'


def test_a_plan_that_was_replaced_when_it_was_started_does_not_count():
    raced = ('RECOMMENDED', 'SUPERSEDED', 'raced')
    plan, started = watched((*READY, 'old'), raced, (*READY, 'new'))
    assert started == ['plan-of-raced', 'plan-of-new']
    assert [action.server for action in plan.actions] == ['new']
