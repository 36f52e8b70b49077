"""Heavy ball under reshuffled epochs: anti-correlated noise and the laws it makes (kuhn2023)."""

from __future__ import annotations

from theory.closed_forms.entry import pair_entry
from theory.noise.fejer import fejer_kernel
from theory.sampling import reshuffled
from theory.symbols import frequency, lag, noise_variance, steps_per_epoch

__all__ = ["ENTRIES"]

_M, _c = steps_per_epoch, noise_variance
_KUHN = "kuhn2023 (arXiv 2306.05300)"

ENTRIES = (
    pair_entry(
        "reshuffled-noise-autocovariance", reshuffled(), "noise-autocovariance",
        source=f"{_KUHN}, anti-correlations of the noise",
        published=-_c * (_M - lag) / (_M * (_M - 1)),
        difference="none; the value at lag 0 is noise_variance and beyond lag M - 1 it is 0",
    ),
    pair_entry(
        "reshuffled-noise-spectrum", reshuffled(), "noise-spectrum",
        source="re-derived here from the autocovariance of kuhn2023",
        published=_c * _M / (_M - 1) * (1 - fejer_kernel(frequency, _M) / _M),
        difference="none; U_M is sin(M omega/2) / sin(omega/2), so the value at frequency 0 is 0",
    ),
    pair_entry("reshuffled-weight-variance", reshuffled(), "weight-variance"),
    pair_entry("reshuffled-velocity-variance", reshuffled(), "velocity-variance"),
    pair_entry(
        "reshuffled-weight-velocity-covariance", reshuffled(), "weight-velocity-covariance"
    ),
    pair_entry("reshuffled-weight-autocovariance", reshuffled(), "weight-autocovariance"),
    pair_entry(
        "reshuffled-weight-autocovariance-beyond", reshuffled(), "weight-autocovariance-beyond"
    ),
    pair_entry(
        "reshuffled-weight-variance-at-position", reshuffled(), "weight-variance-at-position"
    ),
    pair_entry(
        "reshuffled-velocity-variance-at-position", reshuffled(), "velocity-variance-at-position"
    ),
    pair_entry("reshuffled-weight-spectrum", reshuffled(), "weight-spectrum"),
    pair_entry("cross-mode-covariance", reshuffled(), "cross-weight-covariance"),
    pair_entry("cross-mode-velocity-covariance", reshuffled(), "cross-velocity-covariance"),
    pair_entry(
        "cross-mode-weight-velocity-covariance", reshuffled(), "cross-weight-velocity-covariance"
    ),
    pair_entry("loss-fluctuation", reshuffled(), "loss-fluctuation"),
    pair_entry(
        "correlation-time", reshuffled(), "correlation-time",
        source=f"{_KUHN} defines it (the factor 2 is the convention); closed form new here",
    ),
)

