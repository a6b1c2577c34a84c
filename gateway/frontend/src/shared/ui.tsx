/** The few pieces that every page is made of. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "./i18n";

const spoken = signal("");

/** Have a screen reader say something without moving the focus. */
export function announce(text: string): void {
  spoken.value = "";
  setTimeout(() => {
    spoken.value = text;
  }, 50);
}

export function Announcer() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
      {spoken}
    </div>
  );
}

interface PageProps {
  readonly title: ComponentChildren;
  readonly testid: string;
  readonly wide?: boolean;
  readonly children?: ComponentChildren;
}

/** One screen. Its heading takes the focus, so that it is read out and the next Tab starts there. */
export function Page({ title, testid, wide = false, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [testid]);
  return (
    <main class={wide ? "page page-wide" : "page"} data-testid={testid}>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </main>
  );
}

interface NoticeProps {
  readonly tone?: "calm" | "attention";
  readonly testid?: string;
  readonly children: ComponentChildren;
}

export function Notice({ tone = "calm", testid, children }: NoticeProps) {
  return (
    <div class={`notice notice-${tone}`} data-testid={testid}>
      {children}
    </div>
  );
}

/** A phone number as a link, left to right in every language. */
export function Phone({ number }: { readonly number: string | null | undefined }) {
  if (!number) return null;
  return (
    <p>
      {t("phone-help")}{" "}
      <a class="phone" href={`tel:${number.replace(/[^+\d]/g, "")}`}>
        <bdi dir="ltr">{number}</bdi>
      </a>
    </p>
  );
}

/** Three quiet dots while something is under way. */
export function Working({ label }: { readonly label: string }) {
  return (
    <p class="working" role="status">
      <span class="dots" aria-hidden="true" />
      {label}
    </p>
  );
}
