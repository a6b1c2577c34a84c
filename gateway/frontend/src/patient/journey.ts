/** Where the patient is: one stage at a time, and what moves them on. Pure. */

import type { Outcome } from "../call/session";
import type { Clinic, VisitState } from "./types";

export type Stage =
  | "loading"
  /** The service does not answer; the page tries again by itself. */
  | "one_moment"
  | "unknown_clinic"
  /** Closed, suspended or full: the clinic says which. */
  | "shut"
  | "entry"
  /** The visit that this page waited in is not there any more. */
  | "expired"
  | "waiting"
  | "call"
  /** Left the call, but not the visit: can go back. */
  | "stepped_out"
  | "left"
  | "ended"
  | "refused"
  | "replaced"
  | "trouble";

export type Event =
  | { readonly type: "clinic"; readonly clinic: Clinic; readonly remembered: boolean }
  | { readonly type: "clinic_unknown" }
  | { readonly type: "unavailable" }
  | { readonly type: "entered" }
  | { readonly type: "visit"; readonly state: VisitState }
  | { readonly type: "visit_unknown" }
  | { readonly type: "replaced" }
  | { readonly type: "transferred" }
  | { readonly type: "call_over"; readonly outcome: Outcome }
  | { readonly type: "go_back" }
  | { readonly type: "left" };

const AFTER_CALL: Readonly<Record<Outcome, Stage>> = {
  left: "stepped_out",
  ended: "ended",
  removed: "ended",
  replaced: "replaced",
  full: "trouble",
  locked: "trouble",
  not_found: "trouble",
  failed: "trouble",
};

/** Stages that only the person can end. */
const CHOSEN: ReadonlySet<Stage> = new Set(["stepped_out", "replaced", "left", "trouble"]);

const UNKNOWN_VISIT: Readonly<Partial<Record<Stage, Stage>>> = {
  waiting: "expired",
  expired: "expired",
  entry: "entry",
  left: "left",
};

export function advance(stage: Stage, event: Event): Stage {
  switch (event.type) {
    case "clinic":
      return door(event.clinic, event.remembered);
    case "clinic_unknown":
      return "unknown_clinic";
    case "unavailable":
      return stage === "loading" || stage === "one_moment" ? "one_moment" : stage;
    case "entered":
      return "waiting";
    case "visit":
      return visited(stage, event.state);
    case "visit_unknown":
      // Ended while nobody looked, or given up because nobody was heard of: the page says so.
      return UNKNOWN_VISIT[stage] ?? "ended";
    case "transferred":
      return visited(stage, "waiting");
    case "replaced":
      return "replaced";
    case "call_over":
      return stage === "call" ? AFTER_CALL[event.outcome] : stage;
    case "go_back":
      return "call";
    case "left":
      return "left";
  }
}

/** A person with a place keeps it, whatever the door says to newcomers. */
function door(clinic: Clinic, remembered: boolean): Stage {
  if (clinic.visit && remembered) return "waiting";
  return clinic.state === "open" || clinic.visit ? "entry" : "shut";
}

function visited(stage: Stage, state: VisitState): Stage {
  switch (state) {
    case "waiting":
    case "on_hold":
      return stage === "replaced" || stage === "left" ? stage : "waiting";
    case "called":
      return CHOSEN.has(stage) ? stage : "call";
    case "in_consultation":
      return CHOSEN.has(stage) || stage === "ended" ? stage : "call";
    case "ended":
    case "refused":
      return stage === "left" ? stage : state;
  }
}
