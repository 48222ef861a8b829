"""A file is known by its first bytes."""

import pytest

from services.domain.sniff import sniffed


@pytest.mark.parametrize(
    ("head", "mime_type"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", "audio/wav"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf3\x44\xc4", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", ""),
        (b"fLaC", "audio/flac"),
        (b"BM\x36\x00", "image/bmp"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypM4A ", "audio/mp4"),
        (b"{}", ""),
        (b"", ""),
    ],
)
def test_first_bytes_tell_the_kind_of_file(head: bytes, mime_type: str) -> None:
    assert sniffed(head) == mime_type
