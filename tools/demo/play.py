"""The demonstration from an empty cloud to the table."""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import sys
import time

from minicloud.cloud import Cloud
from minicloud.errors import MiniCloudError
from minicloud.progress import elapsed_s
from minicloud.progress import say
from minicloud.progress import wait_for
from minicloud.settings import Settings
import numpy as np

from demo import outcome
from demo import replay
from demo import stage
from demo import table
from demo import workload
from demo.audit import Audit
from demo.audit import GOAL
from demo.audit import STRATEGY
from demo.fleet import SERVERS
from demo.openstack import Clients
from demo.openstack import Operator
from demo.story import Story


_SYNC_S = 60.0


def play(options: argparse.Namespace, settings: Settings) -> int:
    """Everything; 0 if the demonstration showed what it has to."""
    demand, history = _demand(options.traces, options.seed)
    cloud = Cloud(settings)
    cloud.wipe()
    cloud.up()
    try:
        story, audit = _tell(options, settings, demand, history)
        return _conclude(options, story, audit)
    finally:
        if options.keep:
            say(f'the cloud is kept: . {settings.openrc}')
        else:
            say('stopping the cloud')
            cloud.down()


def _demand(traces: Path | None, seed: int) -> tuple[np.ndarray, int]:
    if traces is not None:
        say(f'the load is replayed from {traces}')
        return replay.demand(traces, SERVERS, workload.HISTORY_STEPS)
    made = workload.demand(SERVERS, np.random.default_rng(seed))
    return made, workload.HISTORY_STEPS


def _tell(
    options: argparse.Namespace,
    settings: Settings,
    demand: np.ndarray,
    history: int,
) -> tuple[Story, Audit]:
    operator, clients = Operator(settings), Clients(settings)
    _introduce(operator, clients, settings)
    built = stage.build(operator, clients, SERVERS)
    operator.type(
        *('server', 'list', '--long', '--sort-column', 'Name'),
        *('-c', 'Name', '-c', 'Flavor', '-c', 'Host', '-c', 'Status'),
    )
    story = Story(
        clients=clients,
        stage=built,
        servers=SERVERS,
        demand=demand,
        history=history,
        ends_at=_before_now(),
    )
    story.write_history()
    operator.type('optimize', 'strategy', 'state', STRATEGY)
    audit = Audit(
        operator,
        clients,
        interval_s=options.interval,
        parameters=options.parameters,
    )
    story.run(audit, whole=options.traces is not None)
    return story, audit


def _introduce(
    operator: Operator, clients: Clients, settings: Settings
) -> None:
    """What Watcher knows of us, as soon as its engine has looked."""
    wait_for(
        lambda: STRATEGY in clients.strategies(),
        f'Watcher to know the strategy {STRATEGY}',
        within_s=_SYNC_S,
        every_s=0.5,
        hint=lambda: f'see {settings.log}/watcher-decision-engine.out',
    )
    operator.type('optimize', 'strategy', 'list', '--goal', GOAL)
    operator.type('optimize', 'scoringengine', 'list', '-c', 'Name')


def _before_now() -> int:
    """End of the last step: everything happens in the past."""
    now = int(time.time())  # noqa: TID251
    return (now // workload.STEP_S - 1) * workload.STEP_S


def _conclude(options: argparse.Namespace, story: Story, audit: Audit) -> int:
    result = outcome.Outcome(SERVERS, story.journal)
    servers, nodes = result.servers(), result.nodes()
    sys.stdout.write('\n'.join(['', *table.lines(servers, nodes), '']) + '\n')
    missing = outcome.shortcomings(servers)
    told = table.as_json(servers, nodes, story.journal)
    told |= {'audit': audit.uuid, 'missing': missing}
    options.result.write_text(json.dumps(told, indent=1) + '\n')
    say(f'the table is also in {options.result} ({elapsed_s():.0f} s in all)')
    return _judge(missing, options.traces)


def _judge(missing: Sequence[str], traces: Path | None) -> int:
    """A recorded load may hold nothing to prevent; ours does."""
    if missing and traces is None:
        raise MiniCloudError('; '.join(missing))
    for line in missing:
        say(f'in this load, {line}')
    return 0
