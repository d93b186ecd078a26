"""Tables of what came: accuracy, drift, outcomes of actions, events."""

import sqlalchemy as sa

from predictive_watcher.state import schema


def _key(
    name: str, kind: type[sa.BigInteger] | sa.String
) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _sum(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Float(53), nullable=False, server_default='0')


# Running sums of a day, so that months are a few rows an instance.
ACCURACY_SUMS = (
    'n', 'covered', 'abs_error', 'loss',
    'rival_n', 'own_loss', 'persistence_loss', 'mean60_loss',
    'risk_n', 'risk_sum', 'brier', 'came',
)  # fmt: skip
accuracy = sa.Table(
    'predictive_accuracy',
    schema.metadata,
    _key('day', sa.BigInteger),
    _key('instance_id', sa.String(36)),
    _key('resource', sa.String(16)),
    _key('target', sa.String(8)),
    _key('segment', sa.String(64)),
    *(_sum(name) for name in ACCURACY_SUMS),
    sqlite_with_rowid=False,
)

# Of the risk, by tenths of it: how often it came.
RELIABILITY_SUMS = ('n', 'expected', 'came')
reliability = sa.Table(
    'predictive_reliability',
    schema.metadata,
    _key('day', sa.BigInteger),
    _key('instance_id', sa.String(36)),
    _key('resource', sa.String(16)),
    _key('segment', sa.String(64)),
    sa.Column('bin', sa.Integer, primary_key=True, autoincrement=False),
    *(_sum(name) for name in RELIABILITY_SUMS),
    sqlite_with_rowid=False,
)

# Whose forecasts are no longer as good as they were.
drift = sa.Table(
    'predictive_drift',
    schema.metadata,
    _key('instance_id', sa.String(36)),
    _key('resource', sa.String(16)),
    sa.Column('audit', sa.String(36), nullable=False),
    sa.Column('step', sa.String(16), nullable=False),
    sa.Column('since', sa.BigInteger, nullable=False),
    sa.Column('missed', sa.Float(53)),
    sa.Column('ratio', sa.Float(53)),
    sa.Column('text', sa.Text, nullable=False),
)

# What an action was to bring, and what it brought.
outcomes = sa.Table(
    'predictive_outcomes',
    schema.metadata,
    _key('instance_id', sa.String(36)),
    _key('decided_at', sa.BigInteger),
    sa.Column('audit', sa.String(36), nullable=False),
    sa.Column('kind', sa.String(16), nullable=False),
    sa.Column('resource', sa.String(16), nullable=False),
    sa.Column('ceiling', sa.Float(53), nullable=False),
    sa.Column('limit_before', sa.Float(53), nullable=False),
    sa.Column('limit_after', sa.Float(53)),
    sa.Column('predicted', sa.Float(53)),
    sa.Column('risk', sa.Float(53), nullable=False),
    sa.Column('expected_s', sa.Float(53), nullable=False),
    sa.Column('until', sa.BigInteger, nullable=False),
    sa.Column('done', sa.Boolean),
    sa.Column('peak', sa.Float(53)),
    sa.Column('came_s', sa.Float(53)),
    sa.Column('left_s', sa.Float(53)),
    sa.Column('settled_at', sa.BigInteger),
)

# What Nova and Watcher told, until an audit has used it.
events = sa.Table(
    'predictive_events',
    schema.metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('at', sa.BigInteger, nullable=False, index=True),
    sa.Column('event', sa.String(64), nullable=False),
    sa.Column('instance_id', sa.String(36)),
    sa.Column('message_id', sa.String(36), unique=True),
    sa.Column('state', sa.String(32)),
    sa.Column('text', sa.Text, nullable=False),
)
