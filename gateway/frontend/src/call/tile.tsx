/** One person's picture and voice. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { SelfView } from "../shared/devices";
import { t } from "../shared/i18n";
import type { LocalMedia } from "../shared/media";
import type { Rights } from "../shared/rights";
import type { Call } from "./call";
import type { Person } from "./slots";

interface TileProps {
  readonly call: Call;
  readonly person: Person;
  readonly rights: Rights;
}

export function Tile({ call, person, rights }: TileProps) {
  // Who is held sees nobody; a last picture that stands still would say otherwise.
  const mid = person.screenMid ?? (person.video ? person.cameraMid : null);
  const shown = !person.held && !call.held.value && mid !== null;
  const speaks = call.speaker.value === person.id;
  const pinned = call.pinned.value === person.id;
  return (
    <li
      class={`tile${speaks ? " tile-speaking" : ""}${pinned ? " tile-pinned" : ""}`}
      data-testid="tile"
      data-participant={person.id}
      data-role={person.role}
      data-speaking={speaks}
    >
      {shown ? (
        // Another slot is another element: a slot's last picture never appears under the next name.
        <Remote key={`${person.id}/${mid}`} call={call} mid={mid} name={person.name} />
      ) : (
        <span class="initial" aria-hidden="true">
          {initial(person.name)}
        </span>
      )}
      <p class="caption">
        <bdi>{person.name}</bdi> <span class="role">{t(`role-${person.role}`)}</span>
        {speaks && <span class="badge">{t("badge-speaking")}</span>}
        {!person.audio && <span class="badge">{t("badge-muted")}</span>}
        {person.stalled && <span class="badge">{t("badge-stalled")}</span>}
        {person.held && <span class="badge">{t("badge-held")}</span>}
        {person.screen && <span class="badge">{t("badge-screen")}</span>}
        {!person.video && !person.held && <span class="badge">{t("badge-no-camera")}</span>}
      </p>
      <Actions call={call} person={person} rights={rights} pinned={pinned} />
    </li>
  );
}

/** What can be done about one person. */
function Actions({ call, person, rights, pinned }: TileProps & { readonly pinned: boolean }) {
  const removing = useSignal(false);
  const act = (id: string, pressed: boolean | undefined, run: () => void) => (
    <button
      type="button"
      class="act"
      aria-label={t(`${id}-named`, { name: person.name })}
      aria-pressed={pressed}
      data-testid={id.replace(/-(on|off|sure)$/, "")}
      onClick={run}
    >
      {t(id)}
    </button>
  );
  return (
    <div class="acts">
      {rights.hold &&
        act(person.held ? "hold-off" : "hold-on", undefined, () =>
          call.hold(person.id, !person.held),
        )}
      {rights.mute && person.audio && act("mute-them", undefined, () => call.mute(person.id))}
      {/* A patient is put on hold or sent back to waiting. */}
      {rights.remove &&
        person.role !== "patient" &&
        act(removing.value ? "remove-sure" : "remove", undefined, () => {
          if (removing.value) call.remove(person.id);
          removing.value = !removing.value;
        })}
      {person.cameraMid !== null &&
        act(pinned ? "pin-off" : "pin-on", undefined, () => call.pin(pinned ? null : person.id))}
    </div>
  );
}

interface RemoteProps {
  readonly call: Call;
  readonly mid: string | null;
  readonly name: string;
}

function Remote({ call, mid, name }: RemoteProps) {
  const video = useRef<HTMLVideoElement>(null);
  const track = call.track(mid);
  useEffect(() => attach(video.current, track), [track]);
  useEffect(() => {
    const element = video.current;
    if (element === null || mid === null) return;
    const observer = new ResizeObserver(() => call.shows(mid, heightOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      call.shows(mid, null);
    };
  }, [call, mid]);
  return (
    <video
      ref={video}
      autoplay
      playsInline
      muted
      aria-label={t("picture-of", { name })}
      data-testid="remote-video"
    />
  );
}

interface SoundProps {
  readonly track: MediaStreamTrack | null;
  /** The browser wants a click before it plays sound. */
  readonly blocked: () => void;
}

export function Sound({ track, blocked }: SoundProps) {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    attach(audio.current, track);
    audio.current?.play().catch((error: unknown) => {
      if (error instanceof Error && error.name === "NotAllowedError") blocked();
    });
  }, [track]);
  // biome-ignore lint/a11y/useMediaCaption: a live voice has no captions
  return <audio ref={audio} autoplay data-testid="remote-audio" />;
}

interface OwnProps {
  readonly media: LocalMedia;
  /** One tile among the others, instead of a small picture above one of them. */
  readonly among: boolean;
}

export function OwnTile({ media, among }: OwnProps) {
  // Pages of one browser share one camera and its few buffers; six own pictures would use them up
  // and stop the camera for all.
  if (media.smallVideo) return null;
  const view = <SelfView media={media} />;
  if (!among) {
    return (
      <div class="own" data-testid="own-tile">
        {view}
      </div>
    );
  }
  return (
    <li class="tile tile-own" data-testid="own-tile">
      {view}
      <p class="caption">{t("you")}</p>
    </li>
  );
}

function attach(element: HTMLMediaElement | null, track: MediaStreamTrack | null): void {
  if (element !== null) element.srcObject = track === null ? null : new MediaStream([track]);
}

/** Height of the picture in its element, which it may not fill (`object-fit: contain`). */
function heightOf({
  clientWidth,
  clientHeight,
  videoWidth,
  videoHeight,
}: HTMLVideoElement): number {
  if (videoWidth === 0) return clientHeight;
  return Math.min(clientHeight, (clientWidth * videoHeight) / videoWidth);
}

function initial(name: string): string {
  return [...name.trim()][0]?.toLocaleUpperCase() ?? "";
}
