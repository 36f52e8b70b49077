"""A linear update rule: the code of one optimizer step, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.errors import TheoryError, require_known
from theory.symbols import curvature, learning_rate, weight_decay

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LinearRule", "NumericRule"]

State = tuple[Any, ...]
Gradient = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericRule:
    r"""A rule at numerical hyperparameters, in the form a simulation needs.

    .. math:: s_k = K s_{k-1} + b\,g_k(a \cdot s_{k-1}), \qquad \theta_k = s_k^{(0)}

    Attributes
    ----------
    keep
        K. Shape (n, n).
    inject
        b. Shape (n,). Proportional to the learning rate for most rules.
    evaluate_at
        a. Shape (n,). Where, in terms of the state, the gradient is taken.
    """

    keep: npt.NDArray[np.float64]
    inject: npt.NDArray[np.float64]
    evaluate_at: npt.NDArray[np.float64]

    def transitions(self, curvatures: npt.ArrayLike) -> npt.NDArray[np.float64]:
        r""":math:`A=K+\lambda\,b\,a^\top` at every curvature. Shape (...) to (..., n, n)."""
        import numpy as np

        values = np.asarray(curvatures, dtype=np.float64)[..., None, None]
        out: npt.NDArray[np.float64] = self.keep + values * np.outer(self.inject, self.evaluate_at)
        return out


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearRule:
    r"""A linear update rule, given by the code of its step.

    On a quadratic loss, one direction of curvature :math:`\lambda` with gradient noise
    :math:`\xi_k` turns the step into

    .. math:: s_k = A s_{k-1} + B \xi_k, \qquad \delta_k = s_k^{(0)}, \qquad
              v_k = \delta_k - \delta_{k-1} .

    :math:`A` and :math:`B` are read off by running ``step`` on symbols, so the state-space form,
    the transfer function and the simulated optimizer are one definition.

    Attributes
    ----------
    name
        Permanent name, as the command line takes it.
    step
        ``step(state, gradient)`` returns the next state. ``state`` is a tuple whose first entry is
        the reported weights; ``gradient(point)`` is the noisy gradient at ``point`` and must be
        called exactly once. Written with the symbols of :mod:`theory.symbols`.
    state_size
        Number of entries of the state.
    parameters
        Hyperparameters beyond ``learning_rate``, in the order they should be listed.
    domain
        Conditions on the hyperparameters alone, e.g. ``(momentum < 1,)``.
    source
        Where the rule was published.

    Raises
    ------
    TheoryError
        If ``step`` fails on ``state_size`` entries, is not linear, calls ``gradient`` other than
        once, does not keep the minimum fixed, or uses a symbol that is not in ``parameters``.

    Examples
    --------
    >>> from theory import LinearRule
    >>> from theory.symbols import learning_rate, momentum
    >>> def step(state, gradient):
    ...     weights, velocity = state
    ...     velocity = momentum * velocity - learning_rate * gradient(weights)
    ...     return weights + velocity, velocity
    >>> rule = LinearRule(name="mine", step=step, state_size=2, parameters=(momentum,))
    >>> rule.characteristic_polynomial(sp.Symbol("z")).coeff(sp.Symbol("z"), 0)
    momentum
    """

    name: str
    step: Callable[[State, Gradient], State]
    state_size: int
    parameters: tuple[sp.Symbol, ...] = ()
    domain: tuple[Any, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        _ = self._linear_form

    @cached_property
    def _linear_form(self) -> tuple[sp.Matrix, sp.Matrix, sp.Matrix]:
        """(K, b, a): run the step on symbols and differentiate."""
        state = sp.symbols(f"s0:{self.state_size}", real=True)
        force = sp.Symbol("force", real=True)
        points: list[Any] = []

        def gradient(point: Any) -> sp.Symbol:
            points.append(point)
            return force

        try:
            result = tuple(sp.sympify(entry, strict=True) for entry in self.step(tuple(state), gradient))
        except (IndexError, TypeError, ValueError) as error:
            raise TheoryError(
                f"rule {self.name!r}: step failed on a state of state_size = {self.state_size} "
                f"entries ({type(error).__name__}: {error}); it must take a tuple of that many and "
                "return as many"
            ) from error
        if len(points) != 1 or len(result) != self.state_size:
            raise TheoryError(
                f"rule {self.name!r}: step called gradient {len(points)} times and returned "
                f"{len(result)} entries; it must call gradient once and return "
                f"state_size = {self.state_size} entries"
            )
        variables = [*state, force]
        rows = sp.Matrix([*result, points[0]])
        jacobian = rows.jacobian(variables)
        rest = (rows - jacobian * sp.Matrix(variables)).applyfunc(sp.expand)
        if jacobian.free_symbols & set(variables) or any(rest):
            raise TheoryError(f"rule {self.name!r}: step is not linear in the state and gradient")
        undeclared = jacobian.free_symbols - {learning_rate, *self.parameters}
        if undeclared:
            names = ", ".join(sorted(str(s) for s in undeclared))
            raise TheoryError(
                f"rule {self.name!r}: step uses {names}, which is not among its parameters "
                f"({', '.join(map(str, self.parameters)) or 'none'}); list the same symbol, with the "
                "same assumptions, in parameters="
            )
        n = self.state_size
        return jacobian[:n, :n], jacobian[:n, n], jacobian[n, :n]

    @cached_property
    def transition(self) -> sp.Matrix:
        """A. Shape (n, n), in the learning rate, the curvature and the rule's parameters."""
        keep, inject, point = self._linear_form
        return (keep + curvature * inject * point).applyfunc(sp.factor)

    @property
    def injection(self) -> sp.Matrix:
        """B, what one unit of gradient noise adds to the state. Shape (n, 1)."""
        return self._linear_form[1]

    @cached_property
    def scales(self) -> bool:
        r"""Whether units fix the learning rate, :math:`T(\eta,\lambda,\rho)=\eta\,T(1,\eta\lambda,\eta\rho)`.

        Then every covariance is :math:`\eta^2c` times a function of :math:`x=\eta\lambda` (and
        :math:`\eta\rho`). Not so for a rule with a parameter of its own that has a unit.
        """
        z = sp.Dummy("z")
        transfer = self.transfer_function(z)
        units = {s: learning_rate * s for s in (curvature, weight_decay)}
        at_one = transfer.subs(learning_rate, 1).subs(units, simultaneous=True)
        return bool(sp.cancel(transfer - learning_rate * at_one) == 0)

    @cached_property
    def scaled(self) -> tuple[sp.Matrix, sp.Matrix]:
        """(A, B) at learning rate one where the rule :attr:`scales`, otherwise as they are."""
        one = {learning_rate: sp.Integer(1)} if self.scales else {}
        return self.transition.subs(one), self.injection.subs(one)

    @cached_property
    def neutral(self) -> bool:
        """Whether the weights stay where they are without curvature and weight decay: a pole at 1."""
        z = sp.Dummy("z")
        at_one = self.characteristic_polynomial(z).subs({curvature: 0, weight_decay: 0, z: 1})
        return bool(sp.expand(at_one) == 0)

    def characteristic_polynomial(self, z: sp.Symbol) -> sp.Expr:
        r""":math:`\det(zI-A)`, whose roots are the poles of the rule."""
        size = sp.eye(self.state_size)
        return sp.collect(sp.expand((z * size - self.transition).det(method="berkowitz")), z)

    def transfer_function(self, z: sp.Symbol) -> sp.Expr:
        r"""From gradient noise to weights, :math:`T(z)=z\,(zI-A)^{-1}B` in its first entry.

        :math:`\delta(z)=T(z)\,\xi(z)` with :math:`f(z)=\sum_k f_k z^{-k}`, so the impulse response
        starts with :math:`\Psi_0=B`.
        """
        size = sp.eye(self.state_size)
        adjugate = (z * size - self.transition).adjugate()
        numerator = sp.expand(z * (adjugate * self.injection)[0])
        return sp.factor(numerator / self.characteristic_polynomial(z))

    @cached_property
    def stability(self) -> tuple[sp.Expr, ...]:
        """Quantities that are all positive exactly when every pole lies inside the unit circle.

        The Jury conditions of the characteristic polynomial, factored; a rule whose polynomial
        splits gets those of its factors.
        """
        from theory.optimizers.stability import jury_conditions

        z = sp.Symbol("z")
        return jury_conditions(self.characteristic_polynomial(z), z)

    @cached_property
    def valid_if(self) -> sp.Basic:
        """The exact condition under which white noise has a stationary law, as a SymPy ``And``."""
        given = {sp.expand(part.gts - part.lts) for part in self.domain}
        needed = [q for q in self.stability if sp.expand(q) not in given]
        return sp.And(*self.domain, *(q > 0 for q in needed))

    def require_own(self, values: Mapping[str, Any]) -> None:
        """Refuse hyperparameters that the rule does not have: they would do nothing.

        Raises
        ------
        UnknownNameError
            With the nearest name.
        """
        known = ("learning_rate", *(s.name for s in self.parameters))
        for name in values:
            require_known(name, known, f"hyperparameter of {self.name!r}")

    def numeric(self, values: Mapping[str, float]) -> NumericRule:
        """Insert numbers, for simulation.

        Raises
        ------
        TheoryError
            If a hyperparameter is missing.
        """
        import numpy as np

        symbols = (learning_rate, *self.parameters)
        missing = [str(s) for s in symbols if str(s) not in values]
        if missing:
            raise TheoryError(f"rule {self.name!r} needs {', '.join(missing)}")
        point = {s: sp.Float(values[str(s)], 30) for s in symbols}
        arrays: Sequence[npt.NDArray[np.float64]] = [
            np.array(part.subs(point).tolist(), dtype=np.float64) for part in self._linear_form
        ]
        keep, inject, at = arrays
        return NumericRule(keep=keep, inject=inject.ravel(), evaluate_at=at.ravel())
