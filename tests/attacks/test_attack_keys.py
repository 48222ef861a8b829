"""Guessing a key at the core: every guess is compared in the same way with every key, and leads nowhere."""

import hmac

import pytest

from services.interceptors.auth import Keys
from tests.rpc import serve

KNOWN = ("sk-first", "sk-second-and-longer", "ключ")


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What the standard library was asked to compare."""
    seen: list[tuple[bytes, bytes]] = []
    really = hmac.compare_digest

    def compare_digest(one: bytes, other: bytes) -> bool:
        seen.append((one, other))
        return really(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    return seen


@pytest.mark.parametrize(
    "guess", ["", "sk-first", "sk-firs", "sk-first2", "SK-FIRST", "sk-second-and-longer", "x" * 10_000, "\udcff"]
)
def test_a_guess_is_compared_with_every_key_at_one_length_whatever_it_is(compared: list[tuple[bytes, bytes]], guess: str) -> None:
    assert Keys(KNOWN).know(guess) is (guess in KNOWN)
    assert len(compared) == len(KNOWN)
    assert {len(each) for pair in compared for each in pair} == {32}
    assert guess.encode("utf-8", "surrogateescape") not in {each for pair in compared for each in pair}


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_that_comparison_and_no_other_decides_who_comes_in(monkeypatch: pytest.MonkeyPatch, header: str) -> None:
    word = "Bearer guess" if header == "authorization" else "guess"
    async with serve(None, *KNOWN[:2]) as server:
        assert "does not know the API key" in (await server.fails(metadata=((header, word),))).message
        monkeypatch.setattr(hmac, "compare_digest", lambda one, other: True)
        assert (await server.call(metadata=((header, word),))).id == "a"
