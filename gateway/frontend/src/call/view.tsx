/** The call on the screen: the others, the own picture, the controls. */

import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { blocked } from "../shared/blocked";
import { t } from "../shared/i18n";
import type { LocalMedia } from "../shared/media";
import type { Rights } from "../shared/rights";
import { provideStats } from "../shared/support";
import { announce } from "../shared/ui";
import "./call.css";
import { Call } from "./call";
import { Chat } from "./chat";
import { Controls } from "./controls";
import { columns } from "./layout";
import type { Outcome, Phase, Session } from "./session";
import { changes, type Person } from "./slots";
import { OwnTile, Sound, Tile } from "./tile";

export interface CallViewProps {
  /** The call socket's path. */
  readonly path: string;
  readonly media: LocalMedia;
  readonly title: string;
  readonly rights: Rights;
  /** Runs once, when the call is over for this person. */
  readonly over: (outcome: Outcome) => void;
  /** Ends the visit by a request, where the call's own socket did not. */
  readonly ending?: () => void;
  /** Shown above the pictures. */
  readonly above?: ComponentChildren;
}

export function CallView({ path, media, title, rights, over, ending, above }: CallViewProps) {
  const call = useMemo(() => new Call(path, media, rights), [path, media, rights]);
  const chatting = useSignal(false);
  const silenced = useSignal(false);
  useEffect(() => {
    provideStats(call);
    void media.start();
    return () => {
      provideStats();
      call.close();
    };
  }, [call, media]);
  useSignalEffect(() => {
    const { outcome } = call.session.value;
    if (outcome !== null) over(outcome);
  });
  useAnnouncements(call);

  const persons = call.persons.value;
  return (
    <main class="call" data-testid="call" data-phase={call.session.value.phase}>
      <h1 class="visually-hidden">
        {t("call-title")} <bdi>{title}</bdi>
      </h1>
      <div>
        <Status call={call} />
        {above}
      </div>
      <Stage call={call} media={media} persons={persons} rights={rights} />
      {persons.map((person) => (
        <Sound
          key={`${person.id}/${person.audioMid}`}
          track={call.track(person.audioMid)}
          blocked={() => {
            silenced.value = true;
          }}
        />
      ))}
      {chatting.value && <Chat call={call} open={chatting} />}
      {persons.length < MANY && <OwnTile media={media} among={false} />}
      {silenced.value && (
        <button
          type="button"
          class="unlock"
          data-testid="turn-on-sound"
          onClick={() => {
            silenced.value = false;
            playAll();
          }}
        >
          {t("turn-on-sound")}
        </button>
      )}
      <Controls call={call} media={media} rights={rights} ending={ending} chatting={chatting} />
    </main>
  );
}

/** From this many others on, the own picture is a tile like theirs. */
const MANY = 2;

interface StageProps {
  readonly call: Call;
  readonly media: LocalMedia;
  readonly persons: readonly Person[];
  readonly rights: Rights;
}

function Stage({ call, media, persons, rights }: StageProps) {
  const stage = useRef<HTMLDivElement>(null);
  const width = useSignal(innerWidth);
  const height = useSignal(innerHeight);
  useEffect(() => {
    if (stage.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      width.value = entry?.contentRect.width ?? innerWidth;
      height.value = entry?.contentRect.height ?? innerHeight;
    });
    observer.observe(stage.current);
    return () => observer.disconnect();
  }, [width, height]);
  const tiles = persons.length + (persons.length < MANY || media.smallVideo ? 0 : 1);
  const isPinned = persons.length > 1 && persons.some((one) => one.id === call.pinned.value);
  // Who is pinned has three quarters of the height, and the others share the rest.
  const small = isPinned ? tiles - 1 : tiles;
  const count = columns(small, width.value, isPinned ? height.value / 4 : height.value);
  return (
    <div ref={stage} class="stage" data-testid="stage">
      {persons.length === 0 ? (
        <p class="alone">{t("call-alone")}</p>
      ) : (
        <ul
          class={isPinned ? "tiles tiles-pinned" : "tiles"}
          style={{ "--columns": count, "--rows": Math.ceil(small / count) }}
          aria-label={t("call-people")}
        >
          {persons.map((person) => (
            <Tile key={person.id} call={call} person={person} rights={rights} />
          ))}
          {persons.length >= MANY && <OwnTile media={media} among={true} />}
        </ul>
      )}
    </div>
  );
}

const TROUBLES: Readonly<Partial<Record<Phase, string>>> = {
  connecting: "call-connecting",
  reconnecting: "call-reconnecting",
};

/** One line over the pictures, while something is not as it should be. */
function Status({ call }: { readonly call: Call }) {
  const text = statusOf(call);
  return (
    <div class="call-status" role="status" aria-live="polite" data-testid="call-status">
      {text !== null && <span>{text}</span>}
    </div>
  );
}

const NOTICES: Readonly<Record<NonNullable<Session["notice"]>, string>> = {
  not_permitted: "call-not-permitted",
  too_fast: "call-too-fast",
};

/** What matters most comes first. */
function statusOf(call: Call): string | null {
  const { phase, notice } = call.session.value;
  const trouble = TROUBLES[phase];
  if (call.held.value) return t("call-held");
  if (trouble !== undefined) return t(blocked.value ? "call-blocked" : trouble);
  if (notice !== null) return t(NOTICES[notice]);
  if (call.mutedBy.value !== null) return t("call-muted-by", { name: call.mutedBy.value });
  return call.locked.value ? t("call-locked") : null;
}

function useAnnouncements(call: Call): void {
  useEffect(() => {
    let before = call.participants.peek();
    return call.participants.subscribe((after) => {
      const { joined, left } = changes(before, after, call.you.peek());
      before = after;
      for (const one of joined) announce(t("call-joined", { name: one.name }));
      for (const one of left) announce(t("call-left", { name: one.name }));
    });
  }, [call]);
}

/** Inside the click that the browser asked for. */
function playAll(): void {
  for (const element of document.querySelectorAll<HTMLMediaElement>("audio, video")) {
    void element.play().catch(() => null);
  }
}
