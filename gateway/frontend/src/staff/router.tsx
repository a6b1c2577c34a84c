/** Moving between staff pages without loading anew, so that sound and camera may stay on. */

import { computed, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { withOptions } from "../shared/options";
import { routeOf } from "./routes";

const pathname = signal(location.pathname);

export const route = computed(() => routeOf(pathname.value));

addEventListener("popstate", () => {
  pathname.value = location.pathname;
});

export function go(path: string): void {
  history.pushState(null, "", withOptions(path, location.search));
  pathname.value = path;
}

interface LinkProps {
  readonly to: string;
  readonly class?: string;
  readonly testid?: string;
  readonly children: ComponentChildren;
}

export function Link({ to, testid, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={withOptions(to, location.search)} onClick={follow} data-testid={testid} {...rest}>
      {children}
    </a>
  );
}
