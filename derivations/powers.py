"""Powers of A by Cayley and Hamilton, their sums, and the white law."""

from __future__ import annotations

import sympy as sp

from derivations.frame import LEFT, RIGHT, Frame, n
from derivations.step import Step
from theory import symbols

__all__ = ["gramian_steps", "power_steps", "read_rule", "sum_steps", "velocity_steps", "white_law_steps"]


def read_rule(frame: Frame) -> list[Step]:
    """The recursion of the state, by running the code of the rule."""
    names = sp.symbols(f"s_1:{frame.rule.state_size + 1}")
    noise = sp.Symbol("xi")
    after = frame.rule.step(tuple(names), lambda point: symbols.curvature * point + noise)
    state = [*names]
    if frame.delayed:
        state, after = [*names, sp.Symbol("s_0")], (*after, names[0])
    column = sp.ImmutableMatrix(state)
    text = (
        r"One step of the rule, with the gradient $\lambda\,\theta+\xi$ of a quadratic loss, is "
        r"$s_k=As_{k-1}+B\xi_k$."
    )
    if frame.delayed:
        text += r" The state also keeps the previous weights, as its last entry."
    return [frame.step(text, sp.ImmutableMatrix(after), frame.A() * column + noise * frame.B())]


def _sides(frame: Frame) -> tuple[str, ...]:
    return (LEFT, RIGHT) if frame.cross else (LEFT,)


def power_steps(frame: Frame) -> list[Step]:
    """A^n is the printed combination, by induction."""
    steps = []
    for side in _sides(frame):
        a = frame.A(side)
        if not frame.delayed:
            zero = frame.power(n, side).subs({})  # the definition at n = 0
            start = frame.given[zero].subs(n, 0)
            steps.append(frame.step("Powers, by Cayley and Hamilton: right at $n=0$,", start, frame.identity))
        else:
            steps.append(frame.step(
                "Powers, by Cayley and Hamilton: right at $n=1$,",
                frame.given[frame.power(n, side)].subs(n, 1), a,
            ))
        steps.append(frame.step(
            r"and if it holds at $n$ then at $n+1$, because the sequences obey the recurrence of the "
            r"characteristic polynomial.",
            frame.power(n + 1, side), a * frame.power(n, side),
        ))
    return steps


def sum_steps(frame: Frame) -> list[Step]:
    r"""R = (I - A)^-1 and S_n = I + A + ... + A^(n-1)."""
    steps = []
    for side in _sides(frame):
        steps += [
            frame.step("Below the stability limit $I-A$ is invertible.",
                       (frame.identity - frame.A(side)) * frame.R(side), frame.identity),
            frame.step(r"$S_n=I+A+\dots+A^{n-1}$ is $R(I-A^n)$: it grows by $A^n$, from $S_0=0$.",
                       frame.S(n + 1, side) - frame.S(n, side), frame.power(n, side)),
        ]
    return steps


def white_law_steps(frame: Frame) -> list[Step]:
    """X solves the Lyapunov equation."""
    x = frame.X()
    return [frame.step(
        r"White noise of unit variance: $\xi_k$ is independent of $s_{k-1}$, so the covariance $X$ obeys "
        r"a linear equation, whose solution is unique because all eigenvalues of $A$ lie inside the "
        r"unit circle.",
        frame.A() * x * frame.A(RIGHT).T + frame.BB, x,
    )]


def gramian_steps(frame: Frame) -> list[Step]:
    r"""H(n) = sum of A^i BB' A'^iT over i < n."""
    def h(k: sp.Expr) -> sp.Expr:
        return frame.X() - frame.power(k) * frame.X() * frame.power(k, RIGHT).T

    start = [frame.step(
        r"$\sum_{i<n}A^iBB^\top A^{i\top}=X-A^nXA^{n\top}$: its first term is right,",
        frame.X() - frame.A() * frame.X() * frame.A(RIGHT).T, frame.BB,
    )]
    return [*start, frame.step(
        "and from one $n$ to the next it grows by the right term.", h(n + 1) - h(n),
        frame.power(n) * frame.BB * frame.power(n, RIGHT).T,
    )]


def velocity_steps(frame: Frame) -> list[Step]:
    """The row d with v_k = d s_k."""
    p = frame.define("p", frame.previous.as_immutable())
    w, d = frame.rows("weights"), frame.rows("velocity")
    steps = [
        frame.step(r"The previous weights can be read off the state, $\theta_{k-1}=p\,s_k$: $pA=w$",
                   p * frame.A(), w),
        frame.step("and $pB=0$.", p * frame.B(), sp.ZeroMatrix(1, 1)),
    ]
    if frame.cross:
        steps.append(frame.step("The same row serves the second direction.", p * frame.A(RIGHT), w))
        steps.append(frame.step("Its noise does not enter either.", p * frame.B(RIGHT), sp.ZeroMatrix(1, 1)))
    steps.append(frame.step(r"Hence $v_k=\theta_k-\theta_{k-1}=d\,s_k$.", w - p, d))
    return steps
