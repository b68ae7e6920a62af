"""Constants between units of measurement, each exact by definition or to 12 digits."""

from __future__ import annotations

#: One of the greater unit in the lesser, or of the one system in the other.
RATIOS: tuple[float, ...] = (
    # length: in-mm, in-cm, ft-m, yd-m, mi-km, nmi-km, ft-yd, mi-ft, mi-yd
    25.4, 2.54, 0.3048, 0.9144, 1.609344, 1.852, 30.48, 12, 3, 36, 5280, 1760,
    # mass: lb-g, lb-kg, oz-g, stone-lb, stone-kg, short ton-lb
    453.59237, 0.45359237, 28.349523125, 14, 6.35029318, 16, 2000, 2240,
    # volume: gal-l, fl oz-ml, tsp-ml, tbsp-ml, cup-ml, qt-l, pt-ml, imperial gal-l
    3.785411784, 29.5735295625, 4.92892159375, 14.78676478125, 236.5882365, 0.946352946,
    473.176473, 4.54609, 8, 4, 2, 0.0295735295625, 128, 64, 32, 48, 256,
    # area: acre-m2, ft2-m2, yd2-m2, mi2-km2, acre-ft2, ft2-in2, acre-ha
    4046.8564224, 0.09290304, 0.83612736, 2.58998811034, 43560, 9, 144, 0.40468564224, 640,
    # energy, power, pressure, force
    4.184, 1055.05585262, 745.699871582, 6.89475729317, 101.325, 1.01325, 14.5037737730,
    133.322387415, 4.4482216152605, 9.80665, 3.6, 3412.14163312,
    # time
    60, 3600, 24, 1440, 86400, 7, 168, 52, 365, 365.25, 30,
    # tens and bytes
    10, 100, 1000, 1e4, 1e5, 1e6, 1e9, 1024, 1048576, 1073741824,
    # speed
    0.44704, 1.15077944802, 0.514444444444,
    # angle
    57.2957795131,
)  # fmt: skip

#: times, then plus
AFFINE: tuple[tuple[float, float], ...] = (
    (1.8, 32),
    (0.555555555555556, -17.7777777777778),
    (1, 273.15),
    (1, -273.15),
    (1, -14.695949),
    (1, 14.695949),
)
