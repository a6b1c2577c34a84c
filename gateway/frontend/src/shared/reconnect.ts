/** When to try again after a socket was lost. */

const DELAYS_MS = [300, 1000, 2000, 3000] as const;

/**
 * Say how long to wait before a new attempt.
 *
 * @param attempt 0 for the first attempt after the loss.
 * @param random From 0 to 1; spreads many browsers over ±25 % of the delay.
 * @returns Milliseconds.
 */
export function delayMs(attempt: number, random: number): number {
  const base = DELAYS_MS[Math.min(Math.max(attempt, 0), DELAYS_MS.length - 1)] ?? 3000;
  return Math.round(base * (0.75 + random * 0.5));
}
