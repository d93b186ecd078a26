"""Tables of what audits know of instances beyond their usage."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from predictive_watcher.state import schema


# How much of the time an instance was above its guideline, see core.weights.
strains = sa.Table(
    'predictive_strains',
    schema.metadata,
    sa.Column('instance_id', sa.String(36), primary_key=True),
    sa.Column('at', sa.BigInteger, nullable=False),
    sa.Column('cpu', sa.Float(53), nullable=False),
    sa.Column('memory', sa.Float(53), nullable=False),
    sa.Column('disk', sa.Float(53), nullable=False),
    sa.Column('network', sa.Float(53), nullable=False),
    sqlite_with_rowid=False,
)

# What leases have shown that saturated instances want, see core.saturation.
growths = sa.Table(
    'predictive_growths',
    schema.metadata,
    sa.Column('instance_id', sa.String(36), primary_key=True),
    sa.Column('since', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('resource', sa.String(16), primary_key=True),
    sa.Column('flavor_name', sa.String(255), nullable=False),
    sa.Column('ratio', sa.Float(53), nullable=False),
    sqlite_with_rowid=False,
)

# What is done once for a ledger, and when it was.
marks = sa.Table(
    'predictive_marks',
    schema.metadata,
    sa.Column('name', sa.String(64), primary_key=True),
    sa.Column('at', sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# How long resizes and migrations took, see core.durations.Done.
done = sa.Table(
    'predictive_done',
    schema.metadata,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('instance_id', sa.String(36), nullable=False),
    sa.Column('kind', sa.String(16), nullable=False),
    sa.Column('at', sa.BigInteger, nullable=False),
    sa.Column('duration_s', sa.Float(53)),
    sa.Column('interruption_s', sa.Float(53)),
)

# What plans that are being carried out hold of budgets, see core.claims.
planned = sa.Table(
    'predictive_planned',
    schema.metadata,
    sa.Column('audit', sa.String(36), primary_key=True),
    sa.Column('instance_id', sa.String(36), primary_key=True),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('kind', sa.String(16), nullable=False),
    sa.Column('at', sa.BigInteger, nullable=False),
    sa.Column('until', sa.BigInteger),
)

# What too many instances had in common at once, see core.brakes.Outbreak.
outbreaks = sa.Table(
    'predictive_outbreaks',
    schema.metadata,
    # the name of the node; empty: the fleet
    sa.Column('subject', sa.String(255), primary_key=True),
    sa.Column('kind', sa.String(16), nullable=False),
    sa.Column('until', sa.BigInteger, nullable=False),
    sa.Column('text', sa.Text, nullable=False),
)

# The last verdict of each audit on each instance, for whoever asks.
verdicts = sa.Table(
    'predictive_verdicts',
    schema.metadata,
    sa.Column('instance_id', sa.String(36), primary_key=True),
    sa.Column('audit', sa.String(36), primary_key=True),
    sa.Column('instance_name', sa.String(255), nullable=False, index=True),
    sa.Column('at', sa.BigInteger, nullable=False),
    # MySQL's TEXT ends at 64 KiB; PostgreSQL's takes no length
    sa.Column(
        'told',
        sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql'),
        nullable=False,
    ),
)
