"""The colour of light of a temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import IntArray

_UNIT = 1024
# Linear sRGB of CIE XYZ: IEC 61966-2-1.
_SRGB = (
    (3.2406, -1.5372, -0.4986),
    (-0.9689, 1.8758, 0.0415),
    (0.0557, -0.2040, 1.0570),
)


def gains(kelvin: float) -> IntArray:
    """(3,) what a light multiplies red, green and blue by, in 1024ths; their mean is 1 at every temperature.

    So a grey picture is as bright in any light, and the mean of its pixels says nothing of the temperature.

    Raises:
        ValueError: The temperature is out of the range of the approximation, 1,667 to 25,000 K.
    """
    x, y = chromaticity(kelvin)
    light = x / y, 1.0, (1 - x - y) / y
    channels = [max(0.0, sum(weight * part for weight, part in zip(row, light, strict=True))) for row in _SRGB]
    return np.array([round(3 * _UNIT * channel / sum(channels)) for channel in channels], dtype=np.int64)


def chromaticity(kelvin: float) -> tuple[float, float]:
    """CIE 1931 x and y of a black body.

    Source: Kim et al. 2002, US patent 7,024,034 B2, cubic approximations of the Planckian locus.

    Raises:
        ValueError: The temperature is out of their range, 1,667 to 25,000 K.
    """
    if not 1667 <= kelvin <= 25_000:
        raise ValueError(f"{kelvin} K is out of the range of 1,667 to 25,000 K.")
    t = 1000 / kelvin
    if kelvin <= 4000:
        x = ((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910
    else:
        x = ((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390
    return x, _y(kelvin, x)


def _y(kelvin: float, x: float) -> float:
    if kelvin <= 2222:
        return ((-1.1063814 * x - 1.34811020) * x + 2.18555832) * x - 0.20219683
    if kelvin <= 4000:
        return ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    return ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
