import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import forecast
from predictive_watcher.core import inputs
from predictive_watcher.core import usage
from predictive_watcher.models import card
from predictive_watcher.models import registry
from tests.unit.training import made


torch = pytest.importorskip('torch')
pytest.importorskip('onnx')

from predictive_watcher.training import course  # noqa: E402
from predictive_watcher.training import dataset  # noqa: E402
from predictive_watcher.training import network  # noqa: E402
from predictive_watcher.training import split  # noqa: E402
from predictive_watcher.training import train  # noqa: E402


SMALL = {'width': 12, 'hidden': 8, 'batch': 8, 'length': 12, 'steps': 12}


def source(**other):
    return split.Source(
        **{
            'name': 'made',
            'window': made.window(),
            'limits': made.limits(),
            **other,
        }
    )


def course_of(*sources, seed=1, told=None):
    return course.run(
        list(sources) or [source()],
        train.Options(seed=seed, **SMALL),
        'tiny',
        '1',
        '2026-01-01T00:00:00+00:00',
        (told.append if told is not None else lambda _: None),
    )


@pytest.fixture(scope='module')
def trained():
    told = []
    return course_of(told=told), told


def test_quantiles_ascend_and_weights_add_up_whatever_the_weights():
    torch.manual_seed(0)
    net = network.Network(5, 12, 8)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=2.0)
    q, weight, _, spread = net(torch.randn(4, 3, 5))
    assert q.shape == (4, 3, 4, 4, len(forecast.LEVELS))
    assert (q.diff(dim=-1) >= 0).all()
    assert torch.allclose(weight.sum(-1), torch.ones(4, 3, 4))
    assert (spread > 0).all()


def test_the_chance_of_the_loss_is_the_chance_of_the_forecast():
    rng = np.random.default_rng(0)
    weight = rng.dirichlet(np.ones(4), (2, 4))
    mean = rng.normal(0, 2, (2, 4, 4))
    spread = rng.uniform(0.1, 2, (2, 4, 4))
    z = rng.normal(0, 2, (2, 4))
    ours = network.exceedance(
        *(torch.from_numpy(a) for a in (z[..., None], weight, mean, spread))
    )
    theirs = forecast.Exceedance(
        weight=weight,
        mean=mean,
        spread=spread,
        last=np.zeros((2, 4)),
        scale=np.ones((2, 4)),
    ).probability(np.sinh(z))
    assert np.allclose(ours[..., 0].numpy(), theirs)


def test_what_is_trained_can_be_loaded_and_forecasts(trained, tmp_path):
    card.write(tmp_path, trained[0].onnx, trained[0].facts)
    model = registry.load(tmp_path)
    assert model.name == 'tiny-1'
    found = model.forecast(made.window(), made.limits())
    assert np.isfinite(found.quantiles).all()


def test_onnxruntime_agrees_with_torch_for_any_time_and_batch(tmp_path):
    runtime = pytest.importorskip('onnxruntime')
    from predictive_watcher.training import export

    torch.manual_seed(1)
    net = network.Network(len(inputs.NAMES), 12, 8).eval()
    session = runtime.InferenceSession(
        export.onnx_bytes(net, len(inputs.NAMES))
    )
    for time, batch in ((1, 1), (7, 5), (48, 2)):
        x = torch.randn(time, batch, len(inputs.NAMES))
        h, c = torch.randn(2, 1, batch, 8)
        with torch.no_grad():
            expected = network.Stateful(net)(x, h, c)
        feed = {'x': x.numpy(), 'h': h.numpy(), 'c': c.numpy()}
        for ours, theirs in zip(
            expected, session.run(None, feed), strict=True
        ):
            assert np.allclose(ours.numpy(), theirs, atol=1e-5)


def test_the_same_seed_gives_the_same_model(trained):
    assert course_of().onnx == trained[0].onnx
    assert course_of(seed=2).onnx != trained[0].onnx


def test_the_card_says_what_was_learned_from_and_how_good_it_is(trained):
    facts = trained[0].facts
    data = facts['training']['data'][0]
    assert data['source'] == 'made'
    assert data['steps'] < data['reported_steps'][0]
    assert len(data['held_out']) == 1
    assert facts['training']['steps'] == 12
    assert {'lstm', 'persistence', 'histogram'} <= set(facts['scores'])
    assert facts['scores']['lstm']['cpu.wql_max900'] > 0
    assert 'lstm' in trained[0].table


def test_progress_tells_every_stage_with_the_time_left(trained):
    stages = [told.stage for told in trained[1]]
    assert 'reading traces' in stages
    assert 'scoring lstm' in stages
    notes = [t.note for t in trained[1] if t.stage == 'learning']
    assert len(notes) == 12
    assert 'loss' in notes[-1] and 'left' in notes[-1]


def test_the_held_out_part_changes_nothing_in_the_model(trained):
    values = made.window().usage.copy()
    held = trained[0].facts['training']['data'][0]['held_out'][0]
    values[made.window().instances.index(held)] *= 7
    until = trained[0].facts['training']['data'][0]['steps']
    values[:, until:] *= 3
    changed = usage.UsageWindow(
        instances=made.window().instances, start=0, step_s=300, usage=values
    )
    assert course_of(source(window=changed)).onnx == trained[0].onnx


def test_learning_lowers_the_loss():
    losses = []
    series = dataset.follow(made.window(), made.limits())
    train.learn(
        [dataset.Part(series=series, end=120, share=1.0)],
        train.Options(**{**SMALL, 'steps': 250, 'rate': 0.01}),
        lambda p: losses.append(p.loss),
    )
    assert losses[-1] < 0.8 * losses[0]


def test_two_traces_are_learned_together():
    other = source(name='other', window=made.window(steps=60, seed=3))
    facts = course_of(source(), other).facts
    names = [d['source'] for d in facts['training']['data']]
    assert names == ['made', 'other']


@pytest.mark.parametrize(
    ('window', 'said'),
    [
        (made.window(instances=1), '1 instances'),
        (made.window(steps=10), '10 steps'),
        (
            usage.UsageWindow(
                instances=('a', 'b'),
                start=0,
                step_s=60,
                usage=np.ones((2, 100, 4), np.float32),
            ),
            '60 s',
        ),
        (
            usage.UsageWindow(
                instances=('a', 'b'),
                start=0,
                step_s=300,
                usage=np.full((2, 100, 4), np.nan, np.float32),
            ),
            'only NaN',
        ),
    ],
)
def test_a_trace_that_teaches_nothing_is_refused_by_value(window, said):
    count = len(window.instances)
    with pytest.raises(exceptions.InvalidTrace, match=said):
        course_of(source(window=window, limits=made.limits(count)))
