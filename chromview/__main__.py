"""``python -m chromview``, the same as the command ``chromview``."""

import sys

from chromview.cli import main

if __name__ == "__main__":
    sys.exit(main())
