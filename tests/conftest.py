"""What holds for every test, before anything else is imported."""

import os

# gRPC's fork handlers and a child that changes its user (PostgreSQL, where the tests run as root) do not go together.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
