"""A real Watcher in this process: API, decision engine and applier.

This is the only module of the tests that knows how Watcher is put together.
What is not real: the broker (oslo.messaging's in-memory driver) and the
database server (SQLite, with one writer at a time).
"""

from collections.abc import Iterator
import contextlib
import pathlib
import sqlite3
from typing import Any
import uuid
import warnings

from oslo_config import cfg
from oslo_db.sqlalchemy import enginefacade
from oslo_messaging.notify import _impl_test
import sqlalchemy
from watcher import objects
from watcher.api import app
from watcher.applier import service as applier_service
from watcher.applier import sync as applier_sync
from watcher.common import context
from watcher.common import service as watcher_service
from watcher.db.sqlalchemy import migration
from watcher.decision_engine import service as engine_service
from watcher.decision_engine import sync as engine_sync
from watcher.decision_engine.loading import default as loading
from watcher.decision_engine.model.collector import manager

from tests.functional.harness import operator
from tests.functional.harness import web


_CONFIG = """
[DEFAULT]
host = functional
transport_url = fake:/
enable_authentication = false
service_down_time = 3600
[database]
connection = sqlite:///{folder}/watcher.sqlite
[oslo_messaging_notifications]
driver = test
[watcher_clients_auth]
auth_type = password
auth_url = {auth_url}
username = watcher
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
[collector]
collector_plugins = compute
api_query_max_retries = 1
api_query_interval = 0
[watcher_datasources]
query_max_retries = 1
query_interval = 0
[nova]
migration_interval = 0.1
http_retries = 1
http_retry_interval = 0.1
[watcher_decision_engine]
continuous_audit_interval = 1
[watcher_applier]
workers = 2
"""


_RUN_BEGINS = 'audit.strategy.start'
_RUN_IS_OVER = (
    'audit.strategy.error',
    'audit.planner.end',
    'audit.planner.error',
)


class Watcher(operator.Operator):
    """The operator, and what happens behind the API."""

    def stop_audit(self, uuid: str) -> None:
        """Stop it, and wait for a run that is under way.

        It would look at the cloud of the next test.
        """
        super().stop_audit(uuid)
        operator.eventually(
            lambda: (
                self._seen(uuid, _RUN_BEGINS)
                == self._seen(uuid, *_RUN_IS_OVER)
            ),
            what=f'the last run of audit {uuid} is over',
        )

    @staticmethod
    def _seen(uuid: str, *events: str) -> int:
        return sum(
            message['event_type'] in events
            and message['payload']['watcher_object.data']['uuid'] == uuid
            for _, message, _, _ in _impl_test.NOTIFICATIONS
        )

    @staticmethod
    def plan_by_hand(*actions: dict[str, Any]) -> str:
        """A plan as if our strategy had proposed these actions.

        They go through the strategy's own solution and planner.
        """
        strategy = loading.DefaultStrategyLoader().load(
            'predictive_adjustment'
        )
        for action in actions:
            strategy.solution.add_action(**action)
        strategy.post_execute()
        strategy.solution.compute_global_efficacy()
        admin = context.make_context(is_admin=True)
        row = objects.Strategy.get_by_name(admin, strategy.name)
        audit = objects.Audit(
            admin,
            name=f'by hand {uuid.uuid4()}',
            audit_type='ONESHOT',
            state='SUCCEEDED',
            parameters={},
            goal_id=row.goal_id,
            strategy_id=row.id,
            auto_trigger=False,
        )
        audit.create()
        planner = loading.DefaultPlannerLoader().load(strategy.planner)
        return planner.schedule(admin, audit.id, strategy.solution).uuid

    @staticmethod
    def sync() -> None:
        """What `watcher-sync` and a start of the decision engine do."""
        engine_sync.Syncer().sync()

    @staticmethod
    def collector() -> Any:
        """The collector of the cluster data model."""
        collectors = manager.CollectorManager().get_collectors()
        return collectors['compute']

    def forget_cluster(self) -> None:
        """Let the next audit read the cluster again."""
        self.collector().cluster_data_model = None

    @staticmethod
    def notifications(event: str) -> list[Any]:
        """Payloads of our notifications, the oldest first."""
        return [
            message['payload']
            for _, message, _, _ in _impl_test.NOTIFICATIONS
            if message['event_type'] == event
        ]

    @staticmethod
    def forget_notifications() -> None:
        _impl_test.reset()


@contextlib.contextmanager
def running(
    folder: pathlib.Path, auth_url: str, own_options: str
) -> Iterator[Watcher]:
    """Start everything; yields the operator's view.

    :param own_options: lines of the section [predictive_watcher].
    """
    path = folder / 'watcher.conf'
    path.write_text(
        _CONFIG.format(folder=folder, auth_url=auth_url)
        + '[predictive_watcher]\n'
        + own_options
    )
    watcher_service.prepare_service(['test', '--config-file', str(path)])
    _make_database(folder / 'watcher.sqlite')
    services: list[Any] = []
    try:
        applier_sync.Syncer().sync()
        engine_sync.Syncer().sync()
        for make in (
            engine_service.DecisionEngineService,
            applier_service.ApplierService,
        ):
            services.append(make())
            services[-1].start()
        with web.serving(_api()) as url:
            yield Watcher(url)
    finally:
        for service in services:
            _stop(service)
        cfg.CONF.reset()


def _api() -> Any:
    with warnings.catch_warnings():
        # pecan finds fault with how Watcher configures it
        warnings.simplefilter('ignore', RuntimeWarning)
        return app.VersionSelectorApplication()


def _stop(service: Any) -> None:
    if isinstance(service, engine_service.DecisionEngineService):
        # Watcher leaves these two running until its process ends
        service.continuous_handler.period_scheduler.shutdown()
        service.continuous_handler.scheduler.shutdown()
    service.stop()
    service.wait()


def _make_database(path: pathlib.Path) -> None:
    """The schema, on a SQLite that several threads can write.

    A reader that becomes a writer while another one writes is refused at
    once.  So each transaction asks for the write lock when it begins, and
    waits for it.
    """
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute('PRAGMA journal_mode=WAL')
    engine = enginefacade.writer.get_engine()
    sqlalchemy.event.listen(
        engine, 'before_cursor_execute', _take_the_lock, retval=True
    )
    migration.create_schema()


def _take_the_lock(
    connection: Any, cursor: Any, statement: str, given: Any, *_: Any
) -> tuple[str, Any]:
    if statement == 'BEGIN':
        cursor.execute('PRAGMA busy_timeout = 30000')
        statement = 'BEGIN IMMEDIATE'
    return statement, given
