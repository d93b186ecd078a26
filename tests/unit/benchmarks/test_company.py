"""Choices of nodes, with and without groups known."""

import json

import numpy as np

from benchmarks import company


def test_a_node_with_one_more_is_above_its_ceiling_or_not():
    limits = np.full((4, 4), 4.0)
    rng = np.random.default_rng(0)
    site = company.cloud(limits, tuple('abcd'), 2, 4, rng)
    there = [k for k, one in enumerate(site.instances) if one.node == 'n0']
    row = next(k for k in range(4) if k not in there)
    used = np.zeros((4, 10))
    used[there] = 1.5
    used[row, :3] = 1.0  # 4.0 of 4, then 3.0
    assert company.overloads(used, site, row, 0) == 0.3


def test_the_command_tells_how_choices_differ(monkeypatch, tmp_path):
    monkeypatch.setattr(company, '_LEARN', 4)
    path = tmp_path / 'found.json'
    arguments = [
        *('--instances', '32', '--days', '2', '--every', '12'),
        *('--movers', '2', '--json', str(path)),
    ]
    assert company.main(arguments) == 0
    found = json.loads(path.read_text())['results']
    assert 0 <= found['same_node'] <= found['moves'] > 0
