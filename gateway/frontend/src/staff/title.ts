/** The page's title: what the page is about, and before it how many have come whom nobody has seen. */

import { effect, signal } from "@preact/signals";

export const pageTitle = signal("Teleward");
export const unseen = signal(0);
/** How many wait in the clinic that is looked at. */
export const waitingHere = signal(0);

export function followTitle(): () => void {
  return effect(() => {
    document.title = `${mark()}${pageTitle.value}`;
  });
}

function mark(): string {
  if (unseen.value > 0) return `● (${unseen.value}) `;
  return waitingHere.value > 0 ? `(${waitingHere.value}) ` : "";
}
