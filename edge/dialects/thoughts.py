"""Carries a model's reasoning through dialects that have other places for its proof, and back unchanged; pure.

A reasoning has words, a signature (Claude's proof; for OpenAI the id of the item) and a sealed form. Anthropic's dialect has one
place for all proofs, OpenAI's Responses has `encrypted_content`. What stands there is packed so that its own model gets it back.
"""

from typing import Final

from cli2api.v1 import text_pb2

_SIGNED: Final = "signed:"
_SEALED: Final = "sealed:"
_BOTH: Final = "~"


def signature(found: text_pb2.Reasoning) -> str:
    """What Anthropic's `signature` says of a reasoning that has words."""
    return f"{_SEALED}{found.signature}{_BOTH}{found.sealed}" if found.sealed else found.signature


def from_signature(words: str, written: str) -> text_pb2.Reasoning:
    """The reasoning of a `thinking` block."""
    if not written.startswith(_SEALED):
        return text_pb2.Reasoning(text=words, signature=written)
    proof, _, sealed = written.removeprefix(_SEALED).partition(_BOTH)
    return text_pb2.Reasoning(text=words, signature=proof, sealed=sealed)


def encrypted_content(found: text_pb2.Reasoning) -> str:
    """What OpenAI's `encrypted_content` says of a reasoning of another vendor's model; empty where there is no proof."""
    if found.sealed:
        return f"{_SEALED}{found.sealed}"
    return f"{_SIGNED}{found.signature}" if found.signature else ""


def from_encrypted_content(words: str, written: str) -> text_pb2.Reasoning | None:
    """The reasoning of a `reasoning` item; None where the proof is another model's and means nothing here."""
    if written.startswith(_SIGNED):
        return text_pb2.Reasoning(text=words, signature=written.removeprefix(_SIGNED))
    if written.startswith(_SEALED):
        return text_pb2.Reasoning(text=words, sealed=written.removeprefix(_SEALED))
    return None if written else text_pb2.Reasoning(text=words)
