r"""The position-resolved closure for noise that depends on the weights, epoch by epoch.

``products`` averages over samples, ``thirds`` and ``fourths`` are cumulants of the batches of one pass,
``moments`` holds second moments of an epoch, which ``epoch`` propagates and ``solve`` makes stationary;
``law`` is the result and its error estimate. ``expansion`` stops at fourth order instead.
"""

from theory.multiplicative.closure.expansion import Expansion, expand
from theory.multiplicative.closure.law import ClosureLaw
from theory.multiplicative.closure.solve import Closure

__all__ = ["Closure", "ClosureLaw", "Expansion", "expand"]
