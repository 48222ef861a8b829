"""Why a command stops before its work began; the text is for people and names the fix."""


class StartFailed(Exception):
    """The gateway cannot start. Where `is_said`, the part that failed has told the reason on stderr by itself."""

    def __init__(self, message: str, *, is_said: bool = False) -> None:
        super().__init__(message)
        self.is_said = is_said
