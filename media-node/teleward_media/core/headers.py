"""How much of a datagram is header, and may be kept by a capture. Never what anybody said, showed or is called.

Source: RFC 7983 (kinds by first byte), RFC 3550 §5.1 (RTP), RFC 3711 §3.4 (SRTCP leaves eight bytes in the clear),
RFC 8489 §5 (STUN: its attributes, the username among them, come after), RFC 6347 §4.1 (DTLS record).
"""

_STUN, _DTLS, _RTCP, _RTP = 20, 13, 8, 12


def header_bytes(datagram: memoryview) -> int:
    """Count the header's bytes; 0 for what is no STUN, DTLS, RTP or RTCP."""
    length = len(datagram)
    first = datagram[0] if length else 255
    if first <= 3:
        return min(length, _STUN)
    if 20 <= first <= 63:
        return min(length, _DTLS)
    if not 128 <= first <= 191 or length < _RTCP:
        return 0
    if 192 <= datagram[1] <= 223:
        return _RTCP
    size = _RTP + 4 * (first & 15)
    if first & 16 and size + 4 <= length:
        size += 4 + 4 * (datagram[size + 2] << 8 | datagram[size + 3])
    return size if size <= length else min(length, _RTP)
