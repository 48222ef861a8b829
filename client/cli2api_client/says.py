"""Messages of plain words, which are most of them."""

from cli2api.v1 import text_pb2


def system(words: str) -> text_pb2.Message:
    """The operator's standing instructions."""
    return _says(text_pb2.ROLE_SYSTEM, words)


def user(words: str) -> text_pb2.Message:
    """What the person or program asks."""
    return _says(text_pb2.ROLE_USER, words)


def assistant(words: str) -> text_pb2.Message:
    """What the model said before."""
    return _says(text_pb2.ROLE_ASSISTANT, words)


def _says(role: text_pb2.Role.ValueType, words: str) -> text_pb2.Message:
    return text_pb2.Message(role=role, parts=[text_pb2.Part(text=words)])
