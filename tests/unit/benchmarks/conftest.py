import pytest


pytest.importorskip('lightgbm')
