from predictive_watcher.report import table


def test_columns_line_up():
    assert table.grid([['', 'a'], ['long', '1']]).splitlines() == [
        '      a',
        '----  -',
        'long  1',
    ]
