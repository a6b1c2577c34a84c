/** When to ring for arrivals: at once for a new one, and again until somebody reacts. Pure. */

import type { Arrived } from "./types";

/** Clinic → who was rung for last, and when. */
export type Rung = ReadonlyMap<
  string,
  { readonly visits: readonly string[]; readonly atMs: number }
>;

export interface Ring {
  readonly rung: Rung;
  /** Clinics to ring for now. */
  readonly now: readonly Arrived[];
}

export function clinicKey(arrived: Arrived): string {
  return `${arrived.namespace}/${arrived.clinic}`;
}

export function ring(rung: Rung, arrived: readonly Arrived[], nowMs: number): Ring {
  const next = new Map<string, { visits: readonly string[]; atMs: number }>();
  const now: Arrived[] = [];
  for (const one of arrived) {
    const last = rung.get(clinicKey(one));
    const isNew = one.visits.some((visit) => !last?.visits.includes(visit));
    const isDue = last === undefined || nowMs - last.atMs >= one.repeat_s * 1000;
    if (isNew || isDue) now.push(one);
    next.set(clinicKey(one), {
      visits: one.visits,
      atMs: isNew || isDue || last === undefined ? nowMs : last.atMs,
    });
  }
  return { rung: next, now };
}

/** How many have come whom nobody has seen. */
export function total(arrived: readonly Arrived[]): number {
  return arrived.reduce((sum, one) => sum + one.visits.length, 0);
}
