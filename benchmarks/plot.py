"""Draw the ratios of all scenarios as one SVG, with nothing but text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _LABEL, _BAR, _LINE = 860, 330, 22, 26
_MOST = 3.0  # what is longer is cut, and says so
_OURS, _THEIRS, _REFERENCE = "#2f6f4f", "#b9c4cc", "#7c8a94"


def draw(scenarios: Mapping[str, Any]) -> str:
    """A group of bars for each scenario whose rows have a ratio; shorter is faster."""
    body: list[str] = []
    y = 40
    for value in scenarios.values():
        rows = [r for r in value["rows"] if r["ratio"] is not None]
        if not rows:
            continue
        body.append(_text(12, y, value["title"], weight="600"))
        y += 12
        for row in rows:
            body += _bar(row, y)
            y += _LINE
        y += 24
    line = _x(1.0)
    one = f'<line x1="{line}" y1="24" x2="{line}" y2="{y - 20}" stroke="#444" stroke-dasharray="3 3"/>'
    head = _text(line, 18, "1.0 = the best script by hand", anchor="middle")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" viewBox="0 0 {_WIDTH} {y}" '
        f'font-family="system-ui, sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join([*body, one, head])
        + "\n</svg>\n"
    )


def _bar(row: Mapping[str, Any], y: int) -> Iterator[str]:
    median = row["ratio"]["median"]
    end = _x(min(median, _MOST))
    colour = _OURS if row["name"].startswith("lume_dagster") else _THEIRS
    colour = _REFERENCE if row["note"] == "the reference" else colour
    yield _text(_LABEL - 8, y + 15, row["name"], anchor="end")
    yield f'<rect x="{_LABEL}" y="{y}" width="{end - _LABEL:.1f}" height="{_BAR - 4}" fill="{colour}"/>'
    memory = "" if row["rss_mb"] is None else f", {row['rss_mb']:,.0f} MB"
    seconds = "" if row["wall"] is None else f"  {row['wall']:.4g} s{memory}"
    cut = " (cut)" if median > _MOST else ""
    yield _text(end + 6, y + 14, f"{median:.2f}{cut}{seconds}")


def _x(ratio: float) -> float:
    return round(_LABEL + ratio * (_WIDTH - _LABEL - 190) / _MOST, 1)


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="#222">{escape(words)}</text>'
