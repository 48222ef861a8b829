"""Who may come in, in Envoy's words. Pure.

Each key has a policy of its own, named by the hash by which records know its caller: so Envoy can say whose call it was without
showing the key to anybody.
"""

import re
from collections.abc import Sequence
from hashlib import sha256


def rules(keys: Sequence[str]) -> dict[str, object]:
    """RBAC's configuration: who presents one of `keys` in either header may come in; everybody where there are none."""
    if not keys:
        return {}
    policies = {
        _caller(key): {"permissions": [{"any": True}], "principals": [_bearer(key), _header("x-api-key", {"exact": key})]}
        for key in keys
    }
    return {"rules": {"action": "ALLOW", "policies": policies}}


def _caller(key: str) -> str:
    """As the core calls who presents it: its records are put together by this name."""
    return sha256(key.encode()).hexdigest()[:16]


def _bearer(key: str) -> dict[str, object]:
    return _header("authorization", {"safe_regex": {"regex": f"(?i:bearer) +{re.escape(key)}"}})


def _header(name: str, match: dict[str, object]) -> dict[str, object]:
    return {"header": {"name": name, "string_match": match}}
