"""The documentation tells what the code has, completely."""

import json
import pathlib
import re

import pytest

from predictive_watcher import notifications
from predictive_watcher.core import adjustment
from predictive_watcher.models import card
from predictive_watcher.models import registry
from predictive_watcher.plugin import efficacy
from predictive_watcher.plugin import parameters
from predictive_watcher.telemetry import measures


ROOT = pathlib.Path(__file__).parents[2]
SOURCE = ROOT / 'doc' / 'source'


def text_of(page):
    return (SOURCE / f'{page}.rst').read_text(encoding='utf-8')


def one_line(text):
    return ' '.join(text.split())


def tables(page):
    """The rows of each list-table of a page, without the head line."""
    found = re.split(r'^\.\. list-table::.*$', text_of(page), flags=re.M)
    return [list(rows(part)) for part in found[1:]]


def rows(part):
    for row in re.split(r'^   \* - ', part, flags=re.M)[2:]:
        # a table ends where the indentation does
        row = re.split(r'\n(?=\S)', row, maxsplit=1)[0]
        yield [one_line(cell) for cell in row.split('\n     - ')]


def plain(text):
    return text.replace('``', '')


def test_the_table_of_parameters_is_the_schema():
    documented = tables('user/strategy')[0]
    expected = [
        [name, spec['type'], json.dumps(spec['default']), spec['description']]
        for name, spec in parameters.SCHEMA['properties'].items()
    ]
    assert [[plain(cell) for cell in row] for row in documented] == expected


def test_the_table_of_indicators_is_the_specification():
    documented = tables('user/strategy')[1]
    specification = efficacy.ViolationPreventionSpec()
    expected = [
        [found.name, found.description]
        for found in specification.get_indicators_specifications()
    ]
    assert [[plain(cell) for cell in row] for row in documented] == expected


def test_every_reason_is_explained_once_and_in_order():
    documented = [row for table in tables('user/reasons') for row in table]
    codes = [plain(row[0]) for row in documented]
    assert codes == [reason.value for reason in adjustment.Reason]
    for code, meaning, advice in documented:
        assert meaning.endswith('.') and advice.endswith('.'), code


@pytest.mark.parametrize('page', ['install/index', 'user/strategy'])
def test_every_metric_that_is_read_is_listed(page):
    listed = [line for line in text_of(page).splitlines() if '``' in line]
    for measure in measures.MEASURES:
        for metric in measure.metrics:
            assert any(
                f'``{metric}``' in line
                and f'``{measure.aggregation}``' in line
                for line in listed
            ), metric


def test_the_page_of_the_model_names_what_the_shipped_one_learned_from():
    page = one_line(text_of('user/model')).lower()
    path = registry.SHIPPED / card.CARD
    shipped = json.loads(path.read_text(encoding='utf-8'))
    for data in shipped['training']['data']:
        named = data['source'] if isinstance(data, dict) else data
        first_word = re.split(r'\W', named)[0].lower()
        assert first_word in page, named


def test_every_module_of_the_core_has_its_place_in_the_architecture():
    page = text_of('contributor/architecture')
    core = (ROOT / 'predictive_watcher' / 'core').glob('[a-z]*.py')
    missing = [p.name for p in core if f'        {p.name} ' not in page]
    assert missing == []


def test_every_dependency_is_explained():
    page = text_of('contributor/dependencies')
    required = (ROOT / 'requirements.txt').read_text(encoding='utf-8')
    names = re.findall(r'^([\w.-]+)[=<>]', required, flags=re.M)
    extras = (ROOT / 'setup.cfg').read_text(encoding='utf-8')
    extras = extras.split('[extras]')[1].split('[entry_points]')[0]
    names += re.findall(r'^    ([\w.-]+)[=<>]', extras, flags=re.M)
    assert names
    assert [name for name in names if f'``{name}``' not in page] == []


@pytest.mark.parametrize('event', notifications.Event)
def test_every_notification_is_documented_with_its_payload(event):
    parts = re.split(r'^``(predictive_watcher\.[\w.]+)``\n-+$',
                     text_of('user/notifications'), flags=re.M)  # fmt: skip
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    table = re.split(r'^=+ =+$', sections[event.value], flags=re.M)[1]
    told = re.findall(r'^``(\w+)``', table, flags=re.M)
    assert told == list(notifications.PAYLOADS[event])


def out_of_columns(text):
    """Rows of simple tables with text between two columns."""
    margins, found = None, []
    for number, line in enumerate(text.splitlines(), 1):
        if re.fullmatch(r'\s*=+(?: +=+)+', line):
            first = len(line) - len(line.lstrip())
            margins = [i for i in range(first, len(line)) if line[i] == ' ']
        elif not line.strip():
            margins = None
        elif margins and any(line[i : i + 1].strip() for i in margins):
            found.append(f'{number}: {line.strip()}')
    return found


@pytest.mark.parametrize(
    'page', sorted(ROOT.glob('doc/source/**/*.rst')), ids=lambda p: p.stem
)
def test_what_stands_in_a_table_keeps_to_its_columns(page):
    assert out_of_columns(page.read_text()) == []


def test_a_word_that_is_too_long_for_its_column_is_found():
    table = '=== ===\na   b\n=== ===\nlong  c\nd   e\n=== ==='
    assert out_of_columns(table) == ['4: long  c']
