"""The changes of unit that happen: from one system to another, and between multiples."""

from typing import NamedTuple


class Conversion(NamedTuple):
    """A value in the one unit is ``factor`` times that in the other, plus ``offset``."""

    factor: float
    offset: float
    words: str

    @property
    def inverse(self) -> "Conversion":
        """The way back.

        >>> Conversion(1.8, 32.0, "Celsius to Fahrenheit").inverse.words
        'Fahrenheit to Celsius'
        """
        one, other = self.words.split(" to ")
        return Conversion(1 / self.factor, -self.offset / self.factor, f"{other} to {one}")


_ONE_WAY = (
    Conversion(2.54, 0.0, "inches to centimetres"),
    Conversion(25.4, 0.0, "inches to millimetres"),
    Conversion(0.3048, 0.0, "feet to metres"),
    Conversion(1.609344, 0.0, "miles to kilometres"),
    Conversion(1.852, 0.0, "nautical miles to kilometres"),
    Conversion(0.45359237, 0.0, "pounds to kilograms"),
    Conversion(28.349523125, 0.0, "ounces to grams"),
    Conversion(3.785411784, 0.0, "gallons to litres"),
    Conversion(0.44704, 0.0, "miles per hour to metres per second"),
    Conversion(3.6, 0.0, "metres per second to kilometres per hour"),
    Conversion(6.894757293, 0.0, "pounds per square inch to kilopascals"),
    Conversion(33.86388667, 0.0, "inches of mercury to hectopascals"),
    Conversion(1.333223874, 0.0, "millimetres of mercury to hectopascals"),
    Conversion(57.29577951308232, 0.0, "radians to degrees"),
    Conversion(18.0156, 0.0, "mmol/l to mg/dl of glucose"),
    Conversion(7.0, 0.0, "weeks to days"),
    Conversion(12.0, 0.0, "years to months"),
    Conversion(24.0, 0.0, "days to hours"),
    Conversion(60.0, 0.0, "minutes to seconds"),
    Conversion(1_440.0, 0.0, "days to minutes"),
    Conversion(3_600.0, 0.0, "hours to seconds"),
    Conversion(86_400.0, 0.0, "days to seconds"),
    Conversion(10.0, 0.0, "a unit to its tenths"),
    Conversion(100.0, 0.0, "a unit to its hundredths"),
    Conversion(1e3, 0.0, "a unit to its thousandths"),
    Conversion(1e4, 0.0, "a unit to its ten-thousandths"),
    Conversion(1e5, 0.0, "bar to pascals"),
    Conversion(1e6, 0.0, "a unit to its millionths"),
    Conversion(1e9, 0.0, "a unit to its billionths"),
    Conversion(1.8, 32.0, "Celsius to Fahrenheit"),
    Conversion(1.0, 273.15, "Celsius to Kelvin"),
    Conversion(1.8, -459.67, "Kelvin to Fahrenheit"),
)
CONVERSIONS = (*_ONE_WAY, *(one.inverse for one in _ONE_WAY))
"""Every conversion, both ways."""
