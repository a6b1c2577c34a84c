/** The private waiting room: nobody else can see it, and nobody else is seen. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { blocked } from "../shared/blocked";
import { DevicePanel } from "../shared/devices";
import { t } from "../shared/i18n";
import { Notice, Page, Phone, Working } from "../shared/ui";
import { FromTheClinic } from "./message";
import type { Props } from "./props";

export function Waiting({ visit, media }: Props) {
  const latest = visit.latest.value;
  useEffect(() => {
    // The person's own entering was the gesture; after a reload the permission is there already.
    void media.start();
    // Fetch the call's code now, so that answering takes no time.
    void import("../call/view");
  }, [media]);
  const held = latest?.state === "on_hold";
  const name = latest?.clinic.display_name || visit.clinic.value?.display_name;
  return (
    <Page title={t(held ? "held-title" : "waiting-title")} testid={held ? "on-hold" : "waiting"}>
      <p class="lead">
        <bdi>{name}</bdi>
      </p>
      <div role="status" aria-live="polite" data-testid="waiting-status">
        {visit.connected.value || latest === null ? (
          <Working label={t(labelOf(held, visit.connected.value))} />
        ) : (
          <Working label={t("waiting-reconnecting")} />
        )}
        {typeof latest?.position === "number" && (
          <p>{t("waiting-position", { position: latest.position })}</p>
        )}
      </div>
      {visit.transferredTo.value !== "" && (
        <p role="status" data-testid="transferred">
          {t("waiting-transferred", { clinic: visit.transferredTo.value })}
        </p>
      )}
      <FromTheClinic message={latest?.message} />
      <p>{t("waiting-stay")}</p>
      {latest?.clinic.notice && (
        <Notice testid="clinic-notice">
          <p dir="auto">{latest.clinic.notice}</p>
        </Notice>
      )}
      {blocked.value && (
        <Notice tone="attention" testid="sockets-blocked">
          <p>{t("waiting-blocked")}</p>
        </Notice>
      )}
      <DevicePanel media={media} />
      <p class="hint">{t("waiting-without")}</p>
      <Phone number={latest?.clinic.phone || visit.clinic.value?.phone} />
      <LeaveButton leave={() => void visit.leave()} />
    </Page>
  );
}

function labelOf(held: boolean, connected: boolean): string {
  if (!connected) return "loading-hint";
  return held ? "held-lead" : "waiting-lead";
}

/** Leaving gives the place up, so it asks once. */
function LeaveButton({ leave }: { readonly leave: () => void }) {
  const asking = useSignal(false);
  if (!asking.value) {
    return (
      <button
        type="button"
        class="quiet"
        data-testid="leave-waiting"
        onClick={() => {
          asking.value = true;
        }}
      >
        {t("waiting-leave")}
      </button>
    );
  }
  return (
    <div class="notice notice-attention" role="alert">
      <p>{t("waiting-leave-sure")}</p>
      <div class="row">
        <button
          type="button"
          class="quiet"
          onClick={() => {
            asking.value = false;
          }}
        >
          {t("waiting-keep")}
        </button>
        <button type="button" class="stop" onClick={leave} data-testid="leave-waiting-sure">
          {t("waiting-leave")}
        </button>
      </div>
    </div>
  );
}
