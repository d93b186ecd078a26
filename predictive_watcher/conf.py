"""Site facts: the options of the section [predictive_watcher].

What differs from audit to audit is a parameter of the audit instead
(`plugin/parameters.py`).
"""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'predictive_watcher',
    title='Predictive Watcher',
    help='Where usage, models and state are, and how to read them.',
)

OPTS = [
    cfg.StrOpt(
        'model_directory',
        help='Folder of the model that forecasts: a model.onnx and its '
        'card.json, as "predictive-watcher train" writes them; or a folder '
        'of models, whose champion "predictive-watcher model promote" '
        'chooses. Unset: the model that comes with the package.',
    ),
    cfg.StrOpt(
        'application_metadata',
        default='predictive:application',
        help='Key of the server metadata that names the application of an '
        'instance, for kin in its profile and for models of its own '
        '("predictive-watcher model promote --for application=NAME"). The '
        'owner of a server can write it. "application" in a rule of '
        'policy_file counts before it.',
    ),
    cfg.StrOpt(
        'application_image_property',
        default='',
        help='Property of images that names the application of the instances '
        'made from them, where neither a rule nor the metadata of the server '
        'do, such as "application". Each audit then asks Glance for the '
        'images in use; where it does not answer, nobody has an application '
        'from there. Empty: images are not asked for.',
    ),
    cfg.StrOpt(
        'time_zone',
        default='UTC',
        help='Time zone of the people who use the instances, a name of the '
        'IANA database such as Europe/Berlin. Behavioural profiles tell the '
        'time of day, weekends and the ends of months in it.',
    ),
    cfg.DictOpt(
        'project_time_zones',
        default={},
        help='Time zones of projects that have another one, as '
        'PROJECT_ID:ZONE,PROJECT_ID:ZONE.',
    ),
    cfg.IntOpt(
        'inference_threads',
        default=2,
        min=1,
        help='Threads that forecasting may use in each process.',
    ),
    cfg.StrOpt(
        'telemetry',
        default='gnocchi',
        choices=[
            ('gnocchi', 'the service "metric" of the catalogue'),
            (
                'aetos',
                'the service "metric-storage" of the catalogue, which lets '
                'queries through to a Prometheus',
            ),
            ('prometheus', 'the Prometheus at prometheus_url'),
        ],
        help="Where Ceilometer's samples are.",
    ),
    cfg.URIOpt(
        'prometheus_url',
        schemes=['http', 'https'],
        help='Where Prometheus is, for telemetry = prometheus; without '
        '"/api/v1".',
    ),
    cfg.StrOpt(
        'prometheus_username',
        help='User for basic authentication at Prometheus. Unset: none.',
    ),
    cfg.StrOpt(
        'prometheus_password',
        secret=True,
        help='Password for basic authentication at Prometheus.',
    ),
    cfg.StrOpt(
        'prometheus_cafile',
        help='File of the certificates that sign that of prometheus_url. '
        'Unset: those of the system.',
    ),
    cfg.StrOpt(
        'prometheus_label',
        default='resource',
        help="Label that holds Ceilometer's resource id, for telemetry = "
        'aetos or prometheus.',
    ),
    cfg.IntOpt(
        'granularity',
        default=300,
        min=60,
        help='Seconds of a step at which usage is read; in Gnocchi the '
        'archive policies of the metrics must have it.',
    ),
    cfg.IntOpt(
        'polling_interval',
        default=300,
        min=1,
        help='Seconds between two samples of one metric, the interval in '
        "Ceilometer's polling.yaml. Gnocchi's rate:mean is the mean growth "
        'from sample to sample, so it has to be divided by this.',
    ),
    cfg.FloatOpt(
        'telemetry_timeout',
        default=60.0,
        min=1.0,
        help='Deadline in seconds for reading all usage of one audit; the '
        'history of instances that it did not know has a deadline of its '
        'own, as long. When it has passed, the audit holds every instance '
        'whose usage is not there yet, and the next one goes on with it.',
    ),
    cfg.IntOpt(
        'telemetry_page_size',
        default=1000,
        min=1,
        help='Instances asked for in one request for usage. Aetos takes '
        'fewer, because a URL has its limits.',
    ),
    cfg.FloatOpt(
        'cloud_timeout',
        default=120.0,
        min=1.0,
        help='Deadline in seconds for all that one audit reads from Nova and '
        'Placement, tokens of Keystone included. When it has passed, the '
        'audit holds every instance. Clouds of many thousand servers may '
        'need more.',
    ),
    cfg.IntOpt(
        'circuit_failures',
        default=3,
        min=1,
        help='After so many failed readings in a row, the source of usage is '
        'left alone for circuit_reset seconds.',
    ),
    cfg.FloatOpt(
        'circuit_reset',
        default=300.0,
        min=0.0,
        help='Seconds during which a source that failed is left alone.',
    ),
    cfg.StrOpt(
        'steal_metric',
        default='',
        help='Metric of instances that holds for how long their vCPUs waited '
        'for a processor of the host (steal), summed over them. What was '
        'waited for counts as wanted: it is added to the use of cpu. An '
        'instance that has no such metric is taken as it is. In Gnocchi it '
        'belongs to the resource type "instance"; in Prometheus the series '
        'may also be called ceilometer_NAME, and prometheus_label has to '
        'hold the id. Empty: steal is not read; Ceilometer has no meter of '
        'it.',
    ),
    cfg.StrOpt(
        'steal_kind',
        default='nanoseconds',
        choices=[
            ('nanoseconds', 'a counter of nanoseconds, as cpu is'),
            ('seconds', 'a counter of seconds'),
            ('gauge', 'how many vCPUs waited on the average'),
        ],
        help='What steal_metric holds.',
    ),
    cfg.StrOpt(
        'activity_metric',
        default='',
        help='Metric of instances that holds what their users do, such as '
        'requests or logins; found as steal_metric is. Profiles learn how '
        'the use of resources follows it, and tell what is usual at the '
        'activity of now. Of an instance without it, packets of the network '
        'stand for it. Empty: those stand for it everywhere.',
    ),
    cfg.StrOpt(
        'activity_kind',
        default='counter',
        choices=[
            ('counter', 'grows with each request or login'),
            ('gauge', 'what there is at the moment, such as sessions'),
        ],
        help='What activity_metric holds.',
    ),
    cfg.StrOpt(
        'clock',
        default='system',
        choices=[
            ('system', 'the time of this machine'),
            (
                'telemetry',
                'the time of the newest sample: for demonstrations and '
                'replays of recorded load only',
            ),
        ],
        help='What "now" is when an audit runs.',
    ),
    cfg.IntOpt(
        'stale_after',
        default=900,
        min=60,
        help='An instance whose newest sample is older than so many seconds '
        'is held.',
    ),
    cfg.StrOpt(
        'state_directory',
        default='/var/lib/predictive_watcher/state',
        help='Folder where audits remember what they know of each instance '
        '(about 35 KB), so that the next one reads and scores new samples '
        'only. It is a cache: deleted files are made again from the history. '
        'Empty: every audit reads and scores the history again, and learns '
        'no calibration from one to the next.',
    ),
    cfg.StrOpt(
        'policy_file',
        default='/etc/predictive_watcher/policies.yaml',
        help='File of rules that give instances policies of their own; '
        '"predictive-watcher policy check FILE" checks it. It is read at each '
        'audit; where it is not there, the parameters of the audit hold for '
        'all.',
    ),
    cfg.StrOpt(
        'ledger_connection',
        default='sqlite:////var/lib/predictive_watcher/ledger.sqlite',
        secret=True,
        help='SQLAlchemy URL of the database of leases and settled forecasts.',
    ),
    cfg.StrOpt(
        'flavor_family_pattern',
        default='',
        help='Regular expression whose first group is the family that the '
        'name of a flavor tells, such as ^([^.]+)[.] where gold.small and '
        'gold.large are of one: an instance is leased flavors of its own '
        'family only. The extra spec predictive:family of a flavor counts '
        'before its name. Empty: names tell nothing.',
    ),
    cfg.FloatOpt(
        'weight_half_life',
        default=21600.0,
        min=60.0,
        help='Seconds in which what an instance used beyond its guideline, '
        'the ceiling of its own flavor, loses half of its say: the weight '
        'of an instance that is above it for so long falls half of the way '
        'to weight_floor, and recovers half of it in the same time.',
    ),
    cfg.FloatOpt(
        'weight_floor',
        default=0.25,
        min=0.0,
        max=1.0,
        help='The share of its weight that an instance keeps which is always '
        'above its guideline. 1: weights never fall.',
    ),
    cfg.BoolOpt(
        'publish_metrics',
        default=False,
        help='Write risk, forecast and surprise of each instance to Gnocchi '
        'after each run: predictive.risk, predictive.cpu.q95, '
        'predictive.anomaly. A failure costs the measures, not the audit.',
    ),
    cfg.StrOpt(
        'metrics_archive_policy',
        default='',
        help='Archive policy of these metrics. Empty: what the rules of '
        'Gnocchi say for their names.',
    ),
    cfg.IntOpt(
        'settled_retention_hours',
        default=48,
        min=24,
        help='How long settled forecasts and what was done are kept; budgets '
        'per day need a day of it.',
    ),
    cfg.IntOpt(
        'accuracy_retention_days',
        default=90,
        min=1,
        help='How long the sums of each day are kept: errors, coverage, skill '
        'and reliability of the forecasts by instance, and what came of '
        'actions. Some 16 rows an instance and day.',
    ),
    cfg.StrOpt(
        'nova_exchange',
        default='nova',
        help='Exchange on which Nova publishes; predictive-watcher-listener '
        'hears it.',
    ),
    cfg.ListOpt(
        'nova_notification_topics',
        default=['versioned_notifications'],
        help="Topics of Nova's versioned notifications.",
    ),
    cfg.StrOpt(
        'watcher_exchange',
        default='watcher',
        help='Exchange on which Watcher publishes; '
        'predictive-watcher-listener hears it.',
    ),
    cfg.ListOpt(
        'watcher_notification_topics',
        default=['notifications'],
        help="Topics of Watcher's versioned notifications.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options known to ``conf``; repeating it does no harm."""
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """The options, for oslo-config-generator."""
    return [(GROUP, OPTS)]
