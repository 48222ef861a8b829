"""Brings the contract, `cli2api.v1`, into what is built: from `../proto` in a checkout, from beside this file in an sdist."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Contract(BuildHookInterface[Any]):
    """Puts the folder `cli2api` at the root of the archive. Raises FileNotFoundError where it is in neither place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each target; an editable installation finds the folder by `dev-mode-dirs`."""
        if version == "editable":
            return
        here = Path(self.root)
        places = (here / "cli2api", here.parent / "proto" / "cli2api")
        found = next((place for place in places if (place / "v1").is_dir()), None)
        if found is None:
            raise FileNotFoundError(f"the contract is in neither of {', '.join(map(str, places))}: build from a whole checkout")
        build_data["force_include"][str(found)] = "cli2api"
