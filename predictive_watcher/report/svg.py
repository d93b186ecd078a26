"""Plots as inline SVG: nothing is loaded, nothing is run."""

from collections.abc import Sequence
from dataclasses import dataclass
import html
import math


_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 14, 46
OURS, OTHERS = '#0b6e4f', '#8a8f98'


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place in a plot, with its name."""

    x: float
    y: float
    label: str
    ours: bool = False


def bars(values: Sequence[tuple[str, float]], *, unit: str, ours: str) -> str:
    """Horizontal bars, one a line, with their values."""
    row, left, room = 26, 150, 300
    most = max((value for _, value in values), default=0.0) or 1.0
    parts = []
    for n, (label, value) in enumerate(values):
        y = 8 + n * row
        width = max(room * value / most, 0.5)
        colour = OURS if label == ours else OTHERS
        parts += [
            _text(left - 8, y + 13, label, anchor='end'),
            f'<rect x="{left}" y="{y}" width="{width:.1f}" height="18" '
            f'fill="{colour}"/>',
            _text(left + width + 6, y + 13, f'{value:,.0f} {unit}'),
        ]
    return _svg(_WIDTH, 16 + row * len(values), parts)


def scatter(
    points: Sequence[Point],
    line: Sequence[Point],
    *,
    x: str,
    y: str,
) -> str:
    """Points with names, and a line through others; axes begin at 0."""
    everything = [*points, *line]
    right = _ceiling(max((p.x for p in everything), default=1.0))
    top = _ceiling(max((p.y for p in everything), default=1.0))

    def place(p: Point) -> tuple[float, float]:
        across = (_WIDTH - _LEFT - _RIGHT) * p.x / right
        up = (_HEIGHT - _TOP - _BOTTOM) * p.y / top
        return _LEFT + across, _HEIGHT - _BOTTOM - up

    parts = _axes(right, top, x, y)
    if line:
        path = ' '.join(f'{a:.1f},{b:.1f}' for a, b in map(place, line))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{OURS}" '
            'stroke-width="1.5"/>'
        )
    for point in everything:
        a, b = place(point)
        colour = OURS if point.ours else OTHERS
        parts.append(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>'
        )
        late = a > _WIDTH - 130
        parts.append(
            _text(
                a - 7 if late else a + 7,
                b - 6,
                point.label,
                anchor='end' if late else 'start',
            )
        )
    return _svg(_WIDTH, _HEIGHT, parts)


def _axes(right: float, top: float, x: str, y: str) -> list[str]:
    floor, wall = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for n in range(5):
        share = n / 4
        across = _LEFT + share * (wall - _LEFT)
        up = floor - share * (floor - _TOP)
        parts += [
            f'<line x1="{_LEFT}" y1="{up:.1f}" x2="{wall}" y2="{up:.1f}" '
            'stroke="#dfe2e6"/>',
            _text(_LEFT - 6, up + 4, _amount(share * top), anchor='end'),
            _text(across, floor + 16, _amount(share * right), anchor='middle'),
        ]
    parts.append(_text((_LEFT + wall) / 2, _HEIGHT - 8, x, anchor='middle'))
    middle = (_TOP + floor) / 2
    parts.append(
        f'<g transform="rotate(-90 14 {middle:.0f})">'
        + _text(14, middle, y, anchor='middle')
        + '</g>'
    )
    return parts


def _ceiling(value: float) -> float:
    """A round number that is not below; 1 for nothing.

    >>> _ceiling(8705.0), _ceiling(0.0)
    (10000.0, 1.0)
    """
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 4, 10) if value <= step * unit)


def _amount(value: float) -> str:
    return f'{value:,.0f}' if value >= 10 or value == 0 else f'{value:g}'


def _text(x: float, y: float, text: str, *, anchor: str = 'start') -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f'{html.escape(text)}</text>'
    )


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img">{"".join(parts)}</svg>'
    )
