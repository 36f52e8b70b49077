"""Which letters the literature uses for what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from derivations.checking.homogeneity import DECLARED_UNITS, Unit, homogeneity
from theory import symbols
from theory.symbols import PARAMETERS

__all__ = ["HABITS", "MEANINGS", "Meaning", "habits_of", "letter_of"]

_eta, _beta, _c = symbols.learning_rate, symbols.momentum, symbols.noise_variance
_s, _n = symbols.batch_size, symbols.samples


@dataclass(frozen=True)
class Meaning:
    """Something a letter may stand for.

    Attributes
    ----------
    key
        As the habits name it.
    words
        "the learning rate".
    expression
        In the project's symbols.
    symbol
        The project symbol that the letter takes: no two letters may take the same.
    """

    key: str
    words: str
    expression: sp.Expr
    symbol: sp.Symbol

    @cached_property
    def unit(self) -> Unit:
        found = homogeneity(self.expression).unit(DECLARED_UNITS)
        if found is None:
            raise ValueError(f"the meaning {self.key} adds different units: {self.expression}")
        return found


def _plain(symbol: sp.Symbol, words: str) -> Meaning:
    return Meaning(symbol.name, words, symbol, symbol)


def _of_finite_sets() -> Iterator[Meaning]:
    """Noise of one sample, c = factor times its variance, where the number of samples matters."""
    for key, how, factor, shown in (
        ("finite", "(1/(N-1) convention)", (_n - _s) / (_s * _n), "(1/S - 1/N)"),
        ("population", "(1/N convention)", (_n - _s) / (_s * (_n - 1)), "(N - S)/(S (N - 1))"),
        ("replacement", "(1/(N-1) convention) drawn with replacement", (_n - 1) / (_s * _n),
         "(N - 1)/(N S)"),
    ):
        yield Meaning(f"{key}_variance", f"the noise variance of one sample {how}: c = {shown} times that",
                      _c / factor, _c)
        yield Meaning(f"{key}_deviation", f"the standard deviation of the noise of one sample {how}: "
                      f"c = {shown} times its square", sp.sqrt(_c / factor), _c)


MEANINGS: tuple[Meaning, ...] = (
    _plain(_eta, "the learning rate"),
    _plain(_beta, "the momentum"),
    Meaning("friction", "one minus the momentum", 1 - _beta, _beta),
    _plain(symbols.curvature, "the curvature"),
    _plain(symbols.second_curvature, "the curvature of the second direction"),
    _plain(_c, "the noise variance"),
    Meaning("deviation", "the standard deviation of the noise", sp.sqrt(_c), _c),
    Meaning("sample_variance", "the noise variance of one sample", _c * _s, _c),
    Meaning(
        "sample_deviation", "the standard deviation of the noise of one sample", sp.sqrt(_c * _s), _c
    ),
    *_of_finite_sets(),
    Meaning("diffusion", "the diffusion coefficient eta c/2 of continuous time", _eta * _c / 2, _c),
    Meaning("volatility2", "the noise variance per unit of time, eta c", _eta * _c, _c),
    Meaning("volatility", "the noise strength of continuous time, sqrt(eta c)", sp.sqrt(_eta * _c), _c),
    Meaning("kick", "the variance of the noise added to the weights, eta^2 c", _eta**2 * _c, _c),
    Meaning("kick_deviation", "the standard deviation of the noise added to the weights", _eta * sp.sqrt(_c),
            _c),
    Meaning("label_noise", "the label-noise variance c/lambda", _c / symbols.curvature, _c),
    _plain(symbols.steps_per_epoch, "the number of steps per epoch"),
    _plain(_s, "the batch size"),
    _plain(symbols.samples, "the number of samples"),
    _plain(symbols.lag, "the lag"),
    _plain(symbols.position, "the position in the epoch"),
    _plain(symbols.frequency, "the angular frequency"),
    Meaning("cycles", "the frequency in cycles per step", symbols.frequency / (2 * sp.pi),
            symbols.frequency),
    _plain(symbols.dampening, "the dampening"),
    _plain(symbols.weight_decay, "the weight decay"),
    _plain(symbols.immediate_discount, "the immediate discount"),
    _plain(symbols.averaging_rate, "the rate of the iterate average"),
)

_BY_KEY = {m.key: m for m in MEANINGS}
_RATE, _MOMENTUM, _CURVATURE = "learning_rate", "momentum", "curvature"
_NOISE, _BATCH, _STEPS, _SAMPLES = "noise_variance", "batch_size", "steps_per_epoch", "samples"
_OF_VARIANCE = (_NOISE, "sample_variance", "finite_variance", "population_variance", "kick",
                "replacement_variance", "label_noise", "volatility2")
_OF_DEVIATION = ("deviation", "sample_deviation", "finite_deviation", "population_deviation",
                 "kick_deviation", "replacement_deviation", "volatility")

#: most usual meaning first
HABITS: Mapping[str, tuple[str, ...]] = {
    "eta": (_RATE,), "lr": (_RATE,), "epsilon": (_RATE,), "eps": (_RATE,), "varepsilon": (_RATE,),
    "gamma": (_RATE, _MOMENTUM, "friction", _CURVATURE),
    "alpha": (_RATE, _MOMENTUM, "averaging_rate", "friction"),
    "stepsize": (_RATE,), "dt": (_RATE,), "Delta": (_RATE,), "delta": (_RATE, "friction"),
    "s": (_RATE, _BATCH, *_OF_DEVIATION),
    "beta": (_MOMENTUM, _RATE), "mu": (_MOMENTUM, _RATE, _CURVATURE), "rho": (_MOMENTUM, "weight_decay"),
    "theta": (_MOMENTUM,), "phi": (_MOMENTUM,), "zeta": (_MOMENTUM, "friction"), "q": (_MOMENTUM,),
    "m": (_MOMENTUM, _BATCH, _STEPS, _SAMPLES), "p": (_MOMENTUM, _SAMPLES),
    "nu": (_MOMENTUM, "immediate_discount", "frequency"), "xi": (_MOMENTUM, *_OF_VARIANCE),
    "lambda": (_CURVATURE, "weight_decay"), "lam": (_CURVATURE,), "lamda": (_CURVATURE,),
    "h": (_CURVATURE, _RATE, "lag"), "H": (_CURVATURE,), "kappa": (_CURVATURE, _RATE),
    "k": (_CURVATURE, "lag", "position"), "a": (_CURVATURE, _RATE), "A": (_CURVATURE,),
    "L": (_CURVATURE, _STEPS), "x": (_CURVATURE,), "ell": (_CURVATURE, "lag"), "l": (_CURVATURE, "lag"),
    "b": (_BATCH, _MOMENTUM, *_OF_VARIANCE), "B": (_BATCH, *_OF_VARIANCE),
    "S": (_BATCH, *_OF_VARIANCE, _SAMPLES), "bs": (_BATCH,),
    "n": (_SAMPLES, _STEPS, _BATCH, "lag", "position"), "N": (_SAMPLES, _STEPS),
    "T": (_STEPS, "diffusion", "lag"), "K": (_STEPS, _CURVATURE), "M": (_STEPS, _BATCH), "E": (_STEPS,),
    "P": (_STEPS,),
    "sigma": (*_OF_DEVIATION, *_OF_VARIANCE), "sigma2": _OF_VARIANCE,
    "sigmasq": _OF_VARIANCE, "s2": _OF_VARIANCE,
    "c": _OF_VARIANCE, "C": _OF_VARIANCE, "Sigma": _OF_VARIANCE, "V": _OF_VARIANCE, "v": _OF_VARIANCE,
    "D": ("diffusion", *_OF_VARIANCE), "d": (_SAMPLES, "dampening", _CURVATURE, "diffusion"),
    "var": _OF_VARIANCE, "g": _OF_VARIANCE, "G": _OF_VARIANCE, "tau2": _OF_VARIANCE,
    "w": ("frequency", "weight_decay"),
    "f": ("cycles", "frequency"), "omega": ("frequency",), "t": ("lag", "position", "dampening"),
    "tau": ("lag", "dampening", _RATE), "j": ("position", "lag"), "i": ("position", "lag"),
    "r": ("lag", _MOMENTUM),
    "wd": ("weight_decay",), "lambda'": ("second_curvature",),
}


def letter_of(symbol: sp.Symbol) -> str:
    """The letter under which the habits list a symbol: ``\\eta`` is eta, ``lambda_i`` is lambda."""
    declared = PARAMETERS.get(symbol.name)
    if declared is not None and declared.symbol == symbol:
        return declared.letter.removeprefix("\\")
    name: str = symbol.name.removeprefix("\\")
    plain = re.sub(r"[{}^*]", "", name)
    if plain in HABITS:
        return plain
    letter = re.split(r"_", plain, maxsplit=1)[0]
    return letter if letter in HABITS else letter.rstrip("0123456789'")


def habits_of(letter: str) -> tuple[Meaning, ...]:
    """The meanings of a letter, most usual first; an apostrophe or a 2 may say more."""
    return tuple(_BY_KEY[key] for key in HABITS.get(letter, ()))
