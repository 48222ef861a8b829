"""Faults that wait for a request which matches them: set beforehand, spent in the order they were set."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from simulator.faults import Fault, Reset, read_fault
from simulator.wire import Json


@dataclass(slots=True, kw_only=True)
class Rule:
    """A fault, whom it meets, and how often."""

    fault: Fault
    path: str = "*"
    """A shell pattern for the path."""
    method: str | None = None
    body_contains: str | None = None
    times: int | None = 1
    """How many requests it still meets; None: every one."""

    def matches(self, method: str, path: str, body: bytes | None) -> bool:
        """Whether it meets this request; `body` is None as long as it was not read."""
        if self.times == 0 or (self.method is not None and self.method != method) or not fnmatchcase(path, self.path):
            return False
        if body is None:
            return self.body_contains is None and self.fault.reset is Reset.UNREAD
        return self.body_contains is None or self.body_contains.encode() in body


class Rules:
    """The rules of one simulator."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        """From now on the rule waits for its request."""
        self._rules.append(rule)

    def take(self, method: str, path: str, body: bytes | None) -> Fault | None:
        """The fault of the first rule that matches, which is spent once by this."""
        for rule in self._rules:
            if rule.matches(method, path, body):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        self._rules.remove(rule)
                return rule.fault
        return None

    def clear(self) -> None:
        """Forgets every rule."""
        self._rules.clear()


def read_rule(value: Json) -> Rule:
    """A rule from {"match": {"path", "method", "body_contains"}, "times", "fault"}. Raises ValueError that names the mistake."""
    if not isinstance(value, dict) or not value.keys() <= {"match", "times", "fault"} or "fault" not in value:
        raise ValueError('a rule is {"match": {...}, "times": 1, "fault": {...}}; match and times may be left out')
    match = value.get("match") or {}
    if not isinstance(match, dict) or not match.keys() <= {"path", "method", "body_contains"}:
        raise ValueError("match knows path, method and body_contains")
    texts = {name: text for name, text in match.items() if isinstance(text, str)}
    if texts.keys() != match.keys():
        raise ValueError("path, method and body_contains must be text")
    times = value.get("times", 1)
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError("times must be a whole number of at least 1, or null for always")
    method = texts.get("method")
    return Rule(
        fault=read_fault(value["fault"]),
        path=texts.get("path", "*"),
        method=method.upper() if method else None,
        body_contains=texts.get("body_contains"),
        times=times,
    )
