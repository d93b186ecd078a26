import xml.etree.ElementTree as ET

from predictive_watcher.report import svg


def test_plots_are_well_formed_and_names_are_escaped():
    point = svg.Point(x=3, y=40, label='<a> & b', ours=True)
    for plot in (
        svg.bars([('<a>', 3.0), ('b', 0.0)], unit='min', ours='b'),
        svg.scatter([point], [point], x='x & y', y='<y>'),
        svg.scatter([], [], x='x', y='y'),
        svg.bars([], unit='min', ours=''),
    ):
        ET.fromstring(plot)


def test_a_longer_bar_is_more():
    plot = ET.fromstring(svg.bars([('a', 1), ('b', 4)], unit='', ours='a'))
    widths = [float(one.get('width')) for one in plot.iter('rect')]
    assert widths[1] == 4 * widths[0]
