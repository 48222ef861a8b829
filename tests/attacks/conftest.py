from tests.wire.conftest import module_path, short_path

__all__ = ["module_path", "short_path"]
