/** Time as people read it. */

/** The time of day, as people write it; in a time zone, or where the reader is. */
export function clockOf(at: string, locale: string, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  return new Date(at).toLocaleTimeString(locale, { hour: "numeric", minute: "2-digit", ...zone });
}

/** Whole minutes since an RFC 3339 time; never negative. */
export function minutesSince(since: string, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - Date.parse(since)) / 60_000));
}
