/** The one link of a clinic: to copy, to scan, and as a button for its website. */

import { useId } from "preact/hooks";
import { t } from "../shared/i18n";
import { Copy } from "./copy";
import { QrCode } from "./qr";
import { snippet } from "./snippet";
import type { StaffClinic } from "./types";

export function ClinicLink({ clinic }: { readonly clinic: StaffClinic }) {
  const url = clinic.patient_url;
  const code = snippet(url, t("button-label", { clinic: clinic.display_name }));
  const id = useId();
  return (
    <section aria-labelledby="link-heading">
      <h2 id="link-heading">{t("patient-link")}</h2>
      <div class="row">
        <a href={url} dir="ltr" data-testid="patient-link">
          {url}
        </a>
        <Copy text={url} testid="copy-link" />
      </div>
      <details class="share" data-testid="share">
        <summary>{t("share-title")}</summary>
        <div class="share-parts">
          <QrCode text={url} label={t("qr-label")} />
          <div>
            <label for={id}>{t("button-code")}</label>
            <textarea id={id} readOnly dir="ltr" rows={5} value={code} data-testid="button-code" />
            <Copy text={code} testid="copy-button" />
            <p class="hint">{t("prefill-hint")}</p>
            <p class="hint" dir="ltr">
              <code>{`${url}#name=…&appointment=2026-11-28T10:30Z`}</code>
            </p>
          </div>
        </div>
      </details>
    </section>
  );
}
