"""`python -m services` runs the core."""

import os
import sys

from services.server import main

if __name__ == "__main__":
    sys.exit(main(os.environ))
