/** Where a guest is: one stage at a time, and what moves them on. Pure. */

import type { Outcome } from "../call/session";

export type GuestState = "knocking" | "admitted" | "refused" | "removed" | "left";

export type Stage =
  | "loading"
  /** The service does not answer; the page tries again by itself. */
  | "one_moment"
  | "unknown_clinic"
  /** The link opens nothing (any more). */
  | "unknown_link"
  | "door"
  | "knocking"
  | "call"
  /** Left the call, but may go back. */
  | "stepped_out"
  | "left"
  | "refused"
  | "removed"
  | "ended"
  /** Was in, and the link opens nothing any more. */
  | "over"
  | "locked"
  | "full"
  | "replaced"
  | "trouble";

export type Event =
  | { readonly type: "door"; readonly has: "link" | "pass" | "nothing" }
  | { readonly type: "clinic_unknown" }
  | { readonly type: "unavailable" }
  | { readonly type: "link_unknown" }
  | { readonly type: "knocked" }
  | { readonly type: "guest"; readonly state: GuestState }
  | { readonly type: "left" }
  | { readonly type: "guest_unknown" }
  | { readonly type: "replaced" }
  | { readonly type: "call_over"; readonly outcome: Outcome }
  | { readonly type: "go_back" };

const DOORS = { link: "door", pass: "knocking", nothing: "unknown_link" } as const;

const AFTER_CALL: Readonly<Record<Outcome, Stage>> = {
  left: "stepped_out",
  ended: "ended",
  removed: "removed",
  replaced: "replaced",
  full: "full",
  locked: "locked",
  not_found: "trouble",
  failed: "trouble",
};

/** Stages in which somebody was let in already. */
const WAS_IN: ReadonlySet<Stage> = new Set(["call", "stepped_out", "ended", "over"]);

/** Stages that only the guest can end. */
const CHOSEN: ReadonlySet<Stage> = new Set([
  "stepped_out",
  "replaced",
  "ended",
  "locked",
  "full",
  "trouble",
]);

export function advance(stage: Stage, event: Event): Stage {
  switch (event.type) {
    case "door":
      return DOORS[event.has];
    case "clinic_unknown":
      return "unknown_clinic";
    case "unavailable":
      return stage === "loading" || stage === "one_moment" ? "one_moment" : stage;
    case "link_unknown":
      return "unknown_link";
    case "knocked":
      return "knocking";
    case "guest":
      return told(stage, event.state);
    case "left":
      return "left";
    case "guest_unknown":
      // The link was revoked or has expired, or what it led to is over.
      return WAS_IN.has(stage) ? "over" : "unknown_link";
    case "replaced":
      return "replaced";
    case "call_over":
      return stage === "call" ? AFTER_CALL[event.outcome] : stage;
    case "go_back":
      return "call";
  }
}

function told(stage: Stage, state: GuestState): Stage {
  if (state === "admitted") return CHOSEN.has(stage) ? stage : "call";
  return stage === "replaced" ? stage : state;
}
