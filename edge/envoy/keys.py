"""Who may come in, in Envoy's words. Pure."""

import re
from collections.abc import Sequence


def rules(keys: Sequence[str]) -> dict[str, object]:
    """RBAC's configuration: who presents one of `keys` in either header may come in; everybody where there are none."""
    if not keys:
        return {}
    either = [principal for key in keys for principal in (_bearer(key), _header("x-api-key", {"exact": key}))]
    return {"rules": {"action": "ALLOW", "policies": {"keys": {"permissions": [{"any": True}], "principals": either}}}}


def _bearer(key: str) -> dict[str, object]:
    return _header("authorization", {"safe_regex": {"regex": f"(?i:bearer) +{re.escape(key)}"}})


def _header(name: str, match: dict[str, object]) -> dict[str, object]:
    return {"header": {"name": name, "string_match": match}}
