"""How good and how fast forecasts are beside others (extra [bench]).

``python -m benchmarks.accuracy`` and ``python -m benchmarks.speed``; see
doc/source/contributor/benchmarks.rst.
"""
