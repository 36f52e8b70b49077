"""The stationary law of one (rule, scheme) pair: every quantity as a formula, or as matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import sympy as sp

from theory.engine.flat_limit import flat_limit
from theory.engine.law import covariance_entry, setting_for, staged_entry
from theory.engine.present import presentation
from theory.engine.spectrum import noise_autocovariance, noise_spectrum, squared_transfer
from theory.errors import TheoryError, require_known
from theory.formula import Formula
from theory.optimizers import LinearRule
from theory.quantities import MOMENTS, QUANTITIES, Moment
from theory.sampling import SamplingScheme
from theory.symbols import (
    curvature,
    lag,
    noise_variance,
    position,
    second_curvature,
    steps_per_epoch,
    weight_decay,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["QUANTITIES", "StationaryLaw", "stationary_law"]

#: terms of the numerator plus twice those of the denominator; beyond, the law is shown in stages
_LONGEST_SINGLE_FRACTION = 190


_FLAT = {"weight-variance": "flat-weight-variance", "velocity-variance": "flat-velocity-variance"}


@dataclass(frozen=True, kw_only=True, eq=False)
class StationaryLaw:
    r"""Stationary law of a linear update rule under a sampling scheme, on a quadratic loss.

    One direction of curvature :math:`\lambda`: :math:`s_k=As_{k-1}+B\xi_k` with the scheme's noise.
    Every quantity is a :class:`Formula`, derived when first asked for. Averages run over the
    positions 1..M, after each step; :math:`v_k=\theta_k-\theta_{k-1}`; an autocovariance has its first
    index at the later time.
    """

    rule: LinearRule
    scheme: SamplingScheme
    _found: dict[str, Formula] = field(default_factory=dict, repr=False, init=False)

    def quantity(self, name: str) -> Formula:
        """The formula of one of :data:`QUANTITIES`.

        Raises
        ------
        UnknownNameError
            If there is no such quantity.
        TheoryError
            If the pair does not have it (for example a position under noise without epochs).
        """
        require_known(name, QUANTITIES, "quantity")
        if name not in self._found:
            self._found[name] = self._derive(name)
        return self._found[name]

    def _derive(self, name: str) -> Formula:
        if name in MOMENTS:
            return self._entry(name, MOMENTS[name])
        special: dict[str, Callable[[], Formula]] = {
            "noise-autocovariance": self._noise_autocovariance,
            "noise-spectrum": self._noise_spectrum,
            "weight-spectrum": self._weight_spectrum,
            "correlation-time": self._correlation_time,
            "loss-fluctuation": self._loss_fluctuation,
            "flat-weight-variance": lambda: self._flat("weight-variance"),
            "flat-velocity-variance": lambda: self._flat("velocity-variance"),
            "flat-correlation-time": self._flat_correlation_time,
        }
        return special[name]()

    def _entry(self, name: str, quantity: Moment) -> Formula:
        velocity = "velocity" in (quantity.first, quantity.second)
        setting = setting_for(
            self.rule, self.scheme, quantity.when, cross=quantity.cross, velocity=velocity
        )
        outputs = quantity.first, quantity.second
        expression: sp.Expr | None = None
        where: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
        heavy = self.scheme.periodic and quantity.cross
        if self.rule.state_size <= 2 and not heavy:
            n, d = covariance_entry(setting, self.scheme, quantity.when, *outputs)
            if len(n.to_dict()) + 2 * len(d.to_dict()) <= _LONGEST_SINGLE_FRACTION:
                expression = presentation(setting).closed_form(n, d)
        if expression is None:
            expression, where = staged_entry(setting, self.scheme, quantity.when, *outputs)
        signed = quantity.first != quantity.second or quantity.cross or "lag" in quantity.when
        flat = None
        if name in _FLAT and self._stays_bounded(name):
            flat = _FLAT[name]
        return Formula(
            slug=f"{self.rule.name}/{self.scheme.name}/{name}",
            title=quantity.title,
            left=quantity.left,
            compact=setting.unit * expression,
            where=where,
            valid_if=self._condition(quantity),
            unit=(0, 2),
            source="new here",
            derive_flat_limit=None if flat is None else lambda: self.quantity(flat),
            bounded_when_flat=self._bounded_when_flat(quantity),
            scale=self._white_scale() if signed else None,
            elsewhere=self._other_lags(name),
            silent_at_one_step=self.scheme.silent_at_one_step,
        )

    def _other_lags(self, name: str) -> str:
        """Where to look when the lag is in the other range."""
        if not self._has_epochs:
            return ""
        repeats = all(component.line_spectrum for component, _ in self.scheme.noise)
        return {
            "weight-autocovariance": "It repeats with period steps_per_epoch: give the remainder"
            if repeats else "Beyond one epoch use {sibling}-beyond",
            "weight-autocovariance-beyond": "Within one epoch use {sibling}",
        }.get(name, "")

    def _bounded_when_flat(self, quantity: Moment) -> bool:
        """Noise that sums to zero over an epoch, or velocities alone; one pole at 1, up to decay."""
        moving = quantity.first == quantity.second == "velocity"
        return (self.scheme.balanced or moving) and self.rule.neutral

    def _condition(self, quantity: Moment) -> sp.Basic:
        parts = [self.rule.valid_if, *self.scheme.conditions]
        if quantity.cross:
            parts.append(self.rule.valid_if.subs(curvature, second_curvature))
        if not self._has_epochs:
            return sp.And(*parts)
        if quantity.when == "at-position":
            latest = steps_per_epoch - 1 if self._special_last_position else steps_per_epoch
            parts += [position >= 1, position <= latest]
        elif quantity.when == "lag-within":
            parts += [lag >= 0, lag <= steps_per_epoch]
        elif quantity.when == "lag-beyond":
            parts += [lag >= steps_per_epoch]
        elif quantity.when == "lag-at-position":
            latest = steps_per_epoch - 1 if self._special_last_position else steps_per_epoch
            parts += [position >= 1, lag >= 0, position + lag <= latest]
        return sp.And(*parts)

    @property
    def _has_epochs(self) -> bool:
        return any(not component.memoryless for component, _ in self.scheme.noise)

    @property
    def _special_last_position(self) -> bool:
        return any(component.special_last_position for component, _ in self.scheme.noise)

    def _white_scale(self) -> Formula:
        from theory.sampling import fresh_batches

        return stationary_law(self.rule, fresh_batches()).weight_variance

    def _stays_bounded(self, name: str) -> bool:
        """Whether the exact limit of zero curvature exists as a closed form here."""
        simple = self.rule.state_size <= 2 and self.rule.neutral and self.rule.scales
        simple = simple and weight_decay not in self.rule.parameters  # it pulls back at any curvature
        return simple and (self.scheme.balanced or name == "velocity-variance")

    def _flat(self, name: str) -> Formula:
        if not self._stays_bounded(name):
            raise TheoryError(
                f"no closed form at zero curvature for {name} of ({self.rule.name}, "
                f"{self.scheme.name}): known for two-state rules without weight decay, under "
                "noise that sums to zero over an epoch (reshuffled, shuffled-once)"
            )
        quantity = MOMENTS[name]
        setting = setting_for(
            self.rule, self.scheme, "mean", cross=False, velocity="velocity" in name
        )
        fraction = covariance_entry(setting, self.scheme, "mean", quantity.first, quantity.second)
        # the stability conditions bound the learning rate from above only: at zero curvature
        # the hyperparameters' own domain is left
        return Formula(
            slug=f"{self.rule.name}/{self.scheme.name}/flat-{name}",
            title=f"exact limit of zero curvature: {quantity.title}",
            left=rf"\lim_{{$curvature\to0}}{quantity.left}",
            compact=setting.unit * flat_limit(setting, *fraction),
            valid_if=sp.And(*self.rule.domain, *self.scheme.conditions),
            unit=(0, 2),
            silent_at_one_step=self.scheme.silent_at_one_step,
        )

    def _noise_autocovariance(self) -> Formula:
        return Formula(
            slug=f"{self.scheme.name}/noise-autocovariance",
            left=r"R($lag)",
            title="autocovariance of the batch noise at lag 1 <= tau <= M - 1, averaged over the epoch",
            compact=noise_variance * noise_autocovariance(self.scheme),
            valid_if=sp.And(*self.scheme.conditions, lag >= 1, lag <= steps_per_epoch - 1),
            unit=(2, -2),
            elsewhere=self._other_noise_lags(),
            silent_at_one_step=self.scheme.silent_at_one_step,
        )

    def _other_noise_lags(self) -> str:
        """The values at lag 0 and beyond the epoch, in words."""
        parts = self.scheme.noise
        variance = sp.factor(noise_variance * sum(w * c.variance(steps_per_epoch) for c, w in parts))
        beyond = ""
        if not self.scheme.periodic:
            beyond = "; from lag steps_per_epoch on it is 0"
        elif all(component.line_spectrum for component, _ in parts):
            beyond = "; it repeats with period steps_per_epoch"
        return f"At lag 0 the value is {variance}{beyond}"

    def _noise_spectrum(self) -> Formula:
        lines = " (power of the lines at multiples of 2 pi / M)" if self.scheme.periodic else ""
        return Formula(
            slug=f"{self.scheme.name}/noise-spectrum",
            left=r"S($frequency)",
            title=f"spectrum of the batch noise{lines}",
            compact=noise_variance * noise_spectrum(self.scheme),
            valid_if=sp.And(*self.scheme.conditions),
            unit=(2, -2),
            silent_at_one_step=self.scheme.silent_at_one_step,
        )

    def _weight_spectrum(self) -> Formula:
        lines = " (power of the lines at multiples of 2 pi / M)" if self.scheme.periodic else ""
        return Formula(
            slug=f"{self.rule.name}/{self.scheme.name}/weight-spectrum",
            left=r"S_\theta($frequency)",
            title=f"power spectrum of the weights{lines}",
            compact=noise_variance * squared_transfer(self.rule) * noise_spectrum(self.scheme),
            valid_if=sp.And(self.rule.valid_if, *self.scheme.conditions),
            unit=(0, 2),
            silent_at_one_step=self.scheme.silent_at_one_step,
        )

    def _correlation_time(self) -> Formula:
        over, under = self.weight_variance, self.velocity_variance
        names = {s for s, _ in over.where}
        clash = {s: sp.Symbol(f"{s.name}'", real=True) for s, _ in under.where if s in names}
        where = (*over.where, *((clash.get(s, s), v.xreplace(clash)) for s, v in under.where))
        bounded = self._stays_bounded("weight-variance")
        return Formula(
            slug=f"{self.rule.name}/{self.scheme.name}/correlation-time",
            left=r"T_c",
            title="correlation time in steps, 2 <theta^2> / <v^2>",
            compact=2 * over.compact / under.compact.xreplace(clash),
            where=where,
            valid_if=over.valid_if,
            unit=(0, 0),
            derive_flat_limit=self._flat_correlation_time if bounded else None,
            bounded_when_flat=over.bounded_when_flat and under.bounded_when_flat,
        )

    def _flat_correlation_time(self) -> Formula:
        over, under = self.quantity("flat-weight-variance"), self.quantity("flat-velocity-variance")
        return Formula(
            slug=f"{self.rule.name}/{self.scheme.name}/flat-correlation-time",
            left=r"\lim_{$curvature\to0}T_c",
            title="exact limit of zero curvature: correlation time in steps",
            compact=2 * over.compact / under.compact,
            valid_if=over.valid_if,
            unit=(0, 0),
        )

    def _loss_fluctuation(self) -> Formula:
        variance = self.weight_variance
        return Formula(
            slug=f"{self.rule.name}/{self.scheme.name}/loss-fluctuation",
            left=r"\tfrac12$curvature\langle\theta^2\rangle",
            title="mean excess loss of one direction, lambda <theta^2> / 2",
            compact=curvature * variance.compact / 2,
            where=variance.where,
            valid_if=variance.valid_if,
            unit=(1, 0),
            bounded_when_flat=variance.bounded_when_flat,
            silent_at_one_step=variance.silent_at_one_step,
        )

    @property
    def noise_autocovariance(self) -> Formula:
        """R(tau), 1 <= tau <= M - 1."""
        return self.quantity("noise-autocovariance")

    @property
    def noise_spectrum(self) -> Formula:
        """S(omega)."""
        return self.quantity("noise-spectrum")

    @property
    def weight_variance(self) -> Formula:
        """<theta²>."""
        return self.quantity("weight-variance")

    @property
    def velocity_variance(self) -> Formula:
        """<v²>."""
        return self.quantity("velocity-variance")

    @property
    def weight_velocity_covariance(self) -> Formula:
        """<theta v>."""
        return self.quantity("weight-velocity-covariance")

    @property
    def weight_autocovariance(self) -> Formula:
        """Gamma(tau), 0 <= tau <= M."""
        return self.quantity("weight-autocovariance")

    @property
    def weight_spectrum(self) -> Formula:
        """Power spectrum of the weights."""
        return self.quantity("weight-spectrum")

    @property
    def correlation_time(self) -> Formula:
        """2 <theta²> / <v²>, in steps."""
        return self.quantity("correlation-time")

    def covariance(
        self, hessian: npt.ArrayLike, noise_covariance: npt.ArrayLike, *, quantity: str = "weights",
        lag: int = 0, position: int | None = None, **values: float,
    ) -> npt.NDArray[np.float64]:
        """Full stationary covariance for any symmetric H and C; see :mod:`theory.matrix_law`."""
        import numpy as np

        from theory.matrix_law import covariance

        result: npt.NDArray[np.float64] = covariance(
            self.rule, self.scheme, np.asarray(hessian), np.asarray(noise_covariance), values,
            quantity=quantity, lag=lag, position=position,
        )
        return result

    def _repr_latex_(self) -> str:
        return self.weight_variance._repr_latex_()


def stationary_law(rule: LinearRule, scheme: SamplingScheme) -> StationaryLaw:
    """The stationary law of ``rule`` under ``scheme``; everything symbolic.

    Raises
    ------
    TheoryError
        If one of them is not a rule or a scheme, for example a constructor that was not called.

    Examples
    --------
    >>> from theory import heavy_ball, fresh_batches, stationary_law
    >>> law = stationary_law(heavy_ball(), fresh_batches())
    >>> law.velocity_variance.evaluate(
    ...     learning_rate="1/10", momentum="9/10", curvature=1, noise_variance=1, digits=6)
    '0.0540541'
    """
    for value, kind in ((rule, LinearRule), (scheme, SamplingScheme)):
        if not isinstance(value, kind):
            raise TheoryError(
                f"stationary_law takes a {kind.__name__}; got {value!r}"
                + (" (call it: heavy_ball(), reshuffled())" if callable(value) else "")
            )
    return _law(rule, scheme)


@lru_cache(maxsize=128)
def _law(rule: LinearRule, scheme: SamplingScheme) -> StationaryLaw:
    """One law per pair, so that what is derived once stays derived."""
    return StationaryLaw(rule=rule, scheme=scheme)


