"""The log: one JSON object a line, whoever speaks."""

import json

from cli.journal import Journal


def test_a_line_has_time_level_logger_message_and_its_fields() -> None:
    written: list[bytes] = []

    Journal(written.append).say("info", "startup", port=8080)

    line = json.loads(written[0])
    assert written[0].endswith(b"}\n")
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "logger": "cli2api", "message": "startup", "port": 8080}


def test_a_line_below_the_level_is_not_written() -> None:
    written: list[bytes] = []
    journal = Journal(written.append, "error")

    journal.say("warning", "hm")
    journal.pass_on(b'{"level": "WARNING", "message": "hm"}', part="edge")

    assert written == []


def test_a_parts_json_is_passed_on_as_it_is() -> None:
    written: list[bytes] = []

    fields = Journal(written.append).pass_on(b'{"level":"info",  "message":"x"}', part="core")

    assert written == [b'{"level":"info",  "message":"x"}\n']
    assert fields == {"level": "info", "message": "x"}


def test_plain_text_becomes_an_error_that_names_the_part() -> None:
    written: list[bytes] = []

    Journal(written.append, "error").pass_on(b"Traceback:\n  boom\xff", part="core")

    line = json.loads(written[0])
    assert (line["level"], line["part"], line["message"]) == ("error", "core", "Traceback:\n  boom�")


def test_json_that_is_no_text_is_wrapped_too() -> None:
    written: list[bytes] = []

    Journal(written.append).pass_on(b'{"level":"info","message":"caf\xe9"}', part="envoy")

    line = json.loads(written[0])
    assert (line["level"], line["message"]) == ("error", '{"level":"info","message":"caf\ufffd"}')


def test_json_of_an_unknown_level_is_passed_on() -> None:
    written: list[bytes] = []

    Journal(written.append, "error").pass_on(b'{"n": 1}', part="core")

    assert written == [b'{"n": 1}\n']


def test_a_reader_that_has_gone_away_stops_nothing() -> None:
    def broken(_line: bytes) -> None:
        raise BrokenPipeError

    journal = Journal(broken)
    journal.say("error", "one")
    journal.say("error", "two")
