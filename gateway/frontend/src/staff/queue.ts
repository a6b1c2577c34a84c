/** The queue as a dashboard holds it: snapshots and deltas, put together. Pure. */

import type { Occupancy, Order, QueueEntry, QueueFrame } from "./types";

export interface Queue {
  readonly version: number;
  readonly order: Order;
  /** In that order. */
  readonly visits: readonly QueueEntry[];
  readonly rooms: ReadonlyMap<string, number>;
  /** How far this machine's clock is behind the one that arrivals are told in. */
  readonly behindMs: number;
}

/** What a frame makes of a queue; `gap` when a delta was missed and a snapshot is needed. */
export type Update = { readonly queue: Queue } | { readonly gap: true };

export function update(queue: Queue | null, frame: QueueFrame, nowMs = Date.now()): Update {
  if (frame.type === "queue") {
    return {
      queue: {
        version: frame.version,
        order: frame.order,
        visits: inOrder(frame.visits, frame.order),
        rooms: occupancy(frame.rooms),
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
      visits: inOrder([...kept, ...frame.upsert], queue.order),
      rooms: frame.rooms ? occupancy(frame.rooms) : queue.rooms,
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

function inOrder(visits: readonly QueueEntry[], order: Order): QueueEntry[] {
  return [...visits].sort(
    (a, b) =>
      (order === "Priority" ? b.priority - a.priority : 0) ||
      Date.parse(a.arrived_at) - Date.parse(b.arrived_at) ||
      (a.visit < b.visit ? -1 : 1),
  );
}

function occupancy(rooms: readonly Occupancy[]): Map<string, number> {
  return new Map(rooms.map((room) => [room.uid, room.participants]));
}
