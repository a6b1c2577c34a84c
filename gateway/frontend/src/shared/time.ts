/** Time as people read it. */

/** Whole minutes since an RFC 3339 time; never negative. */
export function minutesSince(since: string, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - Date.parse(since)) / 60_000));
}
