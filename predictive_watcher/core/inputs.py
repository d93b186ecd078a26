"""What the network sees of an instance at one step: names and meaning.

For each resource, amounts as asinh((amount - last) / scale): values ``lagK``
K steps ago; running ``meanK``; decaying ``highK`` and ``lowK``; yesterday's
and the profile's values at this time and 1 to 3 steps later; the week's hour;
0 and the limit.  Then plain numbers: ``stepK`` log of the mean step against
the scale, ``straightK`` how steadily it climbs, masks, ``share`` of the limit,
``level`` and ``scale`` against the smallest step, how long it stayed the
``same``, ``age`` of the newest sample, and how many were ``seen``.
"""

import numpy as np

from predictive_watcher.core import fleet


DAY_S = 86400
RING = 12  # steps of which each value is kept
LAGS = (1, 2, 3, 4, 5, 6, 8, 11)
MEANS = (3, 12, 48, 288)  # time constants in steps
STRAIGHT = (3, 6, 11)  # steps over which a climb is told from a wobble
STEPS = (3, 12, 48)  # of the mean step, beside the scale's own
SCALE_STEPS = 288.0  # time constant of the scale
EXTREMES = (12, 288)  # of the decaying maximum and minimum
AHEAD = (1, 2, 3)  # steps for which the profile is looked up
SCALED = (
    *(f'lag{k}' for k in LAGS),
    *(f'mean{k}' for k in MEANS),
    *(f'{what}{k}' for k in EXTREMES for what in ('high', 'low')),
    *(
        f'{what}_{when}'
        for what in ('yesterday', 'profile')
        for when in ('now', *AHEAD, 'max')
    ),
    'yesterday_near',
    'profile_peak',
    'week',
    'zero',
    'limit',
)
PLAIN = (
    *(f'step{k}' for k in STEPS),
    *(f'straight{k}' for k in STRAIGHT),
    'has_yesterday',
    'has_profile',
    'has_limit',
    'share',
    'level',
    'scale',
    'same',
    'age',
    'seen',
    'present',
)
CALENDAR = (
    *(f'day_{f}{k}' for k in (1, 2) for f in ('sin', 'cos')),
    *(f'week_{f}' for f in ('sin', 'cos')),
    *(f'hour_{f}' for f in ('sin', 'cos')),
)
NAMES: tuple[str, ...] = (
    *(f'{r}.{name}' for r in fleet.RESOURCES for name in (*SCALED, *PLAIN)),
    *(f'calendar.{name}' for name in CALENDAR),
)


def calendar(time: int) -> np.ndarray:
    """Where in the day, the week and the hour ``time`` (UTC) is; float32.

    >>> calendar(0)[:2].tolist()
    [0.0, 1.0]
    """
    day = 2 * np.pi * (time % DAY_S) / DAY_S
    # 1970-01-01 was a Thursday; the phase does not matter
    week = 2 * np.pi * (time % (7 * DAY_S)) / (7 * DAY_S)
    hour = 2 * np.pi * (time % 3600) / 3600
    waves = (day, 2 * day, week, hour)
    pairs = [f(w) for w in waves for f in (np.sin, np.cos)]
    return np.array(pairs, np.float32)
