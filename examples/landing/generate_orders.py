"""Write the orders of a small tea shop as its three branches deliver them, each in its own habits.

`python examples/landing/generate_orders.py` writes the same bytes every time. The faults are
planted by hand, below, so that the tests can say exactly what must become of each.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]
FOLDER = Path(__file__).parent / "orders"
PEOPLE = (
    ("Ada Kowalska", "ada.kowalska@example.com", "PL"),
    ("Bruno Schäfer", "bruno@example.org", "DE"),
    ("Chiara Conti", "chiara.conti@example.it", "IT"),
    ("Dvora Levi", "d.levi@example.com", "IL"),
    ("Émile Durand", "emile@example.fr", "FR"),
)
TEAS = (("TEA-ASSAM", 7.5), ("TEA-SENCHA", 11.9), ("POT-0750", 48.0), ("SET-GIFT", 1249.0))


@dataclass(frozen=True)
class Branch:
    """How one branch writes dates, money and yes."""

    name: str
    prefix: str
    date: str
    money: Callable[[float], str]
    yes_no: tuple[str, str]


def _english(amount: float) -> str:
    return f"{amount:,.2f}"


def _german(amount: float) -> str:
    return _english(amount).translate(str.maketrans(",.", ".,")) + " €"


def _polish(amount: float) -> str:
    return _english(amount).translate(str.maketrans(",.", " ,"))


BRANCHES = {
    "berlin": Branch("berlin", "BE", "%d.%m.%Y %H:%M", _german, ("ja", "nein")),
    "krakow": Branch("krakow", "KR", "%Y-%m-%d %H:%M:%S", _polish, ("tak", "nie")),
    "online": Branch("online", "ON", "%Y-%m-%dT%H:%M:%S", _english, ("true", "false")),
}


def order(
    branch: Branch, number: int, day: datetime, luck: random.Random, status: str = "paid"
) -> Record:
    """One good order, in the branch's habits."""
    name, mail, country = luck.choice(PEOPLE)
    items = [(tea, luck.randint(1, 4)) for tea in luck.sample(TEAS, luck.randint(1, 3))]
    total = sum(price * quantity for (_, price), quantity in items)
    return {
        "branch": branch.name,
        "order_no": f"{branch.prefix}-{number:05d}",
        "placed": (day + timedelta(minutes=luck.randint(480, 1200))).strftime(branch.date),
        "status": status,
        "environment": "production",
        "customer": {"name": name, "mail": mail, "country": country},
        "gift": luck.choice(branch.yes_no),
        "currency": "EUR",
        "items": [
            {"sku": sku, "qty": quantity, "price": price} for (sku, price), quantity in items
        ],
        "total": branch.money(total),
    }


def day_of(folder: str, first: int, count: int, luck: random.Random) -> dict[str, list[Record]]:
    """``count`` good orders from each branch."""
    day = datetime.strptime(folder, "%Y-%m-%d")  # noqa: DTZ007 - branches deliver local times
    return {
        name: [order(branch, first + n, day, luck) for n in range(count)]
        for name, branch in BRANCHES.items()
    }


def write(folder: Path, files: dict[str, list[Record]], broken: str = "") -> None:
    """One folder a delivery, one file a branch, one order a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in files.items():
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        if broken and name == "online":
            lines.insert(3, broken)
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(into: Path = FOLDER) -> None:
    """Three deliveries: a messy day, a day that corrects it, and one from a test system."""
    luck = random.Random(2026)  # noqa: S311 - the same orders every time
    first = day_of("2026-03-01", first=1, count=20, luck=luck)
    first["berlin"][4]["placed"] = "31.02.2026 10:00"  # no such day
    first["berlin"][7]["customer"]["mail"] = "bruno at example.org"
    first["krakow"][2]["customer"]["country"] = "XX"
    first["krakow"][2]["currency"] = "zł"  # two faults in one order
    first["krakow"][9]["items"][0]["qty"] = 0
    first["online"][5]["order_no"] = None
    first["online"][11]["total"] = "free"
    write(into / "2026-03-01", first, broken='{"branch": "online", "order_no": "ON-00')

    second = day_of("2026-03-02", first=101, count=10, luck=luck)
    mended = json.loads(json.dumps(first["berlin"][4])) | {"placed": "28.02.2026 10:00"}
    shipped = [dict(record, status="shipped") for record in first["berlin"][:3]]
    second["berlin"] += [mended, *shipped]
    write(into / "2026-03-02", second)

    third = day_of("2026-03-03", first=201, count=5, luck=luck)
    third["online"][3]["environment"] = "test"
    write(into / "2026-03-03", third)


if __name__ == "__main__":
    main()
