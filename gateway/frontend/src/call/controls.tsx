/** The bar of buttons under a call. */

import { type Signal, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { DeviceChoice } from "../shared/devices";
import { t } from "../shared/i18n";
import type { LocalMedia } from "../shared/media";
import type { Rights } from "../shared/rights";
import type { Call } from "./call";
import { useUnread } from "./chat";
import { Icon, type IconName } from "./icons";

interface ControlsProps {
  readonly call: Call;
  readonly media: LocalMedia;
  readonly rights: Rights;
  readonly ending: (() => void) | undefined;
  /** Whether the written conversation is on the screen. */
  readonly chatting: Signal<boolean>;
}

export function Controls({ call, media, rights, ending, chatting }: ControlsProps) {
  const unread = useUnread(call, chatting);
  const locked = call.locked.value;
  const asking = useSignal(false);
  const settings = useRef<HTMLDialogElement>(null);
  return (
    <div class="controls" role="toolbar" aria-label={t("call-controls")}>
      <MicrophoneButton media={media} />
      <CameraButton media={media} />
      <Control
        icon="chat"
        label={unread.value > 0 ? t("chat-unread", { count: unread.value }) : t("chat")}
        testid="open-chat"
        tone={unread.value > 0 ? "off" : "plain"}
        pressed={chatting.value}
        act={() => {
          chatting.value = !chatting.value;
        }}
      />
      {"getDisplayMedia" in navigator.mediaDevices && (
        <Control
          icon="screen"
          label={t(call.screen.value === null ? "screen-share" : "screen-stop")}
          testid="share-screen"
          tone={call.screen.value === null ? "plain" : "off"}
          act={() => (call.screen.value === null ? void call.shareScreen() : call.stopSharing())}
        />
      )}
      {rights.lock && (
        <Control
          icon={locked ? "lock" : "unlock"}
          label={t(locked ? "call-unlock" : "call-lock")}
          testid="lock"
          tone={locked ? "off" : "plain"}
          act={() => call.lock(!locked)}
        />
      )}
      <Control
        icon="settings"
        label={t("call-devices")}
        testid="open-devices"
        act={() => settings.current?.showModal()}
      />
      <Control
        icon="leave"
        label={t("call-leave")}
        testid="leave"
        tone="stop"
        act={() => call.leave()}
      />
      {rights.endForAll && (
        <Control
          icon="end"
          label={t(asking.value ? "call-end-sure" : "call-end")}
          testid="end-for-all"
          tone="stop"
          act={() => {
            if (asking.value) endForAll(call, ending);
            asking.value = !asking.value;
          }}
        />
      )}
      <dialog ref={settings} class="settings" aria-label={t("devices")}>
        <DeviceChoice media={media} device={media.camera} />
        <DeviceChoice media={media} device={media.microphone} />
        <button type="button" onClick={() => settings.current?.close()}>
          {t("done")}
        </button>
      </dialog>
    </div>
  );
}

/** A call that has not ended by then was not asked to: its socket only looked as if it was open. */
const ENDS_WITHIN_MS = 5000;

function endForAll(call: Call, ending: (() => void) | undefined): void {
  const end = () => {
    if (call.session.peek().outcome === null) ending?.();
  };
  if (call.endForAll()) setTimeout(end, ENDS_WITHIN_MS);
  else end();
}

function MicrophoneButton({ media }: { readonly media: LocalMedia }) {
  const { state } = media.microphone;
  const on = state.value === "on" && !media.muted.value;
  return (
    <Control
      icon={on ? "microphone" : "microphone-off"}
      label={t(on ? "mute" : "unmute")}
      testid="microphone"
      tone={on ? "plain" : "off"}
      act={() => {
        if (state.value === "on") media.setMuted(!media.muted.value);
        else void media.turnOn("microphone");
      }}
    />
  );
}

function CameraButton({ media }: { readonly media: LocalMedia }) {
  const on = media.camera.state.value === "on";
  return (
    <Control
      icon={on ? "camera" : "camera-off"}
      label={t(on ? "camera-turn-off" : "camera-turn-on")}
      testid="camera"
      tone={on ? "plain" : "off"}
      act={() => (on ? media.turnOff("camera") : void media.turnOn("camera"))}
    />
  );
}

interface ControlProps {
  readonly icon: IconName;
  readonly label: string;
  readonly testid: string;
  readonly tone?: "plain" | "off" | "stop";
  readonly pressed?: boolean;
  readonly act: () => void;
}

function Control({ icon, label, testid, tone = "plain", pressed, act }: ControlProps) {
  return (
    <button
      type="button"
      class={`control control-${tone}`}
      data-testid={testid}
      aria-pressed={pressed}
      onClick={act}
    >
      <Icon name={icon} />
      <span>{label}</span>
    </button>
  );
}
