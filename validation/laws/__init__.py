r"""Ways to the stationary law with weight-dependent noise, each with its order, cost and error estimate.

One file per method, one line in :data:`METHODS`; :func:`full_law` chooses among them.
"""

from validation.laws.choose import METHODS, full_law, method_by_name
from validation.laws.law import Method, Run, WeightLaw

__all__ = ["METHODS", "Method", "Run", "WeightLaw", "full_law", "method_by_name"]
