import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import forecast
from predictive_watcher.core import remembering
from predictive_watcher.core import several
from predictive_watcher.core import usage
from predictive_watcher.models import registry
from tests.fakes import recurrent
from tests.fakes.forecaster import FakeForecaster
from tests.unit.training import made


WINDOW = made.window(steps=40)
LIMITS = made.limits()
PARTS = ('weight', 'mean', 'spread', 'last', 'scale')


class Wide(recurrent.Echo):
    """Another model: other quantiles, and more parts of its mixture."""

    name = 'wide'
    identity = 'wide-1'
    history_s = 2 * 86400

    def recur(self, x, h, c):
        (quantiles, weight, *_), h, c = super().recur(x, h, c)
        three = np.repeat(weight / 3, 3, axis=2)
        heads = [3 * quantiles, three, 0 * three + 1, 0 * three + 2]
        return heads, h, c


class Refused(recurrent.Echo):
    def check_step(self, step_s):
        raise exceptions.ModelRefused('it is broken')


def remembered(model):
    return remembering.Remembering(model, None)


def own(model, *rows):
    names = frozenset(WINDOW.instances[row] for row in rows)
    return several.Own(forecaster=remembered(model), instances=names)


def alone(model):
    return remembered(model).forecast(WINDOW, LIMITS)


def test_without_any_it_is_the_default_bit_for_bit():
    found = several.Several(remembered(registry.load(threads=1))).forecast(
        WINDOW, LIMITS
    )
    expected = alone(registry.load(threads=1))
    assert np.array_equal(found.quantiles, expected.quantiles, equal_nan=True)
    assert (found.model, found.models, found.notes) == (
        expected.model, (), {}
    )  # fmt: skip


def test_each_instance_has_the_forecast_of_its_own_model_in_its_place():
    asked = several.Several(remembered(recurrent.Echo()), [own(Wide(), 4, 1)])
    found = asked.forecast(WINDOW, LIMITS)
    echo, wide = alone(recurrent.Echo()), alone(Wide())
    assert found.instances == WINDOW.instances
    assert found.origin == echo.origin
    assert found.quantiles.dtype == np.float32
    for row, name in enumerate(WINDOW.instances):
        expected = wide if row in (1, 4) else echo
        assert found.model_of(row) == expected.model, name
        assert np.array_equal(
            found.quantiles[row], expected.quantiles[row], equal_nan=True
        )
    assert found.model == 'echo, wide'
    assert found.of(np.array([4])).model_of(0) == 'wide'
    assert asked.name == 'echo, wide'
    assert asked.history_s == 2 * 86400


@pytest.mark.parametrize('ceiling', [0.0, 0.5, 0.9, 2.0])
def test_mixtures_of_different_size_keep_their_chances(ceiling):
    asked = several.Several(
        remembered(recurrent.Echo()), [own(Wide(), 0, 2, 5)]
    )
    found = asked.forecast(WINDOW, LIMITS).probability(ceiling * LIMITS)
    echo, wide = (
        alone(model).probability(ceiling * LIMITS)
        for model in (recurrent.Echo(), Wide())
    )
    wide[[1, 3, 4]] = echo[[1, 3, 4]]
    assert np.allclose(found, wide, rtol=1e-12, equal_nan=True)


def test_where_one_has_no_such_head_the_quantiles_answer_for_all():
    fake = several.Own(
        forecaster=FakeForecaster({}), instances=frozenset(['i2'])
    )
    found = several.Several(remembered(recurrent.Echo()), [fake]).forecast(
        WINDOW, LIMITS
    )
    assert found.exceedance is None
    assert np.isfinite(found.probability(LIMITS)[1:, :2]).all()


def test_a_refused_model_leaves_its_instances_to_the_default_and_says_why():
    asked = several.Several(
        remembered(recurrent.Echo()), [own(Refused(), 2), own(Wide(), 3)]
    )
    found = asked.forecast(WINDOW, LIMITS)
    assert found.model_of(2) == 'echo'
    assert np.array_equal(
        found.quantiles[2], alone(recurrent.Echo()).quantiles[2]
    )
    assert found.notes == {
        'i2': 'its own model is refused, echo stands in: it is broken'
    }
    assert found.model_of(3) == 'wide'
    assert asked.refused == {'i2': 'it is broken'}


def test_what_was_refused_before_is_noted_too():
    asked = several.Several(
        remembered(recurrent.Echo()), refused={'i1': 'no card', 'gone': 'x'}
    )
    assert list(asked.forecast(WINDOW, LIMITS).notes) == ['i1']


def test_a_refused_default_model_is_an_error():
    asked = several.Several(remembered(Refused()), [own(Wide(), 3)])
    with pytest.raises(exceptions.ModelRefused, match='broken'):
        asked.forecast(WINDOW, LIMITS)


def test_a_default_that_nobody_needs_is_not_asked():
    everybody = range(len(WINDOW.instances))
    asked = several.Several(remembered(Refused()), [own(Wide(), *everybody)])
    found = asked.forecast(WINDOW, LIMITS)
    assert found.model == 'wide' and found.models == ()


def test_a_model_of_nobody_here_is_not_asked():
    stranger = several.Own(
        forecaster=remembered(Refused()), instances=frozenset(['gone'])
    )
    found = several.Several(remembered(recurrent.Echo()), [stranger]).forecast(
        WINDOW, LIMITS
    )
    assert found.model == 'echo' and found.notes == {}


def test_nobody_at_all_is_no_error():
    nobody = usage.UsageWindow(
        instances=(), start=0, step_s=300, usage=WINDOW.usage[:0, :5].copy()
    )
    found = several.Several(
        remembered(recurrent.Echo()), [own(Wide(), 1)]
    ).forecast(nobody, LIMITS[:0])
    assert found.quantiles.shape == (0, 4, len(forecast.TARGETS), 9)


def test_a_model_goes_on_with_those_who_have_it_at_other_times():
    names = frozenset(WINDOW.instances[row] for row in (1, 4))
    by_night, usual = remembered(Wide()), remembered(recurrent.Echo())
    asked = several.Several(
        usual,
        [
            several.Own(
                forecaster=by_night,
                instances=frozenset({WINDOW.instances[4]}),
                followed=frozenset({WINDOW.instances[1]}),
            )
        ],
        followed=frozenset({WINDOW.instances[4]}),
    )
    found = asked.forecast(WINDOW, LIMITS)
    assert set(by_night.memory.instances) == names
    assert set(usual.memory.instances) == set(WINDOW.instances)
    echo, wide = alone(recurrent.Echo()), alone(Wide())
    for row in range(len(WINDOW.instances)):
        expected = wide if row == 4 else echo
        assert found.model_of(row) == expected.model
        assert np.array_equal(
            found.quantiles[row], expected.quantiles[row], equal_nan=True
        )


def test_where_nobody_has_a_followed_model_now_it_says_nothing():
    by_night = remembered(Wide())
    own_model = several.Own(
        forecaster=by_night,
        instances=frozenset(),
        followed=frozenset({WINDOW.instances[1]}),
    )
    asked = several.Several(remembered(recurrent.Echo()), [own_model])
    found = asked.forecast(WINDOW, LIMITS)
    assert found.model == 'echo'
    assert by_night.memory.instances == (WINDOW.instances[1],)
