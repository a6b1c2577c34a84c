/** Draws the stage that the guest is on. */

import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import { LazyCall, loadCall } from "../call/load";
import { blocked } from "../shared/blocked";
import { DevicePanel } from "../shared/devices";
import { ApiError } from "../shared/http";
import { t } from "../shared/i18n";
import { Languages } from "../shared/languages";
import type { LocalMedia } from "../shared/media";
import { delayMs } from "../shared/reconnect";
import { NO_RIGHTS } from "../shared/rights";
import { Announcer, Notice, Page, Working } from "../shared/ui";
import type { Guest } from "./guest";
import type { Stage } from "./journey";

interface Props {
  readonly guest: Guest;
  readonly media: LocalMedia;
}

export function App({ guest, media }: Props) {
  const stage = guest.stage.value;
  useEffect(() => {
    if (CAMERA_OFF.has(stage)) media.stop();
  }, [stage, media]);
  const Screen = SCREENS[stage] ?? Ending;
  return (
    <>
      <Screen guest={guest} media={media} />
      {stage === "door" && <Languages locales={guest.door.value?.locales ?? []} />}
      <Announcer />
    </>
  );
}

const SCREENS: Readonly<Partial<Record<Stage, (props: Props) => preact.JSX.Element | null>>> = {
  loading: () => (
    <Page title={t("loading")} testid="loading">
      <Working label={t("loading-hint")} />
    </Page>
  ),
  one_moment: () => (
    <Page title={t("one-moment")} testid="one-moment">
      <Working label={t("one-moment-hint")} />
    </Page>
  ),
  door: Entrance,
  knocking: Knocking,
  call: InCall,
};

/** Stages in which the camera's light has no reason to be on. */
const CAMERA_OFF: ReadonlySet<Stage> = new Set([
  "left",
  "ended",
  "over",
  "refused",
  "removed",
  "replaced",
  "unknown_link",
]);

/** As the gateway judges it. */
const MAX_NAME = 80;

/** The link is used up only now, by the person, and not by whatever else opened the page. */
function Entrance({ guest, media }: Props) {
  const name = useSignal(guest.name);
  const trouble = useSignal<"" | "one-moment" | "fault-required" | "entry-refused">("");
  const busy = useSignal(false);
  const id = useId();
  useEffect(() => {
    void loadCall();
  }, []);
  const knock = async (attempt = 0): Promise<void> => {
    busy.value = true;
    try {
      await guest.knock(name.value.trim());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      trouble.value = error.isTemporary ? "one-moment" : "entry-refused";
      if (error.isTemporary) {
        setTimeout(() => void knock(attempt + 1), delayMs(attempt, Math.random()));
        return;
      }
    }
    busy.value = false;
  };
  return (
    <Page title={<bdi>{guest.door.value?.display_name}</bdi>} testid="guest-door">
      <p class="lead">{t("guest-lead")}</p>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (busy.value) return;
          if (name.value.trim() === "") trouble.value = "fault-required";
          else void knock();
        }}
      >
        <div class="field">
          <label for={id}>{t("entry-name")}</label>
          <input
            id={id}
            type="text"
            dir="auto"
            autoComplete="name"
            maxLength={MAX_NAME}
            aria-invalid={trouble.value === "fault-required"}
            value={name.value}
            onInput={(event) => {
              name.value = event.currentTarget.value;
            }}
          />
        </div>
        {trouble.value !== "" && (
          <Notice tone="attention" testid="guest-trouble">
            <p role="alert">{t(trouble.value)}</p>
          </Notice>
        )}
        <button type="submit" aria-disabled={busy.value} data-testid="guest-knock">
          {t("guest-knock")}
        </button>
      </form>
      <DevicePanel media={media} />
      <p class="hint">{t("guest-privacy")}</p>
    </Page>
  );
}

function Knocking({ guest, media }: Props) {
  useEffect(() => {
    void media.start();
    void loadCall();
  }, [media]);
  const latest = guest.latest.value;
  return (
    <Page title={t("guest-knocking-title")} testid="guest-knocking">
      <p class="lead">
        <bdi>{latest?.clinic ?? guest.door.value?.display_name}</bdi>
        {latest !== null && (
          <>
            {" · "}
            <bdi>{latest.room || t("guest-consultation")}</bdi>
          </>
        )}
      </p>
      <Working label={t(guest.connected.value ? "guest-knocking-lead" : "loading-hint")} />
      <p>{t("guest-knocking-stay")}</p>
      {blocked.value && (
        <Notice tone="attention" testid="sockets-blocked">
          <p>{t("guest-blocked")}</p>
        </Notice>
      )}
      <DevicePanel media={media} />
      <button type="button" class="quiet" onClick={() => guest.leave()} data-testid="guest-leave">
        {t("guest-leave")}
      </button>
    </Page>
  );
}

function InCall({ guest, media }: Props) {
  return (
    <LazyCall
      path={guest.callPath}
      media={media}
      title={guest.latest.value?.room || t("guest-consultation")}
      rights={NO_RIGHTS}
      over={(outcome) => guest.callOver(outcome)}
    />
  );
}

type Endings = Exclude<Stage, "loading" | "one_moment" | "door" | "knocking" | "call">;

interface NextStep {
  readonly text: string;
  readonly take: (guest: Guest) => void;
}

const GO_BACK: NextStep = { text: "go-back", take: (guest) => guest.goBack() };
const TRY_AGAIN: NextStep = { text: "try-again", take: (guest) => guest.goBack() };
const KNOCK_AGAIN: NextStep = { text: "guest-knock-again", take: (guest) => guest.knockAgain() };
const USE_HERE: NextStep = { text: "use-here", take: (guest) => guest.takeOver() };

const NEXT: Readonly<Partial<Record<Endings, NextStep>>> = {
  stepped_out: GO_BACK,
  left: KNOCK_AGAIN,
  removed: KNOCK_AGAIN,
  ended: GO_BACK,
  locked: TRY_AGAIN,
  full: TRY_AGAIN,
  trouble: TRY_AGAIN,
  replaced: USE_HERE,
};

const TEXTS: Readonly<Record<Endings, readonly [string, string]>> = {
  unknown_clinic: ["unknown-title", "unknown-hint"],
  unknown_link: ["guest-unknown-title", "guest-unknown-hint"],
  stepped_out: ["stepped-out-title", "stepped-out-hint"],
  left: ["left-title", "guest-left-hint"],
  refused: ["guest-refused-title", "guest-refused-hint"],
  removed: ["guest-removed-title", "guest-removed-hint"],
  ended: ["guest-ended-title", "guest-ended-hint"],
  over: ["guest-ended-title", "guest-over-hint"],
  full: ["guest-full-title", "guest-full-hint"],
  locked: ["guest-locked-title", "guest-locked-hint"],
  replaced: ["replaced-title", "replaced-hint"],
  trouble: ["trouble-title", "trouble-hint"],
};

function Ending({ guest }: Props) {
  const stage = guest.stage.value as Endings;
  const [title, hint] = TEXTS[stage];
  const next = NEXT[stage];
  return (
    <Page title={t(title)} testid={`guest-${stage.replace("_", "-")}`}>
      <p class="lead">{t(hint)}</p>
      {next !== undefined && (
        <button type="button" onClick={() => next.take(guest)} data-testid="next-step">
          {t(next.text)}
        </button>
      )}
    </Page>
  );
}
