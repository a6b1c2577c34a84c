/** The written conversation beside the pictures. */

import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../shared/i18n";
import { announce } from "../shared/ui";
import type { Call } from "./call";

/** Characters of one message (docs/wire.md). */
const MAX_TEXT = 2000;

interface ChatProps {
  readonly call: Call;
  readonly open: Signal<boolean>;
}

export function Chat({ call, open }: ChatProps) {
  const text = useSignal("");
  const end = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const { lines } = call.conversation.value;
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [lines.length]);
  const send = (event: Event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (said !== "" && call.say(said)) text.value = "";
  };
  return (
    <section class="chat" aria-label={t("chat")} data-testid="chat">
      <div class="lines" role="log" aria-live="polite" aria-label={t("chat-messages")}>
        {lines.map((line) => (
          <p key={line.key} data-testid="chat-line">
            <b>
              <bdi>{line.participant === call.you.value ? t("you") : line.name}</bdi>
            </b>{" "}
            <span dir="auto">{line.text}</span>
          </p>
        ))}
        {lines.length === 0 && <p class="hint">{t("chat-empty")}</p>}
        <div ref={end} />
      </div>
      <form onSubmit={send} class="row">
        <input
          ref={input}
          type="text"
          dir="auto"
          autocomplete="off"
          maxLength={MAX_TEXT}
          aria-label={t("chat-write")}
          placeholder={t("chat-write")}
          value={text.value}
          data-testid="chat-text"
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        <button type="submit" data-testid="chat-send">
          {t("chat-send")}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            open.value = false;
          }}
        >
          {t("chat-close")}
        </button>
      </form>
    </section>
  );
}

/** How many lines came while the conversation was not on the screen; each is announced. */
export function useUnread(call: Call, open: Signal<boolean>): Signal<number> {
  const unread = useSignal(0);
  const known = useRef(call.conversation.peek().lines.length);
  useSignalEffect(() => {
    const { lines } = call.conversation.value;
    const fresh = lines.slice(known.current);
    known.current = lines.length;
    if (open.value) {
      unread.value = 0;
      return;
    }
    unread.value = unread.peek() + fresh.length;
    for (const line of fresh) announce(t("chat-from", { name: line.name }));
  });
  return unread;
}
