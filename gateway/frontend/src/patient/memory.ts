/** The entry, kept for a reload of this tab and no longer. */

import type { Entry } from "./types";

const PREFIX = "teleward.entry.";

export function recall(clinic: string): Entry | null {
  try {
    const kept = sessionStorage.getItem(PREFIX + clinic);
    return kept === null ? null : (JSON.parse(kept) as Entry);
  } catch {
    return null;
  }
}

export function remember(clinic: string, entry: Entry): void {
  try {
    sessionStorage.setItem(PREFIX + clinic, JSON.stringify(entry));
  } catch {
    // Storage is switched off: a reload will ask for the name again.
  }
}

export function forget(clinic: string): void {
  try {
    sessionStorage.removeItem(PREFIX + clinic);
  } catch {
    // Nothing was kept.
  }
}
