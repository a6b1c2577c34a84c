/** The clinics of the signed-in person. */

import { t } from "../shared/i18n";
import { Page } from "../shared/ui";
import { me } from "./account";
import { Link } from "./router";
import { dashboardPath, reportsPath } from "./routes";

export function Clinics() {
  const clinics = me.value?.clinics ?? [];
  return (
    <Page title={t("clinics-title")} testid="clinics">
      {clinics.length === 0 && (me.value?.reports ?? []).length === 0 && (
        <p class="lead">{t("clinics-none")}</p>
      )}
      <ul class="cards">
        {clinics.map((clinic) => (
          <li key={`${clinic.namespace}/${clinic.name}`} class="card">
            <Link to={dashboardPath(clinic.namespace, clinic.name)} class="button" testid="clinic">
              <bdi>{clinic.display_name}</bdi>
            </Link>
            <p class="hint">
              {t(`team-${clinic.role}`)}
              {clinic.suspended !== null && ` · ${t("suspended-badge")}`}
            </p>
          </li>
        ))}
      </ul>
      {(me.value?.reports ?? []).map((one) => (
        <p key={one.namespace}>
          <Link to={reportsPath(one.namespace)} testid="to-reports">
            {t("reports-of", { organisation: one.display_name })}
          </Link>
        </p>
      ))}
    </Page>
  );
}
