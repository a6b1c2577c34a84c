/** Figures of a call for tests and support; participants by id, never by name. */

import type { Person } from "./slots";

export interface RemoteStats {
  readonly framesDecoded: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly totalAudioEnergy: number;
  readonly audioPackets: number;
}

export interface PeerStats {
  readonly connectionState: string;
  readonly dtlsState: string | null;
  /** Changes when ICE is restarted. */
  readonly iceUfrag: string | null;
  readonly srtpCipher: string | null;
  readonly remoteAddress: string | null;
  readonly remotePort: number | null;
  /** Frames encoded so far, by RID of the camera's encodings. */
  readonly sent: Readonly<Record<string, number>>;
  readonly participants: Readonly<Record<string, RemoteStats>>;
}

type Row = Readonly<Record<string, unknown>> & { readonly type: string };

export async function peerStats(
  connection: RTCPeerConnection,
  persons: readonly Person[],
): Promise<PeerStats> {
  const rows = await collect(connection);
  const transport = [...rows.values()].find((row) => row.type === "transport");
  const pair = rows.get(text(transport?.selectedCandidatePairId) ?? "");
  const remote = rows.get(text(pair?.remoteCandidateId) ?? "");
  return {
    connectionState: connection.connectionState,
    dtlsState: text(transport?.dtlsState),
    iceUfrag: text(transport?.iceLocalUsernameFragment),
    srtpCipher: text(transport?.srtpCipher),
    remoteAddress: text(remote?.address),
    remotePort: typeof remote?.port === "number" ? remote.port : null,
    sent: sent(rows),
    participants: Object.fromEntries(persons.map((one) => [one.id, received(rows, one)])),
  };
}

/** True once a picture, or where no picture is due a voice, has arrived. */
export async function hasMedia(
  connection: RTCPeerConnection,
  persons: readonly Person[],
): Promise<boolean> {
  const { participants } = await peerStats(connection, persons);
  const pictureDue = persons.some((one) => one.cameraMid !== null && one.video);
  return Object.values(participants).some((one) =>
    pictureDue ? one.framesDecoded > 0 : one.audioPackets > 0,
  );
}

async function collect(connection: RTCPeerConnection): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  const report = await connection.getStats();
  report.forEach((row: Row & { id: string }) => {
    rows.set(row.id, row);
  });
  return rows;
}

function received(rows: ReadonlyMap<string, Row>, person: Person): RemoteStats {
  const inbound = (mid: string | null) =>
    [...rows.values()].find((row) => row.type === "inbound-rtp" && row.mid === mid);
  const video = inbound(person.cameraMid);
  const audio = inbound(person.audioMid);
  return {
    framesDecoded: figure(video?.framesDecoded),
    frameWidth: figure(video?.frameWidth),
    frameHeight: figure(video?.frameHeight),
    totalAudioEnergy: figure(audio?.totalAudioEnergy),
    audioPackets: figure(audio?.packetsReceived),
  };
}

function sent(rows: ReadonlyMap<string, Row>): Record<string, number> {
  const outbound = [...rows.values()].filter(
    (row) => row.type === "outbound-rtp" && typeof row.rid === "string",
  );
  return Object.fromEntries(outbound.map((row) => [row.rid, figure(row.framesEncoded)]));
}

function figure(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
