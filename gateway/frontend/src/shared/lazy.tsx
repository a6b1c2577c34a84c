/** Parts of a page that are fetched when they are drawn for the first time; until then there is nothing. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { delayMs } from "./reconnect";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const found = signal<ComponentType<P> | null>(null);
  let isAsked = false;
  return function Lazy(props: P) {
    useEffect(() => {
      if (isAsked) return;
      isAsked = true;
      load().then((view) => {
        found.value = view;
      }, reloadSoon);
    }, []);
    const View = found.value;
    return View === null ? null : <View {...props} />;
  };
}

/** The network failed, or the service was renewed under this page: loaded anew, it has its parts. */
async function reloadSoon(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs(1, Math.random())));
  const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
  if (answer?.ok) location.reload();
  else void reloadSoon();
}
