/** The page's title: what the page is about, and before it how many have come whom nobody has seen. */

import { effect, signal } from "@preact/signals";

export const pageTitle = signal("Teleward");
export const unseen = signal(0);

export function followTitle(): () => void {
  return effect(() => {
    document.title = unseen.value > 0 ? `● (${unseen.value}) ${pageTitle.value}` : pageTitle.value;
  });
}
