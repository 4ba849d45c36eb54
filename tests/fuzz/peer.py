"""A hostile guest, played from bytes: what it sends, in which pieces, and how it ends."""

import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from autograder.sandbox.connection import Guest
from autograder.sandbox.limits import Limits

CONTROL = 2  # bytes in front of the stream that say how it is played
_AT_ONCE = 1 << 16  # bytes that fit into the socket's buffer without anybody reading
_FLOOD = b"x" * 4096


@dataclass(frozen=True)
class Manner:
    """How a stream is played; each pair of bytes is one way.

    Attributes
    ----------
    pieces : int
        0 whole, 1 the first bytes one by one, 2 of any size, 3 of three bytes and then the rest.
    ending : int
        0 closes for writing only, 1 closes and is told to have been killed, 2 keeps the channel open, 3 closes.
    output : int
        0 nothing, 1 prints, 2 closes its outputs, 3 both.
    pauses : bool
        Whether it waits a little between pieces.
    """

    pieces: int
    ending: int
    output: int
    pauses: bool
    seed: int

    @classmethod
    def of(cls, control: bytes) -> Self:
        """Return the manner that two bytes ask for; what is missing counts as zero."""
        first, second = (*control[:CONTROL], 0, 0)[:CONTROL]
        return cls(first & 3, first >> 2 & 3, first >> 4 & 3, bool(first >> 6 & 1), second)


class Peer:
    """The other end of a `Guest` on real sockets; a context manager."""

    def __init__(self, stream: bytes, manner: Manner, limits: Limits) -> None:
        self._stream, self._manner = stream, manner
        channel, self._channel = socket.socketpair()
        status, self._status = socket.socketpair()
        stdout, self._stdout = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        stderr, self._stderr = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.guest = Guest(channel, status, (stdout, stderr), limits, [])
        self.guest._ready = True  # what is played here are words of a student
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._open = True

    def __enter__(self) -> Self:
        if self._manner.pieces or self._manner.pauses or len(self._stream) > _AT_ONCE:
            self._thread.start()
        else:  # nothing to wait for: the socket takes it all
            self._play()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.close()
        self.guest.close()
        if self._thread.ident is not None:
            self._thread.join(10)
            assert not self._thread.is_alive(), "the guest's channel was not closed"
        self._channel.close()
        self._close_outputs()

    def _play(self) -> None:
        with contextlib.suppress(OSError):  # the host has had enough
            if self._manner.output & 1:
                os.write(self._stdout, _FLOOD)
                os.write(self._stderr, _FLOOD)
            if self._manner.output & 2:
                self._close_outputs()
            for piece in self._pieces():
                self._channel.sendall(piece)
                if self._manner.pauses:
                    time.sleep(0.0005)
        with contextlib.suppress(OSError):
            match self._manner.ending:
                case 0:
                    self._channel.shutdown(socket.SHUT_WR)
                    self._status.shutdown(socket.SHUT_WR)
                case 1:
                    self._status.sendall(b'{"ended": -9}\n')
                    self._end()
                case 3:
                    self._end()
                case _:  # silent for ever; its init tells nothing more either
                    self._status.shutdown(socket.SHUT_WR)

    def _end(self) -> None:
        self._status.shutdown(socket.SHUT_WR)
        self._channel.shutdown(socket.SHUT_RDWR)

    def _close_outputs(self) -> None:
        if self._open:
            self._open = False
            os.close(self._stdout)
            os.close(self._stderr)

    def _pieces(self) -> Iterator[bytes]:
        stream, manner = self._stream, self._manner
        if manner.pieces == 1:
            yield from (stream[i : i + 1] for i in range(min(len(stream), 40)))
            yield stream[40:]
        elif manner.pieces == 2:
            sizes = random.Random(manner.seed)  # noqa: S311
            start, most = 0, max(1, len(stream) // 4)
            while start < len(stream):
                size = sizes.randint(1, most)
                yield stream[start : start + size]
                start += size
        elif manner.pieces == 3:
            yield stream[:3]
            yield stream[3:]
        else:
            yield stream
