"""esp32-mock-bootloader's command line, made as patient as esptool and a chip are.

While it streams flash it waits 50 ms for each of esptool's acknowledgements and then falls silent: too little
on a busy machine. esptool itself waits 3 s. And 3 s after a part was written it forgets, in the middle of
whatever is under way then, that the stub runs; a chip forgets at its reset.
"""

import sys

from esp32_mock_bootloader import cli, server

server._CLIENT_RECV_TIMEOUT = 3.0
server._FLASH_END_IDLE_SEC = float("inf")

if __name__ == "__main__":
    sys.exit(cli.main())
