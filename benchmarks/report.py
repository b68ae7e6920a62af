"""Write the figures into ``README.md``, between its two marks, and draw ``figures.svg``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.figures import Result
from benchmarks.plot import draw

README = Path(__file__).with_name("README.md")
PLOT = Path(__file__).with_name("figures.svg")
_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"


def write() -> None:
    """From ``figures.json`` alone, so that it can be done again without measuring."""
    from benchmarks.scenarios import SCENARIOS

    taken = figures.load()
    ordered = {name: taken[name] for name in SCENARIOS if name in taken}
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    body = "\n\n".join([_goals(ordered), *(_section(value) for value in ordered.values())])
    README.write_text(f"{before}{_BEGIN}\n\n{body}\n\n{_END}{after}", encoding="utf-8")
    PLOT.write_text(draw(ordered), encoding="utf-8")


def section(result: Result) -> str:
    """One scenario, for the person who waits."""
    value = asdict(result)
    for goal, kept in zip(result.goals, value["goals"], strict=True):
        kept["met"] = goal.met
    return _section(value)


def _goals(scenarios: Mapping[str, Any]) -> str:
    rows = [
        (value["title"], goal["text"], _number(goal["reached"]), "yes" if goal["met"] else "**no**")
        for value in scenarios.values()
        for goal in value["goals"]
    ]
    return _table(("what", "goal", "reached", "met"), rows)


def _section(value: Mapping[str, Any]) -> str:
    tables = [
        _table(each["heads"], each["rows"], each["title"]) for each in value.get("tables", ())
    ]
    shown = "\n\n".join([*([_rows(value["rows"])] if value["rows"] else []), *tables])
    parts = [f"### {value['title']}", shown]
    parts += [
        f"- {'Reached' if g['met'] else '**Missed**'}: {g['text']}; it is {_number(g['reached'])}."
        for g in value["goals"]
    ]
    parts += [f"- {note}" for note in value["notes"]]
    if "taken" in value:
        parts.append(f"- {_taken(value['taken'])}")
    head, table, *bullets = parts
    return "\n\n".join([head, table, "\n".join(bullets)])


def _taken(taken: Mapping[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {version}" for name, version in taken["versions"].items() if version
    )
    return (
        f"{taken['date']}, {taken['cores']} cores ({taken['processor']}), {taken['memory_gib']} GiB, "
        f"{taken['system']}, Python {taken['python']}, {versions}; {taken['rounds']} rounds, load {taken['load']} "
        "when it began."
    )


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = [
        (
            row["name"],
            _number(row["wall"]),
            _number(row["cpu"]),
            "" if row["rss_mb"] is None else f"{row['rss_mb']:,.0f}",
            _ratio(row["ratio"]),
            _ratio(row["cpu_ratio"]),
            row["note"],
        )
        for row in rows
    ]
    heads = ("", "wall s", "CPU s", "peak MB", "ratio wall", "ratio CPU", "")
    kept = [i for i, head in enumerate(heads) if i == 0 or any(cell[i] for cell in cells)]
    return _table([heads[i] for i in kept], [[cell[i] for i in kept] for cell in cells])


def _ratio(value: Mapping[str, float] | None) -> str:
    if value is None:
        return ""
    spread = (
        f" ({value['least']:.2f} to {value['most']:.2f})" if value["least"] != value["most"] else ""
    )
    return f"{value['median']:.2f}{spread}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    lines = [[title, *heads[1:]] if title else heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    write()
