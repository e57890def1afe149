"""The LoRa radio of a board, whichever chip it has; only that chip's driver is imported."""


def open_radio(board):
    """The radio that `board` (a module of `boards`) describes, checked and asleep.

    `SX127x` and `SX126x` are used in the same way. Raises RadioError when the chip does not answer as one.
    """
    from machine import SPI, Pin

    spi = SPI(
        board.SPI_BUS,
        baudrate=board.SPI_HZ,
        polarity=0,
        phase=0,
        sck=Pin(board.SPI_SCK),
        mosi=Pin(board.SPI_MOSI),
        miso=Pin(board.SPI_MISO),
    )
    nss = Pin(board.RADIO_NSS, Pin.OUT, value=1)
    reset = Pin(board.RADIO_RESET, Pin.OUT, value=1)
    if board.RADIO == "sx126x":
        from drivers.sx126x import SX126x

        return SX126x(
            spi,
            nss,
            reset,
            Pin(board.RADIO_BUSY, Pin.IN),
            Pin(board.RADIO_DIO1, Pin.IN),
            tcxo_mv=board.RADIO_TCXO_MV,
            dio2_switch=board.RADIO_DIO2_SWITCH,
        )
    from drivers.sx127x import SX127x

    return SX127x(spi, nss, reset, Pin(board.RADIO_DIO0, Pin.IN))
