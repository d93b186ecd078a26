"""A model is read from its file, and learned on from there."""

import dataclasses
import io

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import accuracy
from predictive_watcher.core import inputs
from predictive_watcher.models import registry
from tests.unit.training import made


torch = pytest.importorskip('torch')
onnx = pytest.importorskip('onnx')

from predictive_watcher.training import course  # noqa: E402
from predictive_watcher.training import export  # noqa: E402
from predictive_watcher.training import held_out  # noqa: E402
from predictive_watcher.training import network  # noqa: E402
from predictive_watcher.training import split  # noqa: E402
from predictive_watcher.training import train  # noqa: E402
from predictive_watcher.training import tuning  # noqa: E402
from predictive_watcher.training import weights  # noqa: E402


SMALL = train.Options(width=12, hidden=8, batch=8, length=12, steps=12)


def exported(seed=0):
    torch.manual_seed(seed)
    net = network.Network(len(inputs.NAMES), 12, 8)
    net.standardise(
        torch.randn(len(inputs.NAMES)), torch.rand(len(inputs.NAMES)) + 0.5
    )
    return net, export.onnx_bytes(net, len(inputs.NAMES))


def edited(change):
    """A model file in which something was changed."""
    model = onnx.load_model_from_string(exported()[1])
    change(model.graph)
    return model.SerializeToString()


def test_the_weights_in_a_model_file_are_those_that_were_exported():
    net, data = exported()
    found = weights.of_onnx(data, 'it')
    assert set(found) == set(net.state_dict())
    for name, tensor in net.state_dict().items():
        assert torch.equal(found[name], tensor), name


class Deep(torch.nn.Module):
    """What a network with two layers would look like in a file."""

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(5, 4, num_layers=2)

    def forward(self, x):
        return self.lstm(x)[0]


@pytest.mark.filterwarnings('ignore')  # as `export` does
def test_an_lstm_of_several_layers_is_read_as_well():
    deep, buffer = Deep().eval(), io.BytesIO()
    torch.onnx.export(
        deep, (torch.zeros(3, 2, 5),), buffer, opset_version=17, dynamo=False
    )
    found = weights.of_onnx(buffer.getvalue(), 'it')
    assert set(found) == set(deep.state_dict())
    for name, tensor in deep.state_dict().items():
        assert torch.equal(found[name], tensor), name


def test_the_shipped_model_can_be_gone_on_from():
    model = registry.load()
    options = tuning.options(train.Options(), model.describe(), model.name)
    begun = tuning.begun(model.content(), model.name, model.identity, options)
    assert begun.name == model.name
    assert options.rate < train.Options().rate


def test_a_tensor_of_another_shape_is_refused_by_name():
    _, data = exported()
    wide = dataclasses.replace(SMALL, width=16)
    said = r'inner\.0\.weight is \(12, \d+\) there and \(16, \d+\)'
    with pytest.raises(exceptions.InvalidInput, match=said):
        tuning.begun(data, 'it', 'x', wide)


def test_a_tensor_that_is_missing_is_refused_by_name():
    def rename(graph):
        for node in graph.node:
            if node.name == '/inner/inner.2/MatMul':
                node.name = '/other/MatMul'

    said = r'inner\.2\.weight is missing there'
    with pytest.raises(exceptions.InvalidInput, match=said):
        tuning.begun(edited(rename), 'it', 'x', SMALL)


def test_a_network_that_means_something_else_is_refused():
    def squeeze(graph):
        for node in graph.node:
            if node.op_type == 'Erf':
                node.op_type = 'Tanh'

    with pytest.raises(exceptions.ModelRefused, match='answers otherwise'):
        tuning.begun(edited(squeeze), 'it', 'x', SMALL)


@pytest.mark.parametrize('data', [b'', b'no model at all', b'\x08\x07' * 9])
def test_a_file_that_is_no_model_is_refused(data):
    with pytest.raises(exceptions.PredictiveWatcherError, match='it: '):
        tuning.begun(data, 'it', 'x', SMALL)


def test_a_card_that_does_not_tell_the_size_is_refused():
    for training in ({}, {'options': {'width': 12}}, {'options': 'many'}):
        with pytest.raises(exceptions.ModelRefused, match=r'training\.opt'):
            tuning.options(SMALL, {'training': training}, 'it')


@pytest.fixture(scope='module')
def tuned():
    """The shipped model, some steps later, on a fleet with its own way."""
    model = registry.load()
    chosen = train.Options(steps=50, batch=16, length=32)
    options = tuning.options(chosen, model.describe(), model.name)
    begun = tuning.begun(model.content(), model.name, model.identity, options)
    source = split.Source(
        name='own', window=made.working(), limits=made.limits(8)
    )
    return course.run(
        [source], options, 'own', '1', '', lambda _: None, begun=begun
    ), model


def test_on_ones_own_load_it_is_better_than_what_it_began_from(tuned):
    trained, model = tuned
    scores = trained.facts['scores']
    assert accuracy.loss_ratio(scores['lstm'], scores[model.name]) < 0.95


def test_the_report_compares_it_with_what_it_began_from(tuned):
    trained, model = tuned
    ratio = accuracy.loss_ratio(
        trained.facts['scores']['lstm'], trained.facts['scores'][model.name]
    )
    assert f'cpu       {model.name}' in trained.table
    assert trained.table.endswith(
        f'{ratio:.4f} times the quantile loss of {model.name}, the model it '
        'began from'
    )
    assert trained.facts['training']['begun_from'] == {
        'name': model.name,
        'sha256': model.identity,
    }


def test_its_row_is_what_the_model_itself_forecasts(tuned):
    # weights in torch, or the file in onnxruntime: the same model
    trained, model = tuned
    source = split.Source(
        name='own', window=made.working(), limits=made.limits(8)
    )
    found = held_out.results(
        split.of_all([source]),
        {'it': (model, False)},
        held_out.Budget(instances=80, asked=20_000),
        lambda _: None,
    )
    theirs = trained.facts['scores'][model.name]
    for key, value in found['it'].items():
        if '.wql_' in key:
            assert np.isclose(value, theirs[key], atol=2e-4), key
