"""The goal and its efficacy, judged by Watcher's own machinery."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st
import jsonschema
import numpy as np
import pytest
from watcher.decision_engine.solution import efficacy as solution_efficacy

from predictive_watcher.plugin import efficacy
from predictive_watcher.plugin import goal


class FakeStrategy:
    name = 'predictive_adjustment'


def solve(**indicators):
    found = solution_efficacy.Efficacy(
        goal.ViolationPrevention(config={}), FakeStrategy()
    )
    found.set_efficacy_indicators(**indicators)
    found.compute_global_efficacy()
    return found


def test_the_names_are_those_of_the_entry_point():
    assert goal.ViolationPrevention.get_name() == 'violation_prevention'
    assert goal.ViolationPrevention.get_display_name() == (
        goal.ViolationPrevention.get_translatable_display_name()
    )


def test_an_empty_plan_has_a_finite_efficacy():
    found = solve(**efficacy.Outcome().indicators())
    assert [i.value for i in found.indicators] == [0, 0, 0, 0, 0, 0, 0]
    assert found.global_efficacy[0].value == 0.0


def test_no_indicator_at_all_has_a_finite_efficacy():
    found = solve()
    assert found.indicators == []
    assert found.global_efficacy[0].value == 0.0


def test_the_share_of_the_risk_that_is_removed_is_the_efficacy():
    found = solve(
        **efficacy.Outcome(risk_before=0.8, risk_after=0.2).indicators()
    )
    assert found.global_efficacy[0].value == pytest.approx(75.0)
    assert found.global_efficacy[0].unit == '%'


def test_a_plan_that_adds_risk_says_so():
    found = solve(
        **efficacy.Outcome(risk_before=0.2, risk_after=0.3).indicators()
    )
    assert found.global_efficacy[0].value == pytest.approx(-50.0)


@given(
    st.floats(),
    st.floats(),
    st.integers(min_value=0, max_value=10**6),
)
def test_whatever_the_risk_the_efficacy_can_be_stored(before, after, count):
    outcome = efficacy.Outcome(
        risk_before=before, risk_after=after, violations_predicted=count
    )
    found = solve(**outcome.indicators())
    values = [i.value for i in found.indicators]
    values += [i.value for i in found.global_efficacy]
    assert all(math.isfinite(value) for value in values)
    assert json.loads(json.dumps(found.global_efficacy, allow_nan=False))


def test_numpy_numbers_become_plain_ones():
    outcome = efficacy.Outcome(
        risk_before=np.float32(0.5), resizes=np.int64(2)
    )
    kinds = {type(value) for value in outcome.indicators().values()}
    assert kinds == {float, int}


@pytest.mark.parametrize(
    ('name', 'value'),
    [('risk_before', 1.5), ('resizes', -1), ('resizes', 0.5)],
)
def test_each_indicator_has_a_schema_that_watcher_checks(name, value):
    indicators = {**efficacy.Outcome().indicators(), name: value}
    with pytest.raises(jsonschema.ValidationError, match=str(value)):
        solve(**indicators)


def test_an_indicator_that_is_no_number_is_refused():
    with pytest.raises(jsonschema.ValidationError, match='two'):
        solve(**{**efficacy.Outcome().indicators(), 'resizes': 'two'})


def test_the_specification_is_the_same_each_time_it_is_read():
    # otherwise each sync of Watcher would cancel the running audits
    first = goal.ViolationPrevention.get_efficacy_specification()
    second = goal.ViolationPrevention.get_efficacy_specification()
    assert first.get_indicators_specs_dicts() == (
        second.get_indicators_specs_dicts()
    )
