/** Asks the browser what it can do in a call, without making one and without asking anybody else. */

import type { Abilities } from "./report";

const GATHER_WITHIN_MS = 3000;

export async function abilities(): Promise<Abilities> {
  if (typeof RTCPeerConnection !== "function")
    return { hasPeerConnection: false, codecs: null, transports: null };
  return { hasPeerConnection: true, codecs: codecs(), transports: await transports() };
}

function codecs(): string[] | null {
  if (typeof RTCRtpSender?.getCapabilities !== "function") return null;
  const kinds = ["audio", "video"].map((kind) => RTCRtpSender.getCapabilities(kind)?.codecs ?? []);
  return kinds.flat().map((codec) => codec.mimeType);
}

/** Which transports the browser offers addresses for; a policy of a hospital's computer may forbid UDP. */
async function transports(): Promise<string[] | null> {
  const found = new Set<string>();
  let connection: RTCPeerConnection | null = null;
  try {
    const made = new RTCPeerConnection();
    connection = made;
    made.createDataChannel("");
    const done = new Promise<boolean>((resolve) => {
      made.onicecandidate = ({ candidate }) => {
        if (candidate === null) resolve(true);
        else found.add(candidate.protocol ?? candidate.candidate.split(" ")[2] ?? "");
      };
      setTimeout(() => resolve(false), GATHER_WITHIN_MS);
    });
    await made.setLocalDescription(await made.createOffer());
    const finished = await done;
    const named = [...found].map((one) => one.toLowerCase());
    return finished || named.includes("udp") ? named : null;
  } catch {
    return null;
  } finally {
    connection?.close();
  }
}
