"""`python -m pisama`, where the command itself is not on the path."""

from pisama.cli import main

if __name__ == "__main__":
    main()
