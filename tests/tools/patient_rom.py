"""esp32-mock-bootloader's command line, made as patient as esptool is.

While it streams flash it waits 50 ms for each of esptool's acknowledgements and then falls silent: too little
on a busy machine. esptool itself waits 3 s.
"""

import sys

from esp32_mock_bootloader import cli, server

server._CLIENT_RECV_TIMEOUT = 3.0

if __name__ == "__main__":
    sys.exit(cli.main())
