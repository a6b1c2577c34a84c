"""Offers as text: what a browser would write, with as much of it wrong as a test wants."""

from teleward_media.core.answer import AUDIO_LEVEL, MID, REPAIRED_RID, RID

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
FINGERPRINT = ":".join(["AB"] * 32)
SESSION = (
    "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuv", f"a=fingerprint:sha-256 {FINGERPRINT}", "a=setup:actpass",
)  # fmt: skip


def offer(*sections: tuple[str, ...], session: tuple[str, ...] = SESSION) -> str:
    """Join a session part and sections to an offer."""
    return "\r\n".join([*session, *(line for section in sections for line in section)]) + "\r\n"


def audio(mid: str, direction: str = "sendrecv", *more: str) -> tuple[str, ...]:
    """Write an audio section with Opus and a codec that nobody takes."""
    return (
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 0", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}",
        "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:0 PCMU/8000", f"a=extmap:1 {AUDIO_LEVEL}", f"a=extmap:4 {MID}",
        "a=extmap:9 urn:of:nobody", *more,
    )  # fmt: skip


def video(mid: str, direction: str = "sendrecv", *more: str) -> tuple[str, ...]:
    """Write a video section with VP8, two kinds of H.264, their RTX, and VP9."""
    return (
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 98", "c=IN IP4 0.0.0.0", f"a=mid:{mid}",
        f"a={direction}", "a=rtcp-mux", "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 transport-cc", "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96", "a=rtpmap:102 H264/90000",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=98", "a=rtpmap:104 H264/90000",
        "a=fmtp:104 packetization-mode=0;profile-level-id=42e01f", "a=rtpmap:98 VP9/90000",
        f"a=extmap:4 {MID}", f"a=extmap:10 {RID}", f"a=extmap:11 {REPAIRED_RID}",
        f"a=extmap:2/sendrecv {ABS_SEND_TIME}", *more,
    )  # fmt: skip


SIMULCAST = ("a=rid:h send", "a=rid:m send", "a=rid:l send", "a=simulcast:send h;m;l")
