/** Parts of a page that are fetched when they are drawn for the first time; until then there is nothing. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const found = signal<ComponentType<P> | null>(null);
  let isAsked = false;
  return function Lazy(props: P) {
    useEffect(() => {
      if (isAsked) return;
      isAsked = true;
      void load().then((view) => {
        found.value = view;
      });
    }, []);
    const View = found.value;
    return View === null ? null : <View {...props} />;
  };
}
