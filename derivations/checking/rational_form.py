r"""Two expressions in one field of rational functions, so that equality can be proved there.

Papers write the same quantity with roots of the characteristic polynomial, with sums over lags, with
cosines, or with the sequences of this project. Each of these is rewritten by an identity:

* a sum is replaced by its closed form (:mod:`derivations.checking.summation`);
* real exponentials of different arguments count as independent, those of commensurable ones do not;
* with :math:`w=e^{i\omega/D}`, :math:`\cos` and :math:`\sin` of multiples of the frequency are
  :math:`(W\pm W^{-1})/2` and :math:`/2i`, W a power of w;
* :math:`\sqrt\Delta` becomes an element r with :math:`r^2=\Delta` (and i one with :math:`i^2=-1`):
  every expression is a combination of products of such roots with rational coefficients;
* a power :math:`z^n` of z = a + br obeys, by Cayley and Hamilton, :math:`z^n=U_nz-W_n` with the
  sequences of trace 2a and determinant :math:`a^2-b^2\Delta`;
* a sequence whose characteristic polynomial factors is a combination of the sequences of the factors;
* :math:`d^n=W_n^2-tU_nW_n+dU_n^2` where the sequences of (t, d) occur, d a polynomial.

Two expressions are equal if all coefficients agree: that is sufficient whatever hidden relations
the roots have, so nothing false is ever proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from math import lcm
from typing import Any

import sympy as sp

from derivations.checking.implication import implied
from derivations.checking.sequence_factors import rational_power, split_sequence
from derivations.checking.summation import closed_sum
from derivations.evaluation import NotRationalError
from derivations.exponents import linear_form
from theory.sequences import LucasSequence
from theory.symbols import frequency

__all__ = ["Element", "rational_forms"]

#: coefficients by the set of roots that are multiplied; the empty set is the rational part
Element = dict[frozenset[int], sp.Expr]
_ONE: frozenset[int] = frozenset()
_TRIGONOMETRIC = (sp.cos, sp.sin, sp.tan, sp.cot)
_IRRATIONAL = (
    sp.Sum, *_TRIGONOMETRIC, sp.exp, sp.log, sp.I, sp.Abs, sp.Piecewise, sp.Min, sp.Max, sp.Mod,
)


def rational_forms(expressions: Sequence[sp.Expr], region: sp.Basic = sp.true) -> list[Element]:
    """The expressions over common roots: coefficients by products of roots.

    ``region`` is where they are compared: sums must not run backwards there.

    Coefficients hold symbols, :class:`LucasSequence` and powers with symbolic exponents only.

    Raises
    ------
    NotRationalError
        For what has no such form: logarithms, nested roots, other functions.
    """
    if not any(_is_irrational(e) for e in expressions):
        return [{_ONE: e} for e in expressions]
    expressions = [_whole_exponents(e) for e in _without_half_powers(_without_sums(expressions, region))]
    return _Field(expressions).elements


def _is_irrational(expression: sp.Expr) -> bool:
    if expression.has(*_IRRATIONAL):
        return True
    if any(p.exp.is_Rational and not p.exp.is_Integer for p in expression.atoms(sp.Pow)):
        return True
    return any(not p.exp.is_number for p in expression.atoms(sp.Pow)) or expression.has(LucasSequence)


def _without_sums(expressions: Iterable[sp.Expr], region: sp.Basic) -> list[sp.Expr]:
    def never_negative(count: sp.Expr) -> bool:
        return count.is_nonnegative is True or implied(sp.Ge(count, 0), region)

    found = []
    for expression in expressions:
        sums = expression.atoms(sp.Sum)
        inner = {s for outer in sums for s in outer.function.atoms(sp.Sum)}
        found.append(expression.xreplace({s: closed_sum(s, never_negative) for s in sums - inner}))
    return found


def _without_half_powers(expressions: list[sp.Expr]) -> list[sp.Expr]:
    r""":math:`\beta^{M/2}` is a power of :math:`\sqrt\beta`: put q² for such a symbol."""
    halves = {
        p.base for e in expressions for p in e.atoms(sp.Pow)
        if p.base.is_Symbol and not p.exp.is_number
        and linear_form(p.exp) is None and linear_form(2 * p.exp) is not None
    }
    table = {s: sp.Symbol(f"sqrt_{s.name}", positive=True) ** 2 for s in halves}
    return [e.xreplace(table) if table else e for e in expressions]


def _whole_exponents(expression: sp.Expr) -> sp.Expr:
    """SymPy writes (a^n)^2 as it came: multiply the exponents out where they are whole numbers."""
    table = {
        p: sp.Pow(p.base, sp.expand(p.exp)) for p in expression.atoms(sp.Pow) if not p.exp.is_number
    }
    return expression.xreplace({k: v for k, v in table.items() if k != v})


class _Field:
    """The roots, and the conversion of every node."""

    def __init__(self, expressions: Sequence[sp.Expr]) -> None:
        self._squares: list[sp.Expr] = []
        self._known: dict[sp.Basic, Element] = {}
        self._w = sp.Symbol("w", positive=True)
        self._steps = reduce(lcm, (_denominators(e) for e in expressions), 1)
        self._exponentials = _exponential_table(expressions)
        elements = [self.of(e) for e in expressions]
        families = {
            tuple(a.args[2:]) for e in elements for c in e.values() for a in c.atoms(LucasSequence)
            if len(a.args) == 4
        }
        self.elements = [
            {roots: _norms(c, families) for roots, c in e.items()} for e in elements
        ]

    def of(self, node: sp.Basic) -> Element:
        if node not in self._known:
            self._known[node] = self._convert(node)
        return self._known[node]

    def _convert(self, node: Any) -> Element:
        if node.is_Rational or node.is_Symbol or node is sp.pi:
            return {_ONE: node}
        if node is sp.I:
            return self._root(sp.S.NegativeOne)
        if node.is_Add:
            return _plus([self.of(a) for a in node.args])
        if node.is_Mul:
            return reduce(self._times, (self.of(a) for a in node.args))
        if isinstance(node, LucasSequence):
            return self._sequence(node)
        if isinstance(node, _TRIGONOMETRIC):
            return self._trigonometric(node)
        if isinstance(node, sp.exp) or (isinstance(node, sp.Pow) and node.base is sp.E):
            return self._exponential(node.exp if isinstance(node, sp.Pow) else node.args[0])
        if isinstance(node, sp.Pow):
            return self._power(node.base, node.exp)
        raise NotRationalError(f"{node} has no rational form")

    # roots

    def _root(self, square: sp.Expr) -> Element:
        """An element whose square is given; the same element for the same polynomial."""
        canonical = sp.cancel(sp.together(square))
        if canonical not in self._squares:
            self._squares.append(canonical)
        return {frozenset({self._squares.index(canonical)}): sp.S.One}

    def _times(self, a: Element, b: Element) -> Element:
        terms: dict[frozenset[int], list[sp.Expr]] = {}
        for left, x in a.items():
            for right, y in b.items():
                squares = sp.Mul(*(self._squares[i] for i in left & right))
                terms.setdefault(left ^ right, []).append(x * y * squares)
        return {roots: sp.Add(*parts) for roots, parts in terms.items()}

    def _split(self, a: Element, root: int) -> tuple[Element, Element]:
        """a = first + second root."""
        first = {k: v for k, v in a.items() if root not in k}
        second = {k - {root}: v for k, v in a.items() if root in k}
        return first, second

    def _inverse(self, a: Element) -> Element:
        roots = frozenset().union(*a)
        if not roots:
            return {_ONE: 1 / a[_ONE]}
        root = max(roots)
        first, second = self._split(a, root)
        conjugate = _plus([first, {k | {root}: -v for k, v in second.items()}])
        if not second:
            return self._inverse(first)
        norm = _plus([
            self._times(first, first) if first else {},
            _scaled(self._times(second, second), -self._squares[root]),
        ])
        norm = {k: sp.factor(v) if not k else v for k, v in norm.items()}
        return self._times(conjugate, self._inverse(norm))

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Element:
        if exponent.is_Integer:
            n = int(exponent)
            value = self.of(base) if n > 0 else self._inverse(self.of(base))
            if value.keys() == {_ONE}:
                return {_ONE: value[_ONE] ** abs(n)}
            if abs(n) > 64:
                raise NotRationalError(f"the exponent {n} is too large")
            return reduce(self._times, [value] * abs(n))
        if exponent.is_Rational and exponent.q == 2:
            inside = self.of(base)
            if inside.keys() != {_ONE}:
                raise NotRationalError(f"nested roots: {base} under a root")
            return self._times(self._root(inside[_ONE]), self._power(base, exponent - sp.S.Half))
        form = linear_form(exponent)
        if exponent.is_number or form is None:
            raise NotRationalError(f"the exponent {exponent} is no whole number")
        element = self.of(base)
        if element.keys() == {_ONE}:
            return {_ONE: rational_power(element[_ONE], exponent)}
        if all(c < 0 for s, c in form.items() if s != 1):
            return self._power_of_root(self._inverse(element), sp.expand(-exponent))
        return self._power_of_root(element, exponent)

    def _power_of_root(self, z: Element, n: sp.Expr) -> Element:
        """z^n = U_n z - W_n."""
        roots = frozenset().union(*z)
        if len(roots) != 1:
            raise NotRationalError("a power of an expression with two roots")
        (root,) = roots
        a, b = z.get(_ONE, sp.S.Zero), z[frozenset({root})]
        trace = _canonical(2 * a)
        determinant = _canonical(a**2 - b**2 * self._squares[root])
        u = self._sequence(LucasSequence(1, n, trace, determinant))
        w = self._sequence(LucasSequence(0, n, trace, determinant))
        return _plus([self._times(u, z), _scaled(w, sp.S.NegativeOne)])

    def _sequence(self, node: LucasSequence) -> Element:
        k, n, *invariants = node.args
        rational = [self.of(e) for e in invariants]
        if any(e.keys() - {_ONE} for e in rational):
            raise NotRationalError(f"the sequence {node} has irrational invariants")
        canonical = [_canonical(e.get(_ONE, sp.S.Zero)) for e in rational]
        return {_ONE: split_sequence(int(k), n, canonical)}

    # the unit circle

    def _phase(self, argument: sp.Expr) -> sp.Expr:
        """e^{i argument} as a power of w = e^{i omega / D}."""
        turns = sp.expand(argument * self._steps / frequency)
        if turns.has(frequency) or linear_form(turns) is None:
            raise NotRationalError(f"{argument} is no multiple of the frequency")
        form = linear_form(turns) or {}
        constant = form.pop(sp.S.One, 0)
        powers = [self._w ** (s * c) for s, c in form.items()]
        value: sp.Expr = sp.Mul(*powers) * self._w**constant
        return value

    def _trigonometric(self, node: sp.Expr) -> Element:
        up = self._phase(node.args[0])
        sine = _scaled(self._root(sp.S.NegativeOne), -(up - 1 / up) / 2)
        cosine: Element = {_ONE: (up + 1 / up) / 2}
        if isinstance(node, sp.cos):
            return cosine
        if isinstance(node, sp.sin):
            return sine
        over, under = (sine, cosine) if isinstance(node, sp.tan) else (cosine, sine)
        return self._times(over, self._inverse(under))

    def _exponential(self, argument: sp.Expr) -> Element:
        if argument.has(sp.I):
            turned = sp.expand(argument / sp.I)
            if turned.has(sp.I):
                raise NotRationalError(f"exp({argument}) is neither real nor on the unit circle")
            return {_ONE: self._phase(turned)}
        parts = []
        for term in sp.Add.make_args(sp.expand(argument)):
            logs = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.log)]
            if len(logs) == 1:  # e^(n log x) = x^n
                parts.append(logs[0].args[0] ** (term / logs[0]))
                continue
            number, rest = term.as_coeff_Mul()
            base, denominator = self._exponentials[rest]
            parts.append(base ** int(number * denominator))
        return {_ONE: sp.Mul(*parts)}


def _exponential_table(expressions: Sequence[sp.Expr]) -> dict[sp.Expr, tuple[sp.Symbol, int]]:
    """For every argument up to a rational number: a symbol for e^(argument/D), and D."""
    found: dict[sp.Expr, int] = {}
    for node in {n for e in expressions for n in e.atoms(sp.exp)}:
        for term in sp.Add.make_args(sp.expand(node.args[0])):
            number, rest = term.as_coeff_Mul()
            if number.is_Rational:
                found[rest] = lcm(found.get(rest, 1), int(number.q))
    ordered = sorted(found, key=str)
    return {rest: (sp.Symbol(f"exp_{i}", positive=True), found[rest]) for i, rest in enumerate(ordered)}


def _denominators(expression: sp.Expr) -> int:
    """D such that every angle is a whole multiple of omega / D."""
    found = 1
    for node in expression.atoms(*_TRIGONOMETRIC, sp.exp):
        for term in sp.Add.make_args(sp.expand(node.args[0])):
            number = term.as_coeff_Mul()[0]
            if node.has(frequency) and number.is_Rational:
                found = lcm(found, int(number.q))
    return found


def _plus(elements: Iterable[Element]) -> Element:
    terms: dict[frozenset[int], list[sp.Expr]] = {}
    for element in elements:
        for roots, value in element.items():
            terms.setdefault(roots, []).append(value)
    return {roots: sp.Add(*parts) for roots, parts in terms.items()}


def _scaled(element: Element, factor: sp.Expr) -> Element:
    return {roots: value * factor for roots, value in element.items()}


def _canonical(value: sp.Expr) -> sp.Expr:
    """One spelling per rational function, so that equal invariants are the same generator."""
    reduced: sp.Expr = sp.cancel(sp.together(value))
    over, under = sp.fraction(reduced)
    return sp.expand(over) / under if under != 1 else sp.expand(over)


def _norms(coefficient: sp.Expr, families: set[tuple[sp.Expr, ...]]) -> sp.Expr:
    """d^n in terms of the sequences of (t, d), where these occur."""
    table = {}
    for power in coefficient.atoms(sp.Pow):
        if power.exp.is_number:
            continue
        for t, d in families:
            if d == power.base:
                form = linear_form(power.exp) or {}
                falling = all(c < 0 for s, c in form.items() if s != 1)
                n = sp.expand(-power.exp) if falling else power.exp
                u, w = LucasSequence(1, n, t, d), LucasSequence(0, n, t, d)
                norm = w**2 - t * u * w + d * u**2
                table[power] = 1 / norm if falling else norm
                break
    return coefficient.xreplace(table) if table else coefficient
