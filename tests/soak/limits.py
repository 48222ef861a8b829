"""How many files a process of the soak may open: each stream is a socket here, and its children inherit the limit."""

import resource


def raise_open_files() -> int:
    """Lifts this process's limit to the most that it may have, and gives it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
