"""Draws charts as SVG, for the printed follow-up and the status page.

A chart shows one measure, and each bar has its number beside it, so nobody needs the colours. The attributes hold the
look on paper; on the status page its style sheet overrides them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

WIDTH = 340
_SIGN, _WIDEST_SIGN = 5.6, 7.0
"""About the width of a digit on paper, and of a letter in a browser's widest font, in the picture's units."""
_FONT = "font-family='Libertinus Serif'"
_TALL, _TOP = 62, 20
_THIN, _LINE = 10, 14


@dataclass(frozen=True, slots=True)
class Bar:
    """``value`` is None if it is suppressed or unknown. ``shown`` is the text beside the bar. ``more`` is a larger
    value, drawn as an outline around the bar."""

    name: str
    value: int | None
    shown: str
    more: int | None = None


def vertical(bars: Sequence[Bar], caption: str) -> str:
    """A vertical bar for each month, with ``oktober 2026`` as its name. ``caption`` says what the chart shows."""
    slot = (WIDTH - 8) / max(len(bars), 1)
    top = max((bar.value or 0 for bar in bars), default=0)
    numbered = all(len(bar.shown) * _SIGN <= slot + 3 for bar in bars)
    base = _TOP + _TALL
    parts = [f"<line x1='0' y1='{base}' x2='{WIDTH}' y2='{base}' stroke='#888'/>"]
    highest = next((n for n, bar in enumerate(bars) if top and bar.value == top), None)
    for n, bar in enumerate(bars):
        middle = 4 + slot * (n + 0.5)
        height = _share(bar.value, top, _TALL)
        wide = min(slot * 0.68, 30)
        if height:
            parts.append(_rect(middle - wide / 2, base - height, wide, height))
        if numbered or n in (highest, len(bars) - 1):
            parts.append(_text(middle, base - height - 5, bar.shown, "middle"))
        month, year = bar.name.split(" ")
        if slot >= 20 or n % 3 == 0:
            parts.append(_text(middle, base + 13, month[:3], "middle", soft=True))
        if n == 0 or (month == "januari" and slot * n > 30):
            parts.append(_text(middle, base + 25, year, "middle", soft=True))
    return _svg(parts, base + 29, caption)


def horizontal(bars: Sequence[Bar], caption: str) -> str:
    """A horizontal bar for each thing, under its name. ``caption`` says what the chart shows."""
    longest = max((len(bar.shown) for bar in bars), default=0)
    room = WIDTH - longest * _WIDEST_SIGN - 8
    top = max((max(bar.value or 0, bar.more or 0) for bar in bars), default=0)
    parts, y = [], 0
    for bar in bars:
        for line in wrap(bar.name, 48) or [""]:
            y += _LINE
            parts.append(_text(0, y - 4, line, "start"))
        length, outline = _share(bar.value, top, room), _share(bar.more, top, room)
        if outline:
            parts.append(_rect(0, y, outline, _THIN, hollow=True))
        if length:
            parts.append(_rect(0, y, length, _THIN))
        parts.append(_text(max(length, outline) + 6, y + 9, bar.shown, "start"))
        y += _THIN + 8
    return _svg(parts, y, caption)


def _share(value: int | None, top: int, room: float) -> float:
    return max(1.5, round(room * value / top, 1)) if value and value > 0 and top else 0


def _rect(x: float, y: float, width: float, height: float, *, hollow: bool = False) -> str:
    style = "fill='white' stroke='#333' class='hollow'" if hollow else "fill='#333' class='bar'"
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' {style}/>"


def _text(x: float, y: float, text: str, anchor: str, *, soft: bool = False) -> str:
    style = "fill='#444' class='soft'" if soft else "fill='#000'"
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='11' {_FONT} {style}>{escape(text)}</text>"


def _svg(parts: Sequence[str], height: int, caption: str) -> str:
    size = f"viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'"
    label = escape(caption, quote=True)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' class='chart' {size} role='img' aria-label='{label}'>"
        f"{''.join(parts)}</svg>"
    )
