"""`python -m services` runs the core."""

import os
import sys

from services.server import main

if __name__ == "__main__":
    os.umask(0o077)  # whatever the core writes, copies of results among it, is for its owner alone
    sys.exit(main(os.environ))
