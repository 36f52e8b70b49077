r"""The position-resolved closure for noise that depends on the weights, epoch by epoch.

``products`` averages over samples, ``thirds`` and ``fourths`` are cumulants of the batches of one pass,
``epoch`` propagates second moments through an epoch, ``solve`` makes them stationary, ``expansion``
stops at fourth order instead.
"""

from theory.multiplicative.closure.expansion import Expansion, expand
from theory.multiplicative.closure.solve import Closure, ClosureLaw

__all__ = ["Closure", "ClosureLaw", "Expansion", "expand"]
