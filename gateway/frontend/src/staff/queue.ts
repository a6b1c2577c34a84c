/** The queue as a dashboard holds it: snapshots and deltas, put together. Pure. */

import type { GuestEntry, Occupancy, Order, QueueEntry, QueueFrame } from "./types";

export interface Queue {
  readonly version: number;
  readonly order: Order;
  readonly longAfter: LongAfter;
  /** In that order. */
  readonly visits: readonly QueueEntry[];
  readonly rooms: ReadonlyMap<string, Occupancy>;
  readonly guests: readonly GuestEntry[];
  /** How far this machine's clock is behind the one that arrivals are told in. */
  readonly behindMs: number;
}

/** From how many minutes on the clinic shows a wait as long, and as very long. */
export interface LongAfter {
  readonly long: number;
  readonly veryLong: number;
}

export const USUAL: LongAfter = { long: 15, veryLong: 30 };

/** What a frame makes of a queue; `gap` when a delta was missed and a snapshot is needed. */
export type Update = { readonly queue: Queue } | { readonly gap: true };

export function update(queue: Queue | null, frame: QueueFrame, nowMs = Date.now()): Update {
  if (frame.type === "queue") {
    return {
      queue: {
        version: frame.version,
        order: frame.order,
        longAfter: {
          long: frame.long_after_minutes ?? USUAL.long,
          veryLong: frame.very_long_after_minutes ?? USUAL.veryLong,
        },
        visits: inOrder(frame.visits, frame.order),
        rooms: occupancy(frame.rooms),
        guests: frame.guests ?? [],
        behindMs: frame.now ? Date.parse(frame.now) - nowMs : 0,
      },
    };
  }
  if (queue === null) return { gap: true };
  if (frame.version <= queue.version) return { queue }; // Older than the snapshot that came between.
  if (frame.version !== queue.version + 1) return { gap: true };
  const touched = new Set([...frame.remove, ...frame.upsert.map((entry) => entry.visit)]);
  const kept = queue.visits.filter((entry) => !touched.has(entry.visit));
  return {
    queue: {
      version: frame.version,
      order: queue.order,
      longAfter: queue.longAfter,
      visits: inOrder([...kept, ...frame.upsert], queue.order),
      rooms: frame.rooms ? occupancy(frame.rooms) : queue.rooms,
      guests: frame.guests ?? queue.guests,
      behindMs: queue.behindMs,
    },
  };
}

/** Names of those who are in `after` and were not in `before`, for announcements. */
export function arrivals(before: Queue | null, after: Queue): string[] {
  if (before === null) return [];
  const known = new Set(before.visits.map((entry) => entry.visit));
  return after.visits.filter((entry) => !known.has(entry.visit)).map((entry) => entry.name);
}

/** Names of those who knock in `after` and did not before, for announcements. */
export function knocks(before: Queue | null, after: Queue): string[] {
  if (before === null) return [];
  const knocking = (queue: Queue) => queue.guests.filter((one) => one.state === "knocking");
  const known = new Set(knocking(before).map((one) => one.guest));
  return knocking(after)
    .filter((one) => !known.has(one.guest))
    .map((one) => one.name);
}

/** Everybody whose patients are in one call with this visit's, itself first. */
export function together(queue: Queue | null, visit: string): readonly QueueEntry[] {
  const own = queue?.visits.find((one) => one.visit === visit);
  if (queue === null || own === undefined) return [];
  const others = queue.visits.filter(
    (one) => one !== own && own.consultation && one.consultation === own.consultation,
  );
  return [own, ...others];
}

function inOrder(visits: readonly QueueEntry[], order: Order): QueueEntry[] {
  return [...visits].sort(
    (a, b) =>
      (order === "Priority" ? b.priority - a.priority : 0) ||
      Date.parse(a.arrived_at) - Date.parse(b.arrived_at) ||
      (a.visit < b.visit ? -1 : 1),
  );
}

function occupancy(rooms: readonly Occupancy[]): Map<string, Occupancy> {
  return new Map(rooms.map((room) => [room.uid, room]));
}
