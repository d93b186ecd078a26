"""The whole stage: the cloud of the demonstration, with other servers."""

import base64
from collections.abc import Mapping
from dataclasses import replace
import json
import subprocess
import time
from typing import Any

from demo.audit import STRATEGY
from demo.gnocchi import Gnocchi
from demo.openstack import Clients
from demo.workload import STEP_S
from minicloud.cloud import Cloud
from minicloud.cloud import WATCHER
from minicloud.inside import broker
from minicloud.progress import wait_for
from minicloud.settings import Settings
from novaclient import client as nova_client
import sqlalchemy as sa

from predictive_watcher.state import feedback_tables
from predictive_watcher.state import ledger as ledger_module
from tests.e2e.rules.audits import Audits
from tests.e2e.rules.audits import Found
from tests.e2e.rules.servers import NEW_HOSTS
from tests.e2e.rules.site import Site
from tests.e2e.rules.telemetry import STEAL
from tests.e2e.rules.telemetry import Telemetry


LISTENER = 'predictive-watcher-listener'
_PAST_S = 26 * 3600  # the measures of a test are all from before now
_WITHIN_S = 300.0


class Stage:
    """A cloud whose Watcher has settings of its own.

    :param settings: of the cloud, as it runs.
    :param session: of an administrator.
    """

    def __init__(self, settings: Settings, session: Any) -> None:
        self._data = settings.data
        self.policy_file = settings.data / 'policies.yaml'
        self._settings = replace(
            settings,
            hosts=settings.hosts + len(NEW_HOSTS),
            watcher=self._options('rules'),
        )
        clients = Clients(settings)
        nova = nova_client.Client('2.90', session=session)
        self.site = Site(nova, clients, session)
        self._gnocchi = Gnocchi(clients.connection)
        now = int(time.time()) - _PAST_S  # noqa: TID251
        self.telemetry = Telemetry(self._gnocchi, now // STEP_S * STEP_S)
        self._clients = clients
        self.audits = Audits(session, lambda: self.ledger_url)

    def _options(
        self, ledger: str, clock: str = 'telemetry'
    ) -> dict[str, dict[str, str]]:
        self.ledger_url = self._url(ledger)
        ours = {
            'clock': clock,
            'ledger_connection': self.ledger_url,
            'state_directory': f'{self._data}/{ledger}_state',
            'policy_file': str(self.policy_file),
            'steal_metric': STEAL,
        }
        notifications = {'driver': 'messagingv2'}
        return {
            'predictive_watcher': ours,
            'oslo_messaging_notifications': notifications,
        }

    def book(self, ledger: str) -> ledger_module.Ledger:
        """What services have written: before they were restarted into
        ``rules``, then into ``anew``.
        """
        return ledger_module.Ledger(self._url(ledger))

    def _url(self, ledger: str) -> str:
        return f'sqlite:///{self._data}/{ledger}.sqlite'

    @property
    def cloud(self) -> Cloud:
        """The cloud with the settings of now."""
        return Cloud(self._settings)

    def set_up(self) -> None:
        """Everything, until the first audit may come."""
        self.policies('rules: []')
        self.site.clear()
        self.cloud.restart(WATCHER)
        hosts = [f'nova-compute:{host}' for host in NEW_HOSTS]
        self.cloud.start([LISTENER, *hosts])
        self.site.create_flavors()
        self.site.create_aggregates()
        self.site.boot()
        self.telemetry.begin(self.site.described())
        self._wait_for_watcher()

    def _wait_for_watcher(self) -> None:
        wait_for(
            lambda: STRATEGY in self._clients.strategies(),
            f'Watcher to know the strategy {STRATEGY}',
            within_s=_WITHIN_S,
        )
        wait_for(
            self.audits.engine_works,
            'the decision engine to run audits',
            within_s=_WITHIN_S,
        )

    def restart_without_ledger(self) -> None:
        """Watcher begins anew, its ledger is lost, its clock is real."""
        self._settings = replace(
            self._settings, watcher=self._options('anew', clock='system')
        )
        self.cloud.restart(WATCHER)
        self._wait_for_watcher()

    def policies(self, text: str) -> None:
        """Write the policy file of the site."""
        self.policy_file.write_text(text)

    def audit(self, **parameters: Any) -> Found:
        """Let an audit look at all servers."""
        return self.audits.run(self.site.ids, **parameters)

    def go_on(self, steps: int = 1, **share: float) -> None:
        """Measures of some steps more; see `Telemetry.go_on`."""
        self.telemetry.go_on(self.site.ids, share, steps)

    def surge(self) -> None:
        """Measures of a day more; see `Telemetry.go_on_surging`."""
        self.telemetry.go_on_surging(self.site.ids)

    def said(self, role: str) -> str:
        """Everything that a process has said so far."""
        return self.cloud.processes.log_file(role).read_text(errors='replace')

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run predictive-watcher as it is installed beside Watcher."""
        program = self._settings.venv / 'bin' / 'predictive-watcher'
        return subprocess.run(
            [str(program), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_WITHIN_S,
        )

    def asked(self, *words: str) -> Any:
        """What a command says as JSON, with Watcher's configuration."""
        return json.loads(self.said_by(*words, '--json'))

    def said_by(self, *words: str) -> str:
        """What a command says, with Watcher's configuration."""
        file = str(self._settings.etc / 'watcher.conf')
        done = self.command(*words, '--config-file', file)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def heard(self) -> set[tuple[str, str | None]]:
        """What the listener has heard: event and instance."""
        table = feedback_tables.events
        engine = sa.create_engine(self._url('rules'))
        with engine.connect() as connection:
            rows = connection.execute(
                sa.select(table.c.event, table.c.instance_id)
            ).all()
        engine.dispose()
        return {(event, instance) for event, instance in rows}

    def published(self) -> list[tuple[str, dict[str, Any]]]:
        """Our own notifications, which nobody else listens to; they are
        taken off the bus.
        """
        store = broker.Store(self._settings.messages)
        found = []
        for priority in ('info', 'warn'):
            while content := store.get(f'predictive_watcher.{priority}'):
                body = base64.b64decode(json.loads(content)['body'])
                message = json.loads(json.loads(body)['oslo.message'])
                found.append((message['event_type'], message['payload']))
        return found

    @property
    def ids(self) -> Mapping[str, str]:
        """Ids of the servers, by name."""
        return self.site.ids
