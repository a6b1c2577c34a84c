/** The entry, kept for a reload of this tab and no longer. */

import type { Entry } from "./types";

const PREFIX = "teleward.entry.";

export function kept(name: string): Entry | null {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text === null ? null : (JSON.parse(text) as Entry);
  } catch {
    return null;
  }
}

export function keep(name: string, entry: Entry): void {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(entry));
  } catch {
    // Storage is switched off: a reload will ask for the name again.
  }
}

export function lose(name: string): void {
  try {
    sessionStorage.removeItem(PREFIX + name);
  } catch {
    // Nothing was kept.
  }
}
