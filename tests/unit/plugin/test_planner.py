"""The planner's order, without a database."""

from oslo_config import cfg
from watcher.common import utils
from watcher.decision_engine.loading import default as loading

from predictive_watcher.plugin import planner


class FakeAction:
    """An action row, as far as the graph looks at it."""

    def __init__(self, uuid):
        self.uuid = uuid
        self.parents = []


def make(**config):
    return planner.PredictivePlanner(utils.Struct(config))


def graph_of(**numbers):
    weights = planner.PredictivePlanner.action_weights
    groups = sorted(
        (
            (weights[kind], [FakeAction(f'{kind}-{i}') for i in range(n)])
            for kind, n in numbers.items()
        ),
        reverse=True,
    )
    graph = make().compute_action_graph(groups)
    return {action.uuid: set(action.parents) for action in graph.nodes}


def test_weights_are_whole_numbers_and_no_two_are_equal():
    weights = planner.PredictivePlanner.action_weights
    assert set(weights) == {'predictive_resize', 'predictive_migrate'}
    assert all(type(weight) is int for weight in weights.values())
    assert len(set(weights.values())) == len(weights)


def test_migrations_come_first_and_run_two_at_a_time():
    parents = graph_of(predictive_migrate=3, predictive_resize=1)
    assert parents['predictive_migrate-0'] == set()
    assert parents['predictive_migrate-1'] == set()
    assert parents['predictive_migrate-2'] == {
        'predictive_migrate-0',
        'predictive_migrate-1',
    }
    assert parents['predictive_resize-0'] == {'predictive_migrate-2'}


def test_a_plan_without_actions_has_an_empty_order():
    assert graph_of() == {}


def test_setting_one_type_leaves_the_others_alone():
    made = make(weights={'predictive_resize': 30})
    assert made.config.weights == {
        'predictive_migrate': 20,
        'predictive_resize': 30,
    }
    assert made.config.parallelization['predictive_migrate'] == 2


def test_numbers_from_a_configuration_file_stay_numbers(tmp_path):
    path = tmp_path / 'watcher.conf'
    path.write_text(
        '[watcher_planners.predictive]\nweights = predictive_resize:9\n'
    )
    conf = cfg.ConfigOpts()
    conf(['--config-file', str(path)])
    loader = loading.DefaultPlannerLoader()
    loader.conf = conf
    assert loader.load('predictive').config.weights == {
        'predictive_migrate': 20,
        'predictive_resize': 9,
    }
