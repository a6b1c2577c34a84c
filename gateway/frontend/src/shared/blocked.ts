/** Whether this network blocks WebSockets, as far as this tab has found out. */

import { signal } from "@preact/signals";

const KEY = "teleward-sockets-blocked";

export const blocked = signal(recall());

/** Remember for this tab: a reload begins with what works. */
export function note(isBlocked: boolean): void {
  blocked.value = isBlocked;
  try {
    if (isBlocked) sessionStorage.setItem(KEY, "1");
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage may be forbidden: then a reload finds out anew.
  }
}

function recall(): boolean {
  try {
    return sessionStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}
