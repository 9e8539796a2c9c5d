"""`python -m chromview` is the command `chromview`."""

import multiprocessing
import sys

from chromview.cli import main

if __name__ == "__main__":
    # In a desktop bundle a worker process is this program started again.
    multiprocessing.freeze_support()
    sys.exit(main())
