/**
 * What a call does next: frames and losses in, orders out. It decides and never acts, so that every
 * order of events can be tested; `call.ts` carries the orders out.
 */

import type { CloseReason, Joined, Ready, Resumed, ServerFrame, WaitReason } from "./frames";

export type Phase =
  /** No media yet. */
  | "connecting"
  | "live"
  /** The socket or the media path was lost; media may still flow. */
  | "reconnecting"
  | "over";

/** Why a call is over for this person, for the page to say the next step. */
export type Outcome =
  | "left"
  | "ended"
  | "removed"
  | "replaced"
  | "full"
  | "locked"
  | "not_found"
  | "failed";

export interface Session {
  readonly phase: Phase;
  /** Placement epoch of the peer connection that is joined or joining. */
  readonly epoch: number | null;
  readonly mediaNode: string | null;
  /** How many the call may have. */
  readonly maxParticipants: number;
  /** A joined peer connection that has not failed. */
  readonly hasPeer: boolean;
  /** The network has changed under the peer connection, and the media node has not answered yet. */
  readonly restartDue: boolean;
  readonly waiting: WaitReason | null;
  readonly outcome: Outcome | null;
  /** A refusal worth telling, which changes nothing else. */
  readonly notice: "not_permitted" | "too_fast" | null;
}

export type Event =
  | { readonly type: "frame"; readonly frame: ServerFrame }
  | { readonly type: "socket_lost" }
  | { readonly type: "socket_stopped"; readonly code: number }
  | { readonly type: "peer_failed" }
  | { readonly type: "network_changed" };

export type Order =
  /** Build a peer connection and send its offer. */
  | { readonly type: "join" }
  | { readonly type: "resume" }
  | { readonly type: "accept"; readonly frame: Joined }
  | { readonly type: "restore"; readonly frame: Resumed }
  | { readonly type: "show"; readonly frame: ServerFrame }
  /** Offer the same peer connection with new ICE credentials. */
  | { readonly type: "restart" }
  | { readonly type: "accept_restart"; readonly answer: string }
  /** Make a new socket. */
  | { readonly type: "recycle" }
  /** Close everything. */
  | { readonly type: "finish" };

export const NEW_SESSION: Session = {
  phase: "connecting",
  epoch: null,
  mediaNode: null,
  maxParticipants: 6,
  hasPeer: false,
  restartDue: false,
  waiting: null,
  outcome: null,
  notice: null,
};

const OUTCOMES: Readonly<Partial<Record<CloseReason, Outcome>>> = {
  left: "left",
  ended: "ended",
  removed: "removed",
  replaced: "replaced",
  flooding: "removed",
};

/** Refusals after which trying again cannot help. */
const STOPPERS: Readonly<Record<string, Outcome>> = {
  call_full: "full",
  call_locked: "locked",
  not_found: "not_found",
};

type Step = readonly [Session, readonly Order[]];

/** Take in one event; returns the new state and what must be done, in order. */
export function step(session: Session, event: Event): Step {
  if (session.phase === "over") return [session, []];
  switch (event.type) {
    case "frame":
      return takeFrame({ ...session, notice: null }, event.frame);
    case "socket_lost":
      return [{ ...session, phase: lost(session), waiting: null }, []];
    case "socket_stopped":
      return finish(session, event.code === 4004 ? "not_found" : "ended");
    case "peer_failed":
      return peerFailed(session);
    case "network_changed":
      if (!session.hasPeer) return [session, []];
      return [
        { ...session, restartDue: true },
        session.phase === "live" ? [{ type: "restart" }] : [],
      ];
  }
}

/** Only a new peer connection helps; a new socket carries its offer. */
function peerFailed(session: Session): Step {
  return [{ ...session, phase: lost(session), hasPeer: false }, [{ type: "recycle" }]];
}

function takeFrame(session: Session, frame: ServerFrame): Step {
  switch (frame.type) {
    case "ready":
      return ready(session, frame);
    case "joined":
      return [{ ...live(session), restartDue: false }, [{ type: "accept", frame }]];
    case "resumed":
      return [
        live(session),
        // What was sent before over a socket that died with the network may never have arrived.
        [
          { type: "restore", frame },
          ...(session.restartDue ? [{ type: "restart" } as const] : []),
        ],
      ];
    case "restarted":
      return [
        { ...session, restartDue: false },
        [{ type: "accept_restart", answer: frame.answer }],
      ];
    case "wait":
      return [{ ...session, waiting: frame.reason }, []];
    case "move":
      return [{ ...session, phase: lost(session) }, []];
    case "closed":
      return closed(session, frame.reason);
    case "error":
      return refused(session, frame.code, frame.fatal ?? true);
    default:
      return [session, [{ type: "show", frame }]];
  }
}

function ready(session: Session, frame: Ready): Step {
  const { epoch, media_node: mediaNode, max_participants: maxParticipants = 6 } = frame;
  const next = { ...session, epoch, mediaNode, maxParticipants, waiting: null };
  if (session.hasPeer && frame.resumable && session.epoch === epoch)
    return [next, [{ type: "resume" }]];
  return [{ ...next, hasPeer: false, restartDue: false }, [{ type: "join" }]];
}

function closed(session: Session, reason: CloseReason): Step {
  const outcome = OUTCOMES[reason];
  if (outcome !== undefined) return finish(session, outcome);
  // Moved, shut down or thought gone: the call may go on elsewhere, so ask again.
  return peerFailed(session);
}

function refused(session: Session, code: string, fatal: boolean): Step {
  const outcome = STOPPERS[code];
  if (outcome !== undefined) return finish(session, outcome);
  if (code === "nothing_to_resume") {
    const next = { ...session, hasPeer: false };
    return [next, fatal ? [] : [{ type: "join" }]];
  }
  if (code === "cannot_restart") return peerFailed(session);
  if (!fatal) {
    return [
      { ...session, notice: code === "not_permitted" || code === "too_fast" ? code : null },
      [],
    ];
  }
  if (code === "bad_offer") return finish(session, "failed");
  // The socket closes now and comes back by itself; then join anew.
  return [{ ...session, phase: lost(session), hasPeer: false }, []];
}

function finish(session: Session, outcome: Outcome): Step {
  return [{ ...session, phase: "over", hasPeer: false, outcome }, [{ type: "finish" }]];
}

function live(session: Session): Session {
  return { ...session, phase: "live", hasPeer: true, waiting: null };
}

function lost(session: Session): Phase {
  return session.phase === "connecting" ? "connecting" : "reconnecting";
}
