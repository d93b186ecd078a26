"""What the demonstration refuses before anything is installed."""

from pathlib import Path
import subprocess
import sys

import pytest


DEMO = Path(__file__).resolve().parents[3] / 'tools' / 'demo'


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        (['--interval', '0'], "'0' is no whole number of seconds"),
        (['--interval', 'soon'], "'soon' is no whole number of seconds"),
        (['-p', 'risk_threshold'], "'risk_threshold' is not NAME=VALUE"),
        (['-p', '=0.5'], "'=0.5' is not NAME=VALUE"),
        (['--base-port', '80'], "'80' is no port from 1024"),
        (['--base-port', '65530'], "'65530' is no port from 1024"),
        (['--traces', 'nowhere.npz'], 'there is no file nowhere.npz'),
        (['--traces', __file__], 'is no npz file'),
    ],
)
def test_a_wrong_option_is_refused_at_once(words, complaint, tmp_path):
    home = tmp_path / 'home'
    refused = subprocess.run(
        [sys.executable, str(DEMO), '--home', str(home), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert refused.returncode
    assert complaint in ' '.join(refused.stderr.split())
    assert 'Traceback' not in refused.stderr
    assert not home.exists()
