/** Tells when the network under the page has changed: another Wi-Fi, a telephone network, or back from nothing. */

/** Several events come with one change; new addresses need a moment to be there. */
const SETTLE_MS = 250;

/** Call `changed` after each change; returns the way to stop. */
export function watchNetwork(changed: () => void): () => void {
  const kind = (navigator as { readonly connection?: EventTarget }).connection;
  const later = debounced(changed, SETTLE_MS);
  addEventListener("online", later.run);
  kind?.addEventListener("change", later.run);
  return () => {
    removeEventListener("online", later.run);
    kind?.removeEventListener("change", later.run);
    later.cancel();
  };
}

interface Debounced {
  readonly run: () => void;
  readonly cancel: () => void;
}

/** Run once, this long after the last time it was asked for. */
export function debounced(act: () => void, ms: number): Debounced {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    run: () => {
      clearTimeout(timer);
      timer = setTimeout(act, ms);
    },
    cancel: () => clearTimeout(timer),
  };
}
