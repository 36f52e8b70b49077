"""Real SGD: PyTorch's own optimizer and data loader, recorded, and its models as the theory sees them.

``from_module`` turns a model linear in its parameters into per-sample quadratic losses; ``rule_of`` and
``scheme_of`` read the rule and the scheme off an optimizer and a loader; ``record`` trains as a user
would and keeps the weights after every step; ``measure`` does all of it, from the minimum.
"""

from validation.pytorch.measure import Measured, measure, measure_indices
from validation.pytorch.quadratics import from_module
from validation.pytorch.record import Recording, draw_epochs, record, set_weights, weights_of
from validation.pytorch.settings import rule_of, scheme_of

__all__ = [
    "Measured", "Recording", "draw_epochs", "from_module", "measure", "measure_indices", "record",
    "rule_of", "scheme_of", "set_weights", "weights_of",
]
