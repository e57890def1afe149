"""`python -m lyhord_gateway` is `lyhord-gateway`."""

from lyhord_gateway.cli import main

if __name__ == "__main__":
    main()
