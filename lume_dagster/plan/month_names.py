"""Names of months in several languages, written as the one that date formats know."""

from __future__ import annotations

from lume_dagster.plan.sql import Bind, Sql, call, text
from lume_dagster.plan.strict import Conversion

#: The English short form -> how it is written in English, German, French, Spanish.
MONTHS = {
    "Jan": "january|januar|j[äa]nner|janvier|enero|jan|j[äa]n|janv|ene",
    "Feb": "february|februar|feber|f[ée]vrier|febrero|feb|f[ée]vr?",
    "Mar": "march|m[äa]rz|mars|marzo|mar|m[äa]r|mrz",
    "Apr": "april|avril|abril|apr|avr|abr",
    "May": "may|mai|mayo",
    "Jun": "june|juni|juin|junio|jun",
    "Jul": "july|juli|juillet|julio|jul|juil",
    "Aug": "august|ao[ûu]t|agosto|aug|ago",
    "Sep": "september|septembre|septiembre|setiembre|sept|sep",
    "Oct": "october|oktober|octobre|octubre|oct|okt",
    "Nov": "november|novembre|noviembre|nov",
    "Dec": "december|dezember|d[ée]cembre|diciembre|dec|dez|d[ée]c|dic",
}


def month_names(_name: str, args: list[Sql], bind: Bind) -> Conversion:
    """One replacement for each month; the first of a text that is a month's name is enough."""
    value = args[0]
    for short, written in MONTHS.items():
        found = rf"(?i)(^|[^\p{{L}}])(?:{written})($|[^\p{{L}}.]|\.)"
        value = bind(call("regexp_replace", value, text(found), text(rf"\1{short}\2")))
    pointless = call("regexp_replace", value, text(rf"\b({'|'.join(MONTHS)})\."), text(r"\1"))
    return Conversion(pointless)
