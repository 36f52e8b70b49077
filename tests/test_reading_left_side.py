"""What the left side of an equation names."""

from __future__ import annotations

import pytest
import sympy as sp

from theory.quantities import QUANTITIES
from theory.reading import Reading, left_quantity, read_latex, read_text


def _left(left: str) -> str | None:
    return left_quantity(Reading(text="", left=left, compact=sp.S.One, expression=sp.S.One))


@pytest.mark.parametrize(("left", "quantity"), [
    ("<theta^2>", "weight-variance"), ("<θ²>", "weight-variance"), ("<delta^2>", "weight-variance"),
    ("<x**2>", "weight-variance"), ("<w^2>", "weight-variance"), ("sigma_theta^2", "weight-variance"),
    ("σ_θ²", "weight-variance"), ("Var(theta)", "weight-variance"), ("E[theta^2]", "weight-variance"),
    ("<v^2>", "velocity-variance"), ("sigma_v**2", "velocity-variance"), ("Var(v)", "velocity-variance"),
    ("<theta v>", "weight-velocity-covariance"), ("<thetav>", "weight-velocity-covariance"),
    ("<v*theta>", "weight-velocity-covariance"), ("Cov(theta, v)", "weight-velocity-covariance"),
    ("weight_variance", "weight-variance"), ("correlation-time", "correlation-time"),
    ("<theta^4>", "?"), ("Var(g)", "?"), ("<theta>", "?"), ("<theta^2 v>", "?"), ("<L>", "?"),
    ("<theta_k theta_{k+tau}>", "weight-autocovariance"), ("<(theta - theta_*)^2>", "weight-variance"),
    ("V", None), ("y", None), ("Q", None), ("R(h)", None), ("S(omega)", None), ("", None), ("T_c", None),
    ("<y^2>", None), ("sigma^2", None), ("V**2", None), ("lambda*V", None),
])
def test_names_of_quantities_in_text(left: str, quantity: str | None) -> None:
    assert _left(left) == quantity


@pytest.mark.parametrize(("left", "quantity"), [
    (r"\langle\theta^2\rangle", "weight-variance"),
    (r"\left\langle \theta^{2} \right\rangle", "weight-variance"),
    (r"\sigma_\theta^2", "weight-variance"), (r"\sigma^2_{\theta}", "weight-variance"),
    (r"\sigma_{v}^{2}", "velocity-variance"), (r"\operatorname{Var}(\theta)", "weight-variance"),
    (r"\mathbb{E}[v^2]", "velocity-variance"), (r"\langle \theta v \rangle", "weight-velocity-covariance"),
    (r"\langle\theta^4\rangle", "?"), (r"\langle \theta_k \theta_{k+\tau} \rangle", "weight-autocovariance"),
    (r"\mathrm{Var}[g]", "?"), (r"R(\tau)", None), ("V", None), (r"\lambda_\times", None),
])
def test_names_of_quantities_in_latex(left: str, quantity: str | None) -> None:
    reading = read_latex(rf"{left} = \frac{{\eta c}}{{2\lambda}}")
    assert left_quantity(reading) == quantity
    assert reading.equation is None


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_by_its_own_name(quantity: str) -> None:
    assert _left(quantity) == _left(quantity.replace("-", "_")) == quantity


def test_a_left_side_that_is_read() -> None:
    assert left_quantity(read_text("<theta^2> = eta*c/(2*lambda)")) == "weight-variance"
    assert left_quantity(read_text("eta*c/(2*lambda)")) is None


@pytest.mark.parametrize("read", [read_text, read_latex])
def test_a_square_is_an_equation_unless_it_is_a_variance(read: object) -> None:
    assert callable(read)
    reading = read("V^2 = c")
    assert reading.equation is not None
    assert reading.equation[0] == sp.Symbol("V") ** 2
    assert read("x^2 = c").equation is not None
    assert read("sigma_v^2 = c" if read is read_text else r"\sigma_v^2 = c").equation is None
