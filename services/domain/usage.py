"""What a caller is, seen from the records: a hash, never the key."""

from hashlib import sha256


def caller_of(key: str) -> str:
    """A short stable name for a key; empty for no key. The key cannot be told from it."""
    return sha256(key.encode()).hexdigest()[:16] if key else ""
