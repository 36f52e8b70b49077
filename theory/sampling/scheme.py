"""A sampling scheme: which noise it makes, and how it draws real indices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import sympy as sp

from theory.errors import TheoryError, require_known
from theory.noise import NoiseComponent
from theory.sampling.positive import Parts, negative_eigenvalue
from theory.symbols import batch_size, samples, steps_per_epoch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["IndexArray", "SamplingScheme"]

IndexArray: TypeAlias = "npt.NDArray[np.int64]"
Pass = Literal["sample", "batch", "epoch", "run", "own"]
Rest = Literal["forbidden", "dropped", "kept", "irrelevant"]
Draw: TypeAlias = "Callable[[int, int, int, np.random.Generator], IndexArray]"


@dataclass(frozen=True, kw_only=True, eq=False)
class SamplingScheme:
    r"""How batches are drawn, and the covariance of the batch noise that follows.

    Within one pass without replacement, batches k, l have
    :math:`\operatorname{cov}(\xi_k,\xi_l)=C_0(\delta_{kl}/S_k-1/N)`, with
    :math:`C_0=\frac1{N-1}\sum_ng_ng_n^\top`; batches of different passes are independent.

    Attributes
    ----------
    name
        Permanent name, as the command line takes it.
    noise
        The covariance as a sum of elementary noises: pairs (component, weight), the weight in
        units of ``noise_variance``, the variance c of one full batch, in the symbols
        ``steps_per_epoch``, ``samples`` and ``batch_size``.
    lasting
        How long a pass without replacement lasts: one ``"sample"`` (draws are independent), one
        ``"batch"``, one ``"epoch"``, or the whole ``"run"`` (the first epoch repeats). ``"own"``:
        the draws are those of ``draw_epoch``; without it the scheme has a law but draws nothing.
    last_batch
        What happens to samples that do not fill a batch: ``"forbidden"`` (N must be M S),
        ``"dropped"``, ``"kept"`` as a smaller batch, or ``"irrelevant"`` where there is no pass.
    draw_epoch
        For a scheme of your own: ``draw_epoch(samples, batch_size, epoch, rng)`` returns the
        indices of one epoch. The built-in schemes follow from ``lasting``.
    conditions
        SymPy relations between M, N and S under which the weights hold.
    source
        Where the scheme was published.

    Raises
    ------
    TheoryError
        If ``lasting`` or ``last_batch`` is none of the above, or there is no noise.
    """

    name: str
    noise: tuple[tuple[NoiseComponent, Any], ...]
    lasting: Pass = "own"
    last_batch: Rest = "irrelevant"
    draw_epoch: Draw | None = None
    conditions: tuple[Any, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("lasting", self.lasting, get_args(Pass)),
            ("last_batch", self.last_batch, get_args(Rest)),
        ):
            require_known(value, known, f"{name} of the scheme {self.name!r}")
        if not self.noise:
            raise TheoryError(
                f"scheme {self.name!r} has no noise: give at least one pair (component, weight)"
            )

    @cached_property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Symbols of the weights and of the components, M first."""
        used = set().union(*(sp.sympify(w, strict=True).free_symbols for _, w in self.noise))
        if any(not component.memoryless for component, _ in self.noise):
            used.add(steps_per_epoch)
        return tuple(s for s in (steps_per_epoch, batch_size, samples) if s in used)

    @cached_property
    def balanced(self) -> bool:
        """Whether the noise of an epoch sums to zero, so that a flat direction stays bounded."""
        total = sum(w * c.spectrum(sp.S.Zero, steps_per_epoch) for c, w in self.noise)
        return bool(sp.together(total) == 0 or sp.cancel(sp.together(total)) == 0)

    @property
    def periodic(self) -> bool:
        """Whether the noise repeats for ever, so that its power sits on lines."""
        return any(component.line_spectrum for component, _ in self.noise)

    def steps_per_epoch(self, samples: int, batch_size: int) -> int:
        """Number of batches in an epoch.

        Raises
        ------
        TheoryError
            If the batch is empty or larger than the data, either is no whole number, or N is no
            multiple of S where the scheme needs it.
        """
        samples, batch_size = _whole("samples", samples), _whole("batch_size", batch_size)
        if samples < 2:
            raise TheoryError(f"samples must be at least 2; got {samples}")
        if not 1 <= batch_size <= samples:
            raise TheoryError(
                f"batch_size must lie in 1..{samples} (the number of samples); got {batch_size}"
            )
        whole, rest = divmod(samples, batch_size)
        if self.last_batch == "forbidden" and rest:
            raise TheoryError(
                f"{self.name} needs samples = steps_per_epoch * batch_size, but {samples} = "
                f"{whole} * {batch_size} + {rest}; use the scheme {self._for_unequal_batches}, "
                f"or a batch size that divides {samples}"
            )
        return whole + (1 if self.last_batch == "kept" and rest else 0)

    @property
    def _for_unequal_batches(self) -> str:
        """Where to go if N is no multiple of S."""
        if self.lasting == "run":
            return "'shuffled-once-unequal', that is shuffled_once(unequal_batches=True)"
        return "'dropped-batch' or 'kept-batch'"

    def batch_sizes(self, samples: int, batch_size: int) -> tuple[int, ...]:
        """Sizes of the batches of an epoch, by position."""
        steps = self.steps_per_epoch(samples, batch_size)
        samples, batch_size = int(samples), int(batch_size)
        last = samples - (steps - 1) * batch_size if self.last_batch == "kept" else batch_size
        return (*(batch_size for _ in range(steps - 1)), last)

    def variance_factor(self, samples: int, batch_size: int) -> Fraction:
        r"""c / C_0: the variance of one full batch in units of the sample covariance.

        :math:`\frac1S-\frac1N` without replacement in the batch, :math:`\frac{N-1}{NS}` with.
        """
        self.steps_per_epoch(samples, batch_size)
        if self.lasting == "sample":
            return Fraction(samples - 1, samples * batch_size)
        return Fraction(1, batch_size) - Fraction(1, samples)

    def weights(
        self, steps: int, samples: int | None = None, batch_size: int | None = None
    ) -> tuple[tuple[NoiseComponent, Fraction], ...]:
        """The components with numerical weights; M = 1 without noise gives no components.

        Raises
        ------
        TheoryError
            If M is no positive integer, N and S are needed and missing, N is not M S where the
            scheme needs that, or the noise has no positive semi-definite covariance.
        """
        parts = self._exact_weights(steps, samples, batch_size)
        found = negative_eigenvalue(parts, int(steps)) if parts else None
        if found is not None:
            raise self._no_covariance(int(steps), found)
        return parts

    def _exact_weights(self, steps: int, samples: int | None, batch_size: int | None) -> Parts:
        from theory import symbols

        steps = _whole("steps_per_epoch", steps)
        if steps < 1:
            raise TheoryError(f"steps_per_epoch must be an integer >= 1; got {steps}")
        values: dict[sp.Symbol, Any] = {symbols.steps_per_epoch: steps}
        if samples is not None:
            values[symbols.samples] = samples = _whole("samples", samples)
        if batch_size is not None:
            values[symbols.batch_size] = batch_size = _whole("batch_size", batch_size)
        missing = [s.name for s in self.parameters if s not in values]
        if missing:
            raise TheoryError(f"scheme {self.name!r} needs {', '.join(missing)}")
        if samples is not None and batch_size is not None:
            self._require_equal_batches(steps, samples, batch_size)
        if steps == 1 and self.silent_at_one_step:
            return ()
        if symbols.samples in self.parameters and samples is not None and batch_size is not None:
            self._require_room(steps, samples, batch_size)
            if samples == batch_size and self.lasting in ("epoch", "run"):
                return ()  # the whole data set in one batch makes no noise
        out = []
        for component, weight in self.noise:
            value = sp.Rational(sp.sympify(weight, strict=True).subs(values))
            out.append((component, Fraction(int(value.p), int(value.q))))
        return tuple(out)

    def _require_equal_batches(self, steps: int, samples: int, batch_size: int) -> None:
        if self.last_batch == "forbidden" and samples != steps * batch_size:
            raise TheoryError(
                f"{self.name} needs samples = steps_per_epoch * batch_size, but samples = {samples} "
                f"and {steps} * {batch_size} = {steps * batch_size}; correct the numbers, or use the "
                f"scheme {self._for_unequal_batches}"
            )

    def _no_covariance(self, steps: int, eigenvalue: float) -> TheoryError:
        return TheoryError(
            f"the noise of the scheme {self.name!r} is not positive semi-definite: at "
            f"steps_per_epoch = {steps} its covariance has the eigenvalue {eigenvalue:.4g} (in units "
            "of noise_variance, limit 0); check the signs and sizes of the weights"
        )

    def require_covariance(self) -> None:
        """Fail if the noise is no covariance at any of a few admissible M, N and S.

        Raises
        ------
        TheoryError
            With M and the negative eigenvalue there.
        """
        if self._defect is not None:
            raise self._no_covariance(*self._defect)

    @cached_property
    def _defect(self) -> tuple[int, float] | None:
        """(M, negative eigenvalue) if there is one at every admissible point tried."""
        found = None
        for steps in (2, 5, 12):
            rest = {"dropped": 1, "kept": -1}.get(self.last_batch, 0)
            point = {steps_per_epoch: steps, batch_size: 3, samples: 3 * steps + rest}
            if any(sp.sympify(c, strict=True).subs(point) == sp.false for c in self.conditions):
                continue
            parts = self._exact_weights(steps, point[samples], point[batch_size])
            value = negative_eigenvalue(parts, steps) if parts else None
            if value is None:
                return None
            found = found or (steps, value)
        return found

    def _require_room(self, steps: int, samples: int, batch_size: int) -> None:
        """Refuse an epoch that takes more samples than there are, or a last batch of none."""
        full = steps - (1 if self.last_batch == "kept" else 0)
        if full * batch_size > samples - (1 if self.last_batch == "kept" else 0):
            raise TheoryError(
                f"{self.name}: steps_per_epoch = {steps} is too many batches of {batch_size} for "
                f"{samples} samples; it is {self.steps_per_epoch(samples, batch_size)}"
            )

    @cached_property
    def silent_at_one_step(self) -> bool:
        """Whether M = 1 means full-batch descent: no noise at all."""
        total = sp.together(sum(c.variance(steps_per_epoch) * w for c, w in self.noise))
        weights = [sp.fraction(sp.together(w))[1] for _, w in self.noise]
        at_one = [sp.sympify(d, strict=True).subs(steps_per_epoch, 1) for d in weights]
        return bool(total.subs(steps_per_epoch, 2) != 0 and any(d == 0 for d in at_one))

    def noise_covariance(
        self, steps: int, *, samples: int | None = None, batch_size: int | None = None,
        epochs: int = 1,
    ) -> tuple[tuple[Fraction, ...], ...]:
        """Exact covariance of the batch noise by position, in units of c.

        Shape (M epochs, M epochs): entry (k, l) is cov(xi_k, xi_l) / c for steps of the first
        ``epochs`` epochs.
        """
        parts = self.weights(steps, samples, batch_size)
        steps, epochs = int(steps), _whole("epochs", epochs)
        size = range(1, steps * epochs + 1)
        return tuple(
            tuple(
                sum((w for c, w in parts if c.correlated(k, l, steps)), Fraction(0)) for l in size
            )
            for k in size
        )

    def draw(
        self, samples: int, batch_size: int, epochs: int, rng: np.random.Generator
    ) -> IndexArray:
        """Draw real index sequences.

        Returns
        -------
        Sample indices, shape (epochs, sum of the batch sizes); batch k of an epoch holds the
        next ``batch_sizes(...)[k]`` entries of its row.

        Raises
        ------
        TheoryError
            As :meth:`steps_per_epoch`; if ``epochs`` is no whole number >= 0; or if ``draw_epoch``
            returns the wrong number of indices.
        """
        import numpy as np

        if self.lasting == "own" and self.draw_epoch is None:
            raise TheoryError(
                f"scheme {self.name!r} does not say how it draws: give draw_epoch, or lasting"
            )
        sizes = self.batch_sizes(samples, batch_size)
        samples, batch_size, epochs = int(samples), int(batch_size), _whole("epochs", epochs)
        if epochs < 0:
            raise TheoryError(f"epochs must be at least 0; got {epochs}")
        used = sum(sizes)
        out = np.empty((epochs, used), dtype=np.int64)
        for epoch in range(epochs):
            if self.draw_epoch is not None:
                row = self.draw_epoch(samples, batch_size, epoch, rng)
                if np.shape(row) != (used,):
                    raise TheoryError(
                        f"draw_epoch of {self.name!r} returned shape {np.shape(row)}; "
                        f"an epoch has {used} indices"
                    )
                out[epoch] = row
            elif self.lasting == "sample":
                out[epoch] = rng.integers(samples, size=used)
            elif self.lasting == "batch":
                batches = [rng.choice(samples, size=s, replace=False) for s in sizes]
                out[epoch] = np.concatenate(batches)
            elif self.lasting == "epoch" or epoch == 0:
                out[epoch] = rng.permutation(samples)[:used]
            else:
                out[epoch] = out[0]
        return out


def _whole(name: str, value: Any) -> int:
    """A whole number, also one of NumPy's or SymPy's.

    Raises
    ------
    TheoryError
        If it is none.
    """
    if type(value) is int:
        return value
    from theory.numbers import exact_number  # needs NumPy, which ``import theory`` does not load

    exact = exact_number(name, value)
    if exact.denominator != 1:
        raise TheoryError(f"{name} = {value} is not a whole number: round it")
    return int(exact)
