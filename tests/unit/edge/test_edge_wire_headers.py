"""Blocks of headers as a core may write them, by the examples of RFC 7541, and as none should."""

import pytest

from edge.wire.hpack import BadHeaders, Fields, Reader, literal

PACKED = {
    "www.example.com": "f1e3c2e5f23a6ba0ab90f4ff",
    "no-cache": "a8eb10649cbf",
    "Mon, 21 Oct 2013 20:13:21 GMT": "d07abe941054d444a8200595040b8166e082a62d1bff",
    "https://www.example.com": "9d29ad171863c78f0b97c8e9ae82ae43d3",
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1": (
        "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
    ),
}
"""Appendix C: words, and what Huffman's code makes of them."""


def read(block: bytes) -> Fields:
    return Reader().read(block)


def packed(value: bytes) -> bytes:
    """A field `x`, never to be kept, whose value is packed."""
    return b"\x10\x01x" + bytes([0x80 | len(value)]) + value


@pytest.mark.parametrize(("word", "code"), PACKED.items())
def test_packed_words_are_unpacked(word: str, code: str) -> None:
    assert read(packed(bytes.fromhex(code))) == (("x", word),)


def test_known_fields_and_names_are_read_by_their_number() -> None:
    # :status 200; content-type by name; a change of the table's size, as a core may begin with.
    assert read(b"\x20\x88\x0f\x10\x10application/grpc") == ((":status", "200"), ("content-type", "application/grpc"))


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 255, 300, 5000])
def test_what_we_write_is_what_is_read(size: int) -> None:
    assert read(literal(b"n" * max(size, 1), b"v" * size)) == (("n" * max(size, 1), "v" * size),)


@pytest.mark.parametrize(
    "block",
    [
        b"\x00\x05x",  # cut off
        b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # a number without an end
        b"\xbe",  # a field of a table that we have allowed nobody
        b"\x80",  # field 0
        packed(b"\xff\xff\xff\xff"),  # the end's own code
        packed(b"\x00"),  # filled up with something else than ones
    ],
    ids=bytes.hex,
)
def test_a_block_that_means_nothing_is_refused(block: bytes) -> None:
    with pytest.raises(BadHeaders):
        read(block)
