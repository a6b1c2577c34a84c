/** One person's picture and voice. */

import { useEffect, useRef } from "preact/hooks";
import { SelfView } from "../shared/devices";
import { t } from "../shared/i18n";
import type { LocalMedia } from "../shared/media";
import type { Call } from "./call";
import type { Person } from "./slots";

interface TileProps {
  readonly call: Call;
  readonly person: Person;
  readonly mayHold: boolean;
}

export function Tile({ call, person, mayHold }: TileProps) {
  // Who is held sees nobody; a last picture that stands still would say otherwise.
  const shown = person.video && !person.held && !call.held.value && person.cameraMid !== null;
  return (
    <li class="tile" data-testid="tile" data-participant={person.id} data-role={person.role}>
      {shown ? (
        // Another slot is another element: a slot's last picture never appears under the next name.
        <Remote
          key={`${person.id}/${person.cameraMid}`}
          track={call.track(person.cameraMid)}
          name={person.name}
        />
      ) : (
        <span class="initial" aria-hidden="true">
          {initial(person.name)}
        </span>
      )}
      <p class="caption">
        <bdi>{person.name}</bdi> <span class="role">{t(`role-${person.role}`)}</span>
        {!person.audio && <span class="badge">{t("badge-muted")}</span>}
        {person.held && <span class="badge">{t("badge-held")}</span>}
        {!person.video && !person.held && <span class="badge">{t("badge-no-camera")}</span>}
      </p>
      {mayHold && (
        <button
          type="button"
          class="hold"
          aria-label={t(person.held ? "hold-off-named" : "hold-on-named", { name: person.name })}
          data-testid="hold"
          onClick={() => call.hold(person.id, !person.held)}
        >
          {t(person.held ? "hold-off" : "hold-on")}
        </button>
      )}
      {person.screenMid !== null && (
        <Remote
          key={`${person.id}/${person.screenMid}`}
          track={call.track(person.screenMid)}
          name={person.name}
        />
      )}
    </li>
  );
}

interface RemoteProps {
  readonly track: MediaStreamTrack | null;
  readonly name: string;
}

function Remote({ track, name }: RemoteProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => attach(video.current, track), [track]);
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

function initial(name: string): string {
  return [...name.trim()][0]?.toLocaleUpperCase() ?? "";
}
