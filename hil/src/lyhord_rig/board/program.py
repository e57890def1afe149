"""The program on a board while it runs: what it asks, what blocks it, what interrupts it.

computing --request--> deciding --handler--> blocked --answer--> computing
                                             blocked --edge----> computing (handler) --RESUME--> blocked
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..world.clock import World
from .call import FOREVER, Answer, Call
from .pins import Pins
from .process import BoardProcess, Op, ProcessEnded, ProcessHung, Request, Status

Handler = Callable[[Call], Answer | None]


class Program:
    """Carries requests from the process through the world's queue to `handlers`, and the answers back.

    A handler gives the answer, or None when the call blocks; then `finish` gives it later.
    """

    def __init__(
        self,
        world: World,
        name: str,
        hang_s: float,
        pins: Pins,
        computes: Callable[[], None],
        died: Callable[[str], None],
    ) -> None:
        self._world = world
        self._name = name
        self._hang_s = hang_s
        self._pins = pins
        self._computes = computes
        self._died = died
        self.handlers: Mapping[Op, Handler] = {}
        self._process: BoardProcess | None = None
        self.computing = False
        self._deciding = False  # its request is on the way through the world's queue
        self._in_irq = False
        self._abort = False
        self._calls: list[Call] = []
        pins.on_edge = self._pump

    @property
    def busy(self) -> bool:
        return self.computing or self._deciding or self._in_irq

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def waits_for(self) -> Request | None:
        """The event that the program is blocked on, None while it works."""
        return None if self.busy or not self._calls else self._calls[-1].request

    def start(self, process: BoardProcess) -> None:
        self._process = process
        self._compute()
        self._world.wake()

    def _compute(self) -> None:
        self.computing = True
        self._computes()

    def kill(self) -> None:
        """Ends it at once, as a reset or a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        self.computing = self._deciding = self._in_irq = self._abort = False
        self._forget_calls()

    def _forget_calls(self) -> None:
        for call in self._calls:
            call.cancel()
        self._calls.clear()

    async def settle(self) -> None:
        """Wait for the next request of the process and put it into the world's queue."""
        process = self._process
        if process is None:
            self.computing = False
            return
        try:
            request = await process.request(self._hang_s)
        except (ProcessEnded, ProcessHung) as error:
            if process is self._process:
                self.kill()
                self._died("computed without end" if isinstance(error, ProcessHung) else "its process died")
            return
        if process is self._process:
            self.computing = False
            self._deciding = True
            label = f"{self._name} {request.op.name}"
            self._world.call_later(request.charge_us, self._decide, process, request, label=label)

    def _decide(self, process: BoardProcess, request: Request) -> None:
        if process is not self._process:
            return
        self._deciding = False
        if request.op is Op.RESUME:
            self._in_irq = False
            self._pump()
            return
        call = Call(request)
        self._calls.append(call)
        answer = self.handlers[request.op](call)
        if process is not self._process:
            return
        if request.posted:
            self._calls.pop()
            self._compute()
        elif answer is not None:
            self.finish(call, answer)
        else:
            self._pump()

    def _pump(self) -> None:
        """Give the waiting program whatever may go to it now: an interrupt first, else its answer."""
        process = self._process
        if process is None or self.computing or self._deciding or not self._calls:
            return
        call = self._calls[-1]
        if call.request.posted:  # the program does not wait for it; it hears its interrupts at the next call
            return
        now_us = self._world.now_us
        if not self._in_irq and not call.request.masked:
            if self._abort:
                self._abort = False
                self._forget_calls()
                self._compute()
                process.reply(Status.ABORT, now_us)
                return
            if self._pins.pending:
                pin, at_us = self._pins.pending.popleft()
                self._in_irq = True
                self._compute()
                process.reply(Status.IRQ, now_us, pin, at_us)
                return
        answer = call.answer
        if answer is not None:
            self._calls.pop()
            self._compute()
            process.reply(answer.status, now_us, answer.a, answer.b, answer.data)

    # -- for handlers ----------------------------------------------------------------------------

    def finish(self, call: Call, answer: Answer) -> None:
        call.cancel()
        call.answer = answer
        self._pump()

    def block(
        self, call: Call, check: Callable[[], Answer | None], timeout_us: int, late: Answer
    ) -> Answer | None:
        """Answer from check() now or when something changes; `late` after timeout_us (FOREVER: never)."""
        answer = check()
        if answer is not None or timeout_us == 0:
            return answer if answer is not None else late
        call.check = check
        if timeout_us != FOREVER:
            call.alarm = self._world.call_later(
                timeout_us, self.finish, call, late, label=f"{self._name} timeout"
            )
        return None

    def changed(self) -> None:
        """Something came in: calls that wait for it look again."""
        for call in list(self._calls):
            if call.answer is None and call.check is not None:
                answer = call.check()
                if answer is not None:
                    self.finish(call, answer)

    def delay(self, call: Call, us: int, answer: Answer) -> None:
        """The answer comes after `us`."""
        call.alarm = self._world.call_later(us, self.finish, call, answer, label=f"{self._name} done")

    def interrupt(self) -> None:
        """KeyboardInterrupt at the next moment that allows it."""
        self._abort = True
        self._pump()
