"""The one account behind the simulated login: its key, and which of its tokens are dead."""

import secrets
from collections import OrderedDict

_KEEP = 10_000


class Account:
    """Any `eyJ...` token logs in to it and any `ory_rt_...` token refreshes it, unless it is dead."""

    def __init__(self) -> None:
        self.key = _new_key()
        """The same on each exchange, until `rotate_key`."""
        self._dead: OrderedDict[str, None] = OrderedDict()

    def kill(self, token: str) -> None:
        """From now on this access or refresh token is refused. The oldest of very many dead tokens are forgotten."""
        self._dead[token] = None
        if len(self._dead) > _KEEP:
            self._dead.popitem(last=False)

    def is_dead(self, token: str) -> bool:
        """Whether the token was used up or killed."""
        return token in self._dead

    def rotate_key(self) -> str:
        """Gives the account a new key and returns the old one, which the caller may want refused."""
        old, self.key = self.key, _new_key()
        return old

    def reset(self) -> None:
        """Brings every dead token back."""
        self._dead.clear()


def _new_key() -> str:
    return f"muk-{secrets.token_hex(32)}"
