"""SRTP in place, inside a block of datagrams: libsrtp through pylibsrtp's own binding, without its two copies.

`pylibsrtp.Session` allocates and copies twice per packet. The functions below are the ones it calls. They are not
its public interface: the version is pinned and `tests/contract/test_srtp.py` holds what is relied on.
"""

from typing import Any

from pylibsrtp import Session, _binding

from teleward_media.core.datagrams import Datagrams

_lib: Any = _binding.lib
_ffi: Any = _binding.ffi

REFUSED = 0
"""No packet has this length."""


class SrtpContext:
    """The keys of one direction of one peer, applied to packets of one block. Returns new lengths, or `REFUSED`."""

    __slots__ = ("_base", "_context", "_length", "_session")

    def __init__(self, session: Session, block: Datagrams) -> None:
        self._session = session  # keeps libsrtp's context alive
        self._context = session._srtp[0]
        self._base = _ffi.from_buffer("unsigned char[]", block.buffer)
        self._length = _ffi.new("int *")

    def protect(self, at: int, length: int) -> int:
        """RTP to SRTP; the packet grows by the tag, at most 16 bytes."""
        box = self._length
        box[0] = length
        return 0 if _lib.srtp_protect(self._context, self._base + at, box) else box[0]

    def unprotect(self, at: int, length: int) -> int:
        """SRTP to RTP; refuses what is forged or replayed."""
        box = self._length
        box[0] = length
        return 0 if _lib.srtp_unprotect(self._context, self._base + at, box) else box[0]

    def protect_rtcp(self, at: int, length: int) -> int:
        """RTCP to SRTCP; the packet grows by index and tag, at most 20 bytes."""
        box = self._length
        box[0] = length
        return 0 if _lib.srtp_protect_rtcp(self._context, self._base + at, box) else box[0]

    def unprotect_rtcp(self, at: int, length: int) -> int:
        """SRTCP to RTCP; refuses what is forged or replayed."""
        box = self._length
        box[0] = length
        return 0 if _lib.srtp_unprotect_rtcp(self._context, self._base + at, box) else box[0]
