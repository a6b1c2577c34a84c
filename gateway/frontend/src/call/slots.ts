/** Who appears where: the participants and the slots of one peer, put together for drawing. */

import type { ParticipantView, SlotView, Source } from "./frames";

export interface Person extends ParticipantView {
  readonly audioMid: string | null;
  readonly cameraMid: string | null;
  readonly screenMid: string | null;
}

/** Everybody but me, in the order of the participants' list, with the mids that carry their media. */
export function people(
  participants: readonly ParticipantView[],
  slots: readonly SlotView[],
  you: string,
): Person[] {
  return participants
    .filter((participant) => participant.id !== you)
    .map((participant) => ({
      ...participant,
      audioMid: midOf(slots, participant.id, "microphone"),
      cameraMid: midOf(slots, participant.id, "camera"),
      screenMid: midOf(slots, participant.id, "screen"),
    }));
}

function midOf(slots: readonly SlotView[], participant: string, source: Source): string | null {
  const kind = source === "microphone" ? "audio" : "video";
  const found = slots.find(
    (slot) =>
      slot.participant === participant &&
      slot.kind === kind &&
      (slot.source ?? (kind === "audio" ? "microphone" : "camera")) === source,
  );
  return found?.mid ?? null;
}

export interface ReceiveSlots {
  readonly audio: number;
  readonly video: number;
}

/** Up to this many, everybody is heard and seen at once; above, the loudest voices and three by three pictures. */
const ALL_AT_ONCE = 6;
const VOICES = 5;
const PICTURES = 9;
const SCREEN = 1;

/** How many receive slots a page offers for a call of at most so many. */
export function receiveSlots(maxParticipants: number): ReceiveSlots {
  const others = Math.max(1, maxParticipants - 1);
  if (maxParticipants <= ALL_AT_ONCE) return { audio: others, video: others + SCREEN };
  return { audio: VOICES, video: Math.min(others, PICTURES) + SCREEN };
}

export interface Changes {
  readonly joined: readonly ParticipantView[];
  readonly left: readonly ParticipantView[];
}

/** Compare two lists of participants, for announcements. */
export function changes(
  before: readonly ParticipantView[],
  after: readonly ParticipantView[],
  you: string,
): Changes {
  const missing = (list: readonly ParticipantView[], from: readonly ParticipantView[]) =>
    from.filter((one) => one.id !== you && !list.some((other) => other.id === one.id));
  return { joined: missing(before, after), left: missing(after, before) };
}
