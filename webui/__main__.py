"""`python -m webui`: the command line."""

import sys

from webui.surroundings import use_utf8

if __name__ == "__main__":
    use_utf8()
    from webui.cli import main

    sys.exit(main())
