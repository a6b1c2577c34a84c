/** How a person looks at a queue: what is searched for, in which order, and which part of it. Pure. */

import { minutesSince } from "../shared/time";
import type { LongAfter } from "./queue";
import type { QueueEntry } from "./types";

export const SORTS = ["queue", "longest", "name", "appointment"] as const;
export type Sort = (typeof SORTS)[number];
export const FILTERS = ["all", "waiting", "seen", "away"] as const;
export type Filter = (typeof FILTERS)[number];

export interface QueueView {
  readonly search: string;
  readonly sort: Sort;
  readonly filter: Filter;
}

export const WHOLE: QueueView = { search: "", sort: "queue", filter: "all" };

export type Wait = "short" | "long" | "very-long";

/** How long somebody waits, in one word; who is being seen does not wait. */
export function waitOf(entry: QueueEntry, after: LongAfter, nowMs: number): Wait {
  const minutes = minutesSince(entry.arrived_at, nowMs);
  if (entry.state !== "waiting" || minutes < after.long) return "short";
  return minutes < after.veryLong ? "long" : "very-long";
}

/** The part of a queue that is looked for, in the order that is asked for; `queue` is the clinic's own. */
export function arranged(visits: readonly QueueEntry[], view: QueueView): QueueEntry[] {
  const wanted = folded(view.search.trim());
  const found = visits.filter(
    (entry) => KEEPS[view.filter](entry) && (wanted === "" || says(entry, wanted)),
  );
  return view.sort === "queue" ? found : found.sort(COMPARES[view.sort]);
}

const KEEPS: Readonly<Record<Filter, (entry: QueueEntry) => boolean>> = {
  all: () => true,
  waiting: (entry) => entry.state === "waiting",
  seen: (entry) => entry.state !== "waiting",
  away: (entry) => !entry.connected,
};

const COMPARES: Readonly<
  Record<Exclude<Sort, "queue">, (a: QueueEntry, b: QueueEntry) => number>
> = {
  longest: (a, b) => Date.parse(a.arrived_at) - Date.parse(b.arrived_at),
  name: (a, b) => a.name.localeCompare(b.name),
  // Who has no appointment comes after those who have one.
  appointment: (a, b) => moment(a) - moment(b),
};

function moment(entry: QueueEntry): number {
  return entry.appointment ? Date.parse(entry.appointment) : Number.MAX_SAFE_INTEGER;
}

function says(entry: QueueEntry, wanted: string): boolean {
  const texts = [entry.name, entry.speaker?.name ?? "", ...Object.values(entry.fields)];
  return texts.some((text) => folded(text).includes(wanted));
}

/** Without regard to case and accents, in every script. */
function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Those who were not connected when they went: a row is never dropped without a word. */
export function vanished(
  before: readonly QueueEntry[],
  after: readonly QueueEntry[],
): QueueEntry[] {
  const still = new Set(after.map((entry) => entry.visit));
  return before.filter(
    (entry) => entry.state === "waiting" && !entry.connected && !still.has(entry.visit),
  );
}
