"""The network's inputs as their definition reads: slow, from the history.

One instance and resource at a time, in float64, with what was seen at every
step still at hand.  `features.FeatureState` must find the same without it.
"""

import math

import numpy as np

from predictive_watcher.core import inputs


DAY = 288  # steps
NAN = float('nan')


class Cell:
    """What was seen of one resource of one instance, and what follows."""

    def __init__(self, values, start, limit, floor):
        self.values = [float(v) for v in values]
        self.seen = [v for v in self.values if not math.isnan(v)]
        self.now = len(self.values) - 1
        self.time = start + 300 * self.now
        self.start = start
        self.limit = limit
        self.floor = floor
        self.last = self.seen[-1] if self.seen else 0.0

    def at(self, step):
        return self.values[step] if 0 <= step <= self.now else NAN

    def held(self, step):
        """The newest value at that step."""
        known = [v for v in self.values[: max(step + 1, 0)] if v == v]
        return known[-1] if known else NAN

    def same(self):
        count = 0
        for a, b in zip([0.0, *self.seen], self.seen, strict=False):
            count = count + 1 if a == b else 0
        return count

    def age(self):
        for k, value in enumerate(reversed(self.values)):
            if value == value:
                return k
        return math.inf

    def changes(self):
        pairs = zip(self.values, self.values[1:], strict=False)
        return [abs(b - a) for a, b in pairs if a == a and b == b]

    def step(self, span):
        mean = 0.0
        for n, change in enumerate(self.changes(), 1):
            mean += (change - mean) / min(n, span)
        return mean

    def mean(self, span):
        mean = 0.0
        for n, value in enumerate(self.seen, 1):
            mean += (value - mean) / min(n, span)
        return mean

    def extreme(self, span, best):
        mean = found = self.seen[0] if self.seen else 0.0
        for n, value in enumerate(self.seen[1:], 2):
            mean += (value - mean) / min(n, span)
            found = best(value, found - (found - mean) / span)
        return found

    def scale(self):
        number = min(len(self.changes()), DAY)
        prior = self.floor + 0.02 * abs(self.mean(DAY))
        scale = (self.step(DAY) * number + 3 * prior) / (number + 3)
        return max(scale, self.floor)

    def days(self, step):
        """Samples at this time of day, up to ``step``, oldest first."""
        found = [self.at(k) for k in range(step % DAY, step + 1, DAY)]
        return [v for v in found if v == v]

    def profile(self, step):
        """Mean and peak over the days."""
        mean = peak = NAN
        for value in self.days(step):
            mean = value if mean != mean else mean + 0.25 * (value - mean)
            peak = float(np.fmax(value, mean + 0.85 * (peak - mean)))
        return mean, peak

    def week(self):
        hour = (self.time + 600) // 3600 % 168
        mean = NAN
        for k, value in enumerate(self.values):
            if (self.start + 300 * k) // 3600 % 168 == hour and value == value:
                mean = value if mean != mean else mean + (value - mean) / 24
        return mean

    def straight(self, span):
        held = [self.held(self.now - k) for k in range(span + 1)]
        way = sum(abs(a - b) for a, b in zip(held, held[1:], strict=False))
        ratio = (held[0] - held[-1]) / max(way, self.floor)
        return ratio if math.isfinite(ratio) else 0.0

    def amounts(self):
        now = self.now
        ahead = [now + k - DAY for k in inputs.AHEAD]
        day = [self.at(k) for k in ahead]
        profile, peak = zip(*(self.profile(k) for k in ahead), strict=True)
        near = [self.at(now + k - DAY) for k in range(5)]
        extremes = [
            self.extreme(span, best)
            for span in inputs.EXTREMES
            for best in (max, min)
        ]
        return [
            *(self.held(now - k) for k in inputs.LAGS),
            *(self.mean(span) for span in inputs.MEANS),
            *extremes,
            *(near[0], *day, most(day)),
            *(self.profile(now - DAY)[0], *profile, most(profile)),
            *(most(near), most(peak), self.week(), 0.0, self.limit),
        ]

    def plain(self):
        scale, limited = self.scale(), math.isfinite(self.limit)
        ratios = [
            math.log((self.step(span) + self.floor) / scale)
            for span in inputs.STEPS
        ]
        tomorrow = self.now + 1 - DAY
        share = min(self.last / self.limit, 4) if limited else 0.0
        return [
            *ratios,
            *(self.straight(span) for span in inputs.STRAIGHT),
            float(math.isfinite(self.at(tomorrow))),
            float(math.isfinite(self.profile(tomorrow)[0])),
            float(limited),
            share,
            math.asinh(self.last / self.floor),
            math.log(scale / self.floor),
            math.log1p(self.same()),
            min(self.age(), 3.0),
            math.log1p(min(len(self.seen), 2 * DAY)),
            float(self.age() == 0),
        ]

    def inputs(self):
        """In the order of `inputs.SCALED` and `inputs.PLAIN`."""
        if self.age() > 2:
            return [0.0] * len((*inputs.SCALED, *inputs.PLAIN))
        scale = self.scale()
        found = [math.asinh((a - self.last) / scale) for a in self.amounts()]
        return [*(f if f == f else 0.0 for f in found), *self.plain()]


def most(values):
    return float(np.fmax.reduce(np.array(values)))


def features(values, start, limits, floors):
    """Of one instance after the last of ``values`` (steps, resources)."""
    cells = [
        Cell(values[:, r], start, limits[r], floors[r])
        for r in range(values.shape[1])
    ]
    own = [number for cell in cells for number in cell.inputs()]
    return np.array([*own, *inputs.calendar(cells[0].time)])
