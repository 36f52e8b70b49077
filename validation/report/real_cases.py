"""The runs of the report's page on real SGD: data, optimizer and loader as a user writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.optimizers import LinearRule, pytorch_sgd
from theory.sampling import SamplingScheme, dropped_batch, kept_batch, reshuffled
from validation.data import load_data
from validation.regression import FloatArray, Regression

__all__ = ["CASES", "RealCase"]


@dataclass(frozen=True, kw_only=True)
class RealCase:
    """One training run of ``nn.Linear`` with ``nn.MSELoss`` on standardised data.

    Attributes
    ----------
    name
        A bundled data set.
    settings
        Of ``torch.optim.SGD``, besides the learning rate.
    stability
        Learning rate times the largest curvature.
    batch_size, drop_last
        Of the ``DataLoader``, whose ``shuffle`` is True.
    gap, block
        Epochs left out before a block, so that it has forgotten the one before, and averaged in it.
    trained, indexed
        Blocks that PyTorch trains, and that the compiled steps take.
    """

    name: str
    settings: Mapping[str, Any]
    stability: float
    batch_size: int
    drop_last: bool
    gap: int
    block: int
    trained: int
    indexed: int

    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """Features (N, d) without a column of ones and targets (N,), each of mean 0 and variance 1."""
        data = load_data(self.name, intercept=False)
        spread = data.features.std(axis=0)
        x = (data.features - data.features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        return x, (data.targets - data.targets.mean()) / data.targets.std()

    def problem(self) -> Regression:
        """The same without PyTorch: the bias is the weight of a column of ones."""
        x, y = self.arrays()
        return Regression(
            features=np.column_stack([x, np.ones(len(x))]), targets=y, loss="mse",
            weight_decay=self.settings.get("weight_decay", 0.0),
        )

    @property
    def rule(self) -> LinearRule:
        """As :func:`validation.pytorch.rule_of` reads it off the optimizer."""
        return pytorch_sgd(nesterov=bool(self.settings.get("nesterov", False)))

    def hyperparameters(self, steepest: float) -> dict[str, float]:
        """Of the rule, with the largest curvature given."""
        values = {
            "learning_rate": self.stability / steepest, "momentum": self.settings.get("momentum", 0.0),
            "weight_decay": self.settings.get("weight_decay", 0.0),
        }
        if not self.settings.get("nesterov", False):
            values["dampening"] = self.settings.get("dampening", 0.0)
        return values

    def scheme(self, samples: int) -> SamplingScheme:
        """As :func:`validation.pytorch.scheme_of` reads it off the loader."""
        if samples % self.batch_size == 0:
            return reshuffled()
        return dropped_batch() if self.drop_last else kept_batch()

    @property
    def words(self) -> str:
        """The optimizer and the loader in a line of code."""
        options = "".join(f", {name}={value}" for name, value in self.settings.items())
        drop = ", drop_last=True" if self.drop_last else ""
        return (
            f"torch.optim.SGD(model.parameters(), lr={self.stability:g} / largest curvature{options}); "
            f"DataLoader(data, batch_size={self.batch_size}, shuffle=True{drop})"
        )


#: Set once, from the theory (:mod:`validation.report.real_plan`), before a run: the gap is the shortest in
#: which the flattest direction forgets all but 1 %, and one more; a block is four gaps, beyond which
#: longer ones save little; and there are half as many blocks again as theory asks for, to catch a factor of
#: two by training (46, 50, 43) and 20 % by compiled steps (472, 530, 450). A test holds them to that.
#: The learning rate for diabetes is as large as the error estimate of the prediction allows (6 %), the
#: batch divides the data: fewer steps until the flattest direction forgets.
CASES = (
    RealCase(
        name="diabetes", settings={"momentum": 0.9}, stability=0.4, batch_size=34, drop_last=False,
        gap=22, block=88, trained=72, indexed=750,
    ),
    RealCase(
        name="wine", settings={"momentum": 0.9, "nesterov": True}, stability=0.1, batch_size=13,
        drop_last=False, gap=8, block=32, trained=84, indexed=900,
    ),
    RealCase(
        name="iris", settings={"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02}, stability=0.3,
        batch_size=16, drop_last=True, gap=24, block=96, trained=70, indexed=700,
    ),
)
