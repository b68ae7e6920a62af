"""Code lists that everybody knows: states, countries, months, weekdays; keys in lower case."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from lume_dagster.mapper.synthesis.clock import DAYS

#: List -> its file, the column of the key, the column of the value.
_FILES: dict[str, tuple[str, int, int]] = {
    "state_code": ("states", 1, 0),
    "state_name": ("states", 0, 1),
    "province_code": ("provinces", 1, 0),
    "province_name": ("provinces", 0, 1),
    "country_code": ("countries", 2, 0),
    "country_code3": ("countries", 2, 1),
    "country_name": ("countries", 0, 2),
    "country_name3": ("countries", 1, 2),
    "country_2to3": ("countries", 0, 1),
    "country_3to2": ("countries", 1, 0),
}
_MADE = {
    "weekday_number": {day.lower(): str(i) for i, day in enumerate(DAYS, 1)},
    "weekday_name": {day[:3].lower(): day for day in DAYS},
    "weekday_short": {day.lower(): day[:3] for day in DAYS},
    "mime": {
        "html": "text/html",
        "htm": "text/html",
        "txt": "text/plain",
        "csv": "text/csv",
        "json": "application/json",
        "xml": "application/xml",
        "pdf": "application/pdf",
        "zip": "application/zip",
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "gif": "image/gif",
        "svg": "image/svg+xml",
        "mp3": "audio/mpeg",
        "mp4": "video/mp4",
    },
}
WORDS = {
    "state_code": "the code of the US state",
    "state_name": "the name of the US state",
    "province_code": "the code of the Canadian province",
    "province_name": "the name of the Canadian province",
    "country_code": "the two-letter code of the country",
    "country_code3": "the three-letter code of the country",
    "country_name": "the country of the two-letter code",
    "country_name3": "the country of the three-letter code",
    "country_2to3": "the three-letter code for the country code",
    "country_3to2": "the two-letter code for the country code",
    "weekday_number": "the number (Monday is 1) of the day",
    "weekday_name": "the full name of the day",
    "weekday_short": "the short name of the day",
    "mime": "the media type of the extension",
}
COSTS = dict.fromkeys(WORDS, 2.6)


@lru_cache(maxsize=32)
def table(name: str) -> Mapping[str, str]:
    """A list by its name."""
    if name in _MADE:
        return _MADE[name]
    file, key, value = _FILES[name]
    text = (resources.files(__package__ or "") / f"{file}.csv").read_text(encoding="utf-8")
    return {row[key].lower(): row[value] for row in csv.reader(text.splitlines())}
