"""Headers as HTTP/2 writes them (RFC 7541), without a table that grows: we allow the other side none and use none ourselves.

So a block of headers means the same whenever it comes, and those that come again and again are read once.
"""

from typing import Final, TypeAlias

Fields: TypeAlias = tuple[tuple[str, str], ...]

METHOD_POST: Final = b"\x83"
SCHEME_HTTP: Final = b"\x86"
_LARGEST_KEPT: Final = 256
"""Bytes of a block that is kept once it was read."""
_MOST_KEPT: Final = 64
_LONGEST_NUMBER: Final = 28
"""Bits of a length or an index."""
_EMPTY: Final = (
    "accept-charset|accept-encoding:gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|allow"
    "|authorization|cache-control|content-disposition|content-encoding|content-language|content-length|content-location"
    "|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range"
    "|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh"
    "|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
)
_STATUSES: Final = ("200", "204", "206", "304", "400", "404", "500")
_STATIC: Final[Fields] = (
    ("", ""),
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    *((":status", status) for status in _STATUSES),
    *((name, value) for name, _, value in (each.partition(":") for each in _EMPTY.split("|"))),
)
"""Appendix A; it counts from 1."""
_LENGTHS: Final = (
    "isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibccccccccccccccccccccccdcdioijbkaba"
    "babbbaccbbbabcbaabccccckgjixprpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrsvvporsru"
    "vvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz"
)
"""Appendix B: how many bits each byte's code has, and that of the end; a is 5. The codes follow from it, shortest first."""


class BadHeaders(ValueError):
    """A block that cannot be read."""


def literal(name: bytes, value: bytes) -> bytes:
    """One field as it is."""
    if len(name) < 127 and len(value) < 127:
        return b"\0%c%b%c%b" % (len(name), name, len(value), value)
    return b"\0%b%b%b%b" % (_number(len(name), 7), name, _number(len(value), 7), value)


class Reader:
    """Reads blocks."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Fields] = {}

    def read(self, block: bytes) -> Fields:
        """The fields in order. Raises BadHeaders."""
        found = self._kept.get(block)
        if found is None:
            try:
                found = tuple(_fields(block))
            except (IndexError, KeyError) as error:
                raise BadHeaders("a block of headers is cut off or names what is not there") from error
            if len(block) <= _LARGEST_KEPT and len(self._kept) < _MOST_KEPT:
                self._kept[block] = found
        return found


def _fields(block: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _read_number(block, at, 7)
            if not index:
                raise IndexError
            found.append(_STATIC[index])
        elif first & 0xE0 == 0x20:  # how large the table is to be, which is 0
            _, at = _read_number(block, at, 5)
        else:
            index, at = _read_number(block, at, 6 if first & 0x40 else 4)
            if index:
                name = _STATIC[index][0]
            else:
                name, at = _read_text(block, at)
            value, at = _read_text(block, at)
            found.append((name, value))
    return found


def _number(value: int, bits: int) -> bytes:
    most = (1 << bits) - 1
    if value < most:
        return bytes((value,))
    value -= most
    written = bytearray((most,))
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _read_number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    shift = 0
    while True:
        each = block[at]
        at += 1
        value += (each & 0x7F) << shift
        shift += 7
        if each < 0x80:
            return value, at
        if shift > _LONGEST_NUMBER:
            raise IndexError


def _read_text(block: bytes, at: int) -> tuple[str, int]:
    packed = block[at] & 0x80
    size, at = _read_number(block, at, 7)
    end = at + size
    if end > len(block):
        raise IndexError
    text = block[at:end]
    return (_unpacked(text) if packed else text).decode("latin-1"), end


def _codes() -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    lengths = [ord(each) - ord("a") + 5 for each in _LENGTHS]
    code = length = 0
    for symbol in sorted(range(len(lengths)), key=lambda each: (lengths[each], each)):
        code <<= lengths[symbol] - length
        length = lengths[symbol]
        found[length, code] = symbol
        code += 1
    return found


_CODES: Final = _codes()
_END: Final = 256


def _unpacked(text: bytes) -> bytes:
    found = bytearray()
    code = length = 0
    for each in text:
        for bit in range(7, -1, -1):
            code = code << 1 | each >> bit & 1
            length += 1
            symbol = _CODES.get((length, code))
            if symbol == _END:
                raise IndexError
            if symbol is not None:
                found.append(symbol)
                code = length = 0
    # What fills up the last byte is the beginning of the end's code, which is all ones, and less than a byte of it.
    if length > 7 or code != (1 << length) - 1:
        raise IndexError
    return bytes(found)
