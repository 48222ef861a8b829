"""What the typed way costs beside its transport: a chunk of the upstream becomes our words, and they become a message."""

import time
from typing import Final

from services.api.answer import event_to_proto
from services.domain.model import Operation
from services.upstream.dialects.table import DIALECTS
from services.upstream.sse import SseParser
from tests.bench.tables import Table
from tests.bench.upstream import CHUNK

CHUNKS: Final = 3000
ROUNDS: Final = 5

DELTAS: Final = {
    Operation.CHAT_COMPLETIONS: CHUNK,
    Operation.MESSAGES: (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"morning "}}\n\n'
    ),
    Operation.RESPONSES: (
        b"event: response.output_text.delta\n"
        b'data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,'
        b'"sequence_number":4,"delta":"morning "}\n\n'
    ),
}


def microseconds(operation: Operation) -> float:
    """CPU time for one chunk of this dialect, from bytes to bytes; the best of some rounds."""
    chunk, best = DELTAS[operation], float("inf")
    for _ in range(ROUNDS):
        parser, reader = SseParser(), DIALECTS[operation].reader()
        began, told = time.process_time(), 0
        for _ in range(CHUNKS):
            for message in parser.feed(chunk):
                for event in reader.read(message):
                    event_to_proto(event).SerializeToString()
                    told += 1
        best = min(best, (time.process_time() - began) / CHUNKS)
        if told < CHUNKS:
            raise RuntimeError(f"{operation}: {CHUNKS} chunks became {told} events")
    return best * 1e6


def conversion() -> Table:
    """One row for each dialect that an upstream speaks."""
    rows = [(str(operation), [f"{microseconds(operation):.1f}"]) for operation in DELTAS]
    return Table(title="Typed streams: conversion of one chunk", columns=["microseconds"], rows=rows)
