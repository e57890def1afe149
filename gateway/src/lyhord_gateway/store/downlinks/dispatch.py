"""The dispatch of a node's queue: what goes out with an answer, and how the node's reports close it.

Settings go with every answer until the node's status names their version, one set after the other. A command
goes with the answer to one uplink, and again only where that cannot do it twice: the same uplink's answer is
repeated, or doing it twice is harmless and the node has not shown that it did it.

Only nodes with open orders cost anything here: their rows are read once and kept in memory.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass

from lyhord_gateway.model.orders import ANSWER_MAX, Order, instructions_size
from lyhord_gateway.model.work import NOTHING, DownlinkAborted, DownlinkDispatch, UplinkRecord
from lyhord_gateway.store.downlinks.queue import order_of
from lyhord_wire.tables import COMMAND_REPORT_NOW, COMMAND_SEND_ABOUT, STATUS_SETTINGS_VERSION

_REPEATED = (COMMAND_REPORT_NOW, COMMAND_SEND_ABOUT)
_TRIES = 3  # for those; without a proof they stay `sent`
_DENIALS = 5  # so often handed out, and the status still names another version: the node has refused


@dataclass(slots=True)
class _Open:
    """A row of the table that is not over."""

    id: int
    order: Order
    version: int
    state: str
    tries: int
    uplink: int | None


class Queues:
    """Reads and writes within transactions that the caller opens and commits. After a rollback or a
    foreign commit, call `forget()`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._nodes: dict[int, list[_Open] | None] = {}
        self.counts: Counter[str] = Counter()  # the caller takes them
        self.forget()

    def forget(self) -> None:
        self._nodes = {
            node: None
            for (node,) in self._connection.execute("SELECT DISTINCT node FROM downlink WHERE open = 1")
        }

    def __contains__(self, node: int) -> bool:
        """True if something is open for this node."""
        return node in self._nodes

    def heard(self, record: UplinkRecord) -> None:
        """Takes what the node says for what it proves."""
        for entry in list(self._of(record.node)):
            if not entry.tries or entry.uplink == record.frame.uplink:
                continue
            if entry.order.settings:
                version = (record.content.status or {}).get(STATUS_SETTINGS_VERSION)
                if version == entry.version:
                    self._close(record.node, entry, "confirmed", record.reception.heard_s)
                elif version is not None and entry.tries >= _DENIALS:
                    self._close(record.node, entry, "refused", record.reception.heard_s)
            else:
                (code, *_) = entry.order.command
                if (code == COMMAND_REPORT_NOW and record.content.status) or (
                    code == COMMAND_SEND_ABOUT and record.content.about
                ):
                    self._close(record.node, entry, "confirmed", record.reception.heard_s)

    def next(self, node: int, uplink: int, now_s: int) -> DownlinkDispatch:
        """The orders that go out with the answer to this uplink, marked as sent."""
        settings: _Open | None = None
        command: _Open | None = None
        more = False
        for entry in list(self._of(node)):
            if entry.order.settings:
                settings = settings or entry
            elif entry.state == "sent" and entry.uplink != uplink and not _may_repeat(entry):
                self._close(node, entry, "sent", now_s)
            elif command is None:
                command = entry
            else:
                more = True
        if (
            settings
            and command
            and instructions_size(settings.order.settings, command.order.command) > ANSWER_MAX
        ):
            command, more = None, True
        taken = [entry for entry in (settings, command) if entry is not None]
        if not taken:
            return NOTHING
        for entry in taken:
            if entry.uplink != uplink:
                self._send(entry, uplink, now_s)
        return DownlinkDispatch(
            tuple(entry.id for entry in taken),
            dict(settings.order.settings) if settings else {},
            settings.version if settings else 0,
            command.order.command if command else (),
            more,
        )

    def aborted(self, work: DownlinkAborted) -> None:
        """The answer never went on the air: as if it had not been tried."""
        for number in work.ids:
            self._connection.execute(
                "UPDATE downlink SET tries = tries - 1, uplink = NULL, open = 1, "
                "state = CASE tries WHEN 1 THEN 'waiting' ELSE 'sent' END "
                "WHERE id = ? AND uplink = ? AND state = 'sent'",
                (number, work.uplink),
            )
        self._nodes[work.node] = None
        self.counts["queue.aborted"] += len(work.ids)

    def _of(self, node: int) -> list[_Open]:
        found = self._nodes.get(node)
        if found is None:
            rows = self._connection.execute(
                "SELECT id, settings, command, coalesce(version, 0), state, tries, uplink FROM downlink "
                "WHERE open = 1 AND node = ? ORDER BY id",
                (node,),
            ).fetchall()
            found = [_Open(row[0], order_of(row[1], row[2]), *row[3:]) for row in rows]
            if found:
                self._nodes[node] = found
            else:
                self._nodes.pop(node, None)
        return found

    def _send(self, entry: _Open, uplink: int, now_s: int) -> None:
        entry.state, entry.uplink = "sent", uplink
        entry.tries += 1
        self._connection.execute(
            "UPDATE downlink SET state = 'sent', tries = ?, uplink = ?, changed_s = ? WHERE id = ?",
            (entry.tries, uplink, now_s, entry.id),
        )
        self.counts["queue.sent"] += 1

    def _close(self, node: int, entry: _Open, state: str, now_s: int) -> None:
        self._connection.execute(
            "UPDATE downlink SET open = 0, changed_s = CASE state WHEN ?1 THEN changed_s ELSE ?2 END, "
            "state = ?1 WHERE id = ?3",
            (state, now_s, entry.id),
        )
        if state != "sent":
            self.counts[f"queue.{state}"] += 1
        left = self._of(node)
        left.remove(entry)
        if not left:
            del self._nodes[node]


def _may_repeat(entry: _Open) -> bool:
    return entry.order.command[0] in _REPEATED and entry.tries < _TRIES
