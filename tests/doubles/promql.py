"""As much of PromQL as our alerts use, evaluated over what /metrics said at each scrape.

`promql_parser` reads the expression, as Prometheus's own grammar has it; what this cannot evaluate
it refuses. Where promtool is installed the tests ask it the same questions.
"""

import math
import operator
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

LOOKBACK_S = 300.0
"""How long a sample is good for (Prometheus's default)."""

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Value = Vector | float
Scrape = Mapping[tuple[str, Labels], float]
Points = list[tuple[float, float]]

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda one, two: (
        one / two if two else math.nan if not one else math.copysign(math.inf, one)
    ),
}
REDUCING: Mapping[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "count": lambda values: float(len(values)),
}


@lru_cache(maxsize=64)
def read_scrape(text: str, job: str, instance: str) -> Scrape:
    """Read what one scrape gave, with the labels that Prometheus adds."""
    target = (("job", job), ("instance", instance))
    found = {
        (sample.name, frozenset((*sample.labels.items(), *target))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return found | {("up", frozenset(target)): 1.0}


@dataclass(slots=True)
class History:
    """All scrapes of one daemon, in order; `fail` is one that got no answer."""

    job: str = "released"
    instance: str = "daemon:8080"
    times: list[float] = field(default_factory=list)
    scrapes: list[Scrape] = field(default_factory=list)

    def take(self, at: float, text: str) -> None:
        self.times.append(at)
        self.scrapes.append(read_scrape(text, self.job, self.instance))

    def fail(self, at: float) -> None:
        labels = frozenset((("job", self.job), ("instance", self.instance)))
        self.times.append(at)
        self.scrapes.append({("up", labels): 0.0})

    def latest(self, at: float) -> Scrape:
        """Give the scrape that counts at a moment: what it lacks is gone (staleness)."""
        index = bisect_right(self.times, at) - 1
        if index < 0 or at - self.times[index] > LOOKBACK_S:
            return {}
        return self.scrapes[index]

    def window(self, since: float, until: float) -> list[tuple[float, Scrape]]:
        first, end = bisect_right(self.times, since), bisect_right(self.times, until)
        return list(zip(self.times[first:end], self.scrapes[first:end], strict=True))


def evaluate(expression: str, history: History, at: float) -> Value:
    """Evaluate as an instant query at a moment."""
    return _Evaluation(history, at).value(promql.parse(expression))


@dataclass(frozen=True, slots=True)
class _Evaluation:
    history: History
    at: float

    def value(self, expr: Any) -> Value:
        kind = type(expr).__name__
        method = getattr(self, f"_{kind}", None)
        if method is None:
            raise NotImplementedError(kind)
        found: Value = method(expr)
        return found

    def vector(self, expr: Any) -> Vector:
        found = self.value(expr)
        assert isinstance(found, dict), expr.prettify()
        return found

    def _NumberLiteral(self, expr: Any) -> Value:  # noqa: N802 - named as the parser's
        return float(expr.val)

    def _ParenExpr(self, expr: Any) -> Value:  # noqa: N802 - as above
        return self.value(expr.expr)

    def _VectorSelector(self, expr: Any) -> Value:  # noqa: N802 - as above
        scrape = self.history.latest(self.at - _offset(expr))
        return {labels: v for (name, labels), v in scrape.items() if _fits(expr, name, labels)}

    def _MatrixSelector(self, expr: Any) -> dict[Labels, Points]:  # noqa: N802 - as above
        selector = expr.vector_selector
        until = self.at - _offset(selector)
        found: dict[Labels, Points] = defaultdict(list)
        for at, scrape in self.history.window(until - expr.range.total_seconds(), until):
            for (name, labels), value in scrape.items():
                if _fits(selector, name, labels):
                    found[labels].append((at, value))
        return found

    def _AggregateExpr(self, expr: Any) -> Value:  # noqa: N802 - as above
        by: list[str] = []
        if expr.modifier is not None:
            assert expr.modifier.type == promql.AggModifierType.By
            by = expr.modifier.labels
        groups: dict[Labels, list[float]] = defaultdict(list)
        for labels, value in self.vector(expr.expr).items():
            groups[_only(labels, by)].append(value)
        reduce = REDUCING[str(expr.op)]
        return {labels: reduce(values) for labels, values in groups.items()}

    def _Call(self, expr: Any) -> Value:  # noqa: N802 - as above
        name, args = expr.func.name, expr.args
        if name == "time":
            return float(self.at)
        if name == "absent":
            return {} if self.vector(args[0]) else {_equal_labels(args[0]): 1.0}
        if name == "histogram_quantile":
            return _quantiles(args[0].val, self.vector(args[1]))
        return self._of_range(name, args[0])

    def _of_range(self, name: str, selector: Any) -> Vector:
        range_s = selector.range.total_seconds()
        until = self.at - _offset(selector.vector_selector)
        found: Vector = {}
        for labels, points in self._MatrixSelector(selector).items():
            if name == "changes":
                pairs = pairwise(points)
                found[labels] = float(sum(one[1] != two[1] for one, two in pairs))
            elif len(points) > 1:
                grown = _increase(points, since=until - range_s, until=until)
                found[labels] = {"increase": grown, "rate": grown / range_s}[name]
        return found

    def _BinaryExpr(self, expr: Any) -> Value:  # noqa: N802 - as above
        sign = str(expr.op)
        left, right = self.value(expr.lhs), self.value(expr.rhs)
        if sign in {"and", "or", "unless"}:
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            return _combine(sign, left, right, _key(expr.modifier))
        if isinstance(left, float) and isinstance(right, float):
            return ARITHMETIC[sign](left, right)
        return _pairwise(sign, left, right, _key(expr.modifier))


def _combine(sign: str, left: Vector, right: Vector, key: Callable[[Labels], Labels]) -> Vector:
    there = {key(labels) for labels in right}
    if sign == "or":
        mine = {key(labels) for labels in left}
        return left | {labels: v for labels, v in right.items() if key(labels) not in mine}
    return {labels: v for labels, v in left.items() if (key(labels) in there) == (sign == "and")}


def _pairwise(sign: str, left: Value, right: Value, key: Callable[[Labels], Labels]) -> Vector:
    """Compare or reckon each element of one side with its partner, or with a number."""
    if isinstance(left, float):
        assert isinstance(right, dict)
        pairs = [(labels, left, value) for labels, value in right.items()]
    elif isinstance(right, float):
        pairs = [(labels, value, right) for labels, value in left.items()]
    else:
        partners = {key(labels): value for labels, value in right.items()}
        pairs = [(k, v, partners[key(k)]) for k, v in left.items() if key(k) in partners]
    if sign in COMPARISONS:
        return {labels: one for labels, one, two in pairs if COMPARISONS[sign](one, two)}
    return {labels: ARITHMETIC[sign](one, two) for labels, one, two in pairs}


def _key(modifier: Any) -> Callable[[Labels], Labels]:
    if modifier is None or modifier.matching is None:
        return lambda labels: labels
    assert modifier.matching.type == promql.LabelModifierType.Include
    names = modifier.matching.labels
    return lambda labels: _only(labels, names)


def _only(labels: Labels, names: list[str]) -> Labels:
    return frozenset(pair for pair in labels if pair[0] in names)


def _offset(selector: Any) -> float:
    return selector.offset.total_seconds() if selector.offset is not None else 0.0


def _fits(selector: Any, name: str, labels: Labels) -> bool:
    if name != selector.name:
        return False
    given = dict(labels)
    return all(_matches(one, given.get(one.name, "")) for one in selector.matchers.matchers)


def _matches(matcher: Any, value: str) -> bool:
    if matcher.op == promql.MatchOp.Equal:
        return bool(value == matcher.value)
    if matcher.op == promql.MatchOp.NotEqual:
        return bool(value != matcher.value)
    found = re.fullmatch(matcher.value, value) is not None
    return found is bool(matcher.op == promql.MatchOp.Re)


def _equal_labels(selector: Any) -> Labels:
    matchers = selector.matchers.matchers
    return frozenset((m.name, m.value) for m in matchers if m.op == promql.MatchOp.Equal)


def _increase(points: Points, *, since: float, until: float) -> float:
    """Extrapolate to the window's ends as Prometheus does (promql/functions.go, 2.42)."""
    grown = points[-1][1] - points[0][1]
    grown += sum(one[1] for one, two in pairwise(points) if two[1] < one[1])
    sampled = points[-1][0] - points[0][0]
    step = sampled / (len(points) - 1)
    to_start, to_end = points[0][0] - since, until - points[-1][0]
    if grown > 0 and points[0][1] >= 0:
        to_start = min(to_start, sampled * points[0][1] / grown)
    reach = sampled + sum(gap if gap < step * 1.1 else step / 2 for gap in (to_start, to_end))
    return grown * reach / sampled


def _quantiles(share: float, buckets: Vector) -> Vector:
    by_series: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, count in buckets.items():
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        by_series[rest].append((float(dict(labels)["le"]), count))
    return {labels: _quantile(share, sorted(found)) for labels, found in by_series.items()}


def _quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    rank = share * buckets[-1][1]
    if not rank:
        return math.nan
    low = below = 0.0
    for high, count in buckets:
        if count >= rank:
            if math.isinf(high):
                return low
            return low + (high - low) * (rank - below) / (count - below)
        low, below = high, count
    raise AssertionError
