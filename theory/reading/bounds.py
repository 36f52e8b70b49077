"""How large a formula may be: every limit is several times what the catalogue itself needs.

The longest formula of the catalogue prints as 8 424 characters of text through named quantities and as
4 800 of LaTeX, with brackets 9 deep, exponents up to 5 and numbers of 2 digits.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CHAIN", "CHARACTERS", "DEAR", "DEEPEST", "DIGITS", "EXPONENT", "IRRATIONAL", "LONG_DIGITS",
    "NESTED_FUNCTIONS", "NODES", "NUMBER_BITS", "STATEMENTS", "WEIGHT",
]

#: characters of a text
CHARACTERS: Final = 40_000
#: brackets inside brackets, signs before signs, exponents of exponents
DEEPEST: Final = 40
#: operators in a row, summed over the brackets they stand in
CHAIN: Final = 1_500
#: numbers, names and operators
NODES: Final = 20_000
#: functions, roots, sums, cases and symbolic powers together: each costs as much as fifty products
DEAR: Final = 500
#: functions, roots and symbolic powers inside each other, through definitions as well
NESTED_FUNCTIONS: Final = 8
#: lines and definitions
STATEMENTS: Final = 300
#: nodes of the formula with its definitions put in, repeated ones counted each time
WEIGHT: Final = 200_000
#: digits of one number, and of all numbers of more than three digits together
DIGITS: Final = 40
LONG_DIGITS: Final = 1_000
#: a numeric exponent, before and after like powers are collected
EXPONENT: Final = 64
#: parts of a number that is no fraction, such as sqrt(2) + 1: SymPy evaluates them again and again
IRRATIONAL: Final = 40
#: bits of all powers of numbers together
NUMBER_BITS: Final = 8_192
