/** One peer connection: negotiated once, its sections in the order of docs/wire.md. */

import type { Kind } from "../shared/media-faults";
import { LADDER, shaped } from "./encodings";
import type { ReceiveSlots } from "./slots";

const CONNECT_PATIENCE_MS = 5000;
/** What the pages ask of a camera. */
const WIDTH = 1280;
const HEIGHT = 720;

const WANTED_CODECS: Readonly<Record<"audio" | "video", readonly RegExp[]>> = {
  audio: [/^audio\/red/i, /^audio\/opus/i], // With redundancy, which survives one packet in five lost.
  video: [
    /^video\/VP8/i,
    /^video\/H264;(?=.*profile-level-id=42e0)(?=.*packetization-mode=1)/i,
    /^video\/rtx/i,
  ],
};

export class Peer {
  readonly connection: RTCPeerConnection;
  readonly #senders: Readonly<Record<Kind | "screen", RTCRtpSender>>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #active: readonly string[] = [];
  #shaping: Promise<void> = Promise.resolve();

  /**
   * @param slots Receive slots to offer.
   * @param failed Called once when media cannot flow any more over this connection.
   * @param faltered Called when media has stopped to flow and may come back.
   */
  constructor(
    slots: ReceiveSlots,
    private readonly failed: () => void,
    private readonly faltered: () => void,
  ) {
    this.connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
    this.#senders = {
      microphone: this.#add("audio", { direction: "sendonly" }),
      camera: this.#add("video", { direction: "sendonly", sendEncodings: [...LADDER] }),
      screen: this.#add("video", { direction: "sendonly" }), // Nothing is sent until it is shared.
    };
    for (const kind of ["audio", "video"] as const) {
      for (let n = 0; n < slots[kind]; n++) this.#add(kind, { direction: "recvonly" });
    }
    this.connection.onconnectionstatechange = () => this.#watch();
  }

  /** Describe this peer; there are no candidates to wait for, the media node learns the address itself. */
  async offer(): Promise<string> {
    await this.connection.setLocalDescription();
    return this.connection.localDescription?.sdp ?? "";
  }

  /** Offer new ICE credentials for this same connection, from whatever network there is now. */
  async restart(): Promise<string> {
    this.connection.restartIce();
    return await this.offer();
  }

  async acceptRestart(answer: string): Promise<void> {
    if (this.#closed || this.connection.signalingState !== "have-local-offer") return;
    await this.accept(answer, this.#active);
  }

  async accept(answer: string, encodings: readonly string[]): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp: answer });
    await this.setEncodings(encodings);
  }

  async setTrack(kind: Kind | "screen", track: MediaStreamTrack | null): Promise<void> {
    if (this.#closed) return;
    await this.#senders[kind].replaceTrack(track);
    if (kind === "camera" && this.#active.length > 0) await this.setEncodings(this.#active);
  }

  /** Send these encodings of the camera and no others. */
  setEncodings(active: readonly string[]): Promise<void> {
    this.#active = active;
    // One after the other: a browser forgets what it was asked while it carries out what it was told before.
    this.#shaping = this.#shaping.then(() => this.#shape());
    return this.#shaping;
  }

  async #shape(): Promise<void> {
    const active = this.#active;
    const sender = this.#senders.camera;
    const parameters = sender.getParameters();
    if (this.#closed || parameters.encodings.length < 2) return; // Without simulcast there is no choice.
    const { width, height } = sender.track?.getSettings() ?? {};
    const pixels = (width ?? WIDTH) * (height ?? HEIGHT);
    for (const encoding of parameters.encodings) {
      Object.assign(encoding, shaped(encoding.rid ?? "", active, pixels));
    }
    // Refused when the track or the description changed under it; each of them shapes anew.
    await sender.setParameters(parameters).catch(() => undefined);
  }

  /** The track that arrives in a receive slot. */
  track(mid: string): MediaStreamTrack | null {
    const found = this.connection.getTransceivers().find((one) => one.mid === mid);
    return found?.receiver.track ?? null;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  #add(kind: "audio" | "video", init: RTCRtpTransceiverInit): RTCRtpSender {
    const transceiver = this.connection.addTransceiver(kind, init);
    const codecs = preferred(kind);
    if (codecs.length > 0) transceiver.setCodecPreferences?.(codecs);
    return transceiver.sender;
  }

  /** A short disconnection mends itself; a long one and a failure do not. */
  #watch(): void {
    clearTimeout(this.#timer);
    const state = this.connection.connectionState;
    if (state === "failed") this.failed();
    if (state !== "disconnected") return;
    this.faltered();
    this.#timer = setTimeout(this.failed, CONNECT_PATIENCE_MS);
  }
}

function preferred(kind: "audio" | "video"): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const name = (codec: RTCRtpCodec) => `${codec.mimeType};${codec.sdpFmtpLine ?? ""}`;
  return WANTED_CODECS[kind].flatMap((wanted) => all.filter((codec) => wanted.test(name(codec))));
}
