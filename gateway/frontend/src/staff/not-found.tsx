/** There is nothing here for who looks; what is not there and what is not theirs look alike. */

import { t } from "../shared/i18n";
import { Page } from "../shared/ui";
import { Link } from "./router";

export function NotFound() {
  return (
    <Page title={t("not-found-title")} testid="not-found">
      <p class="lead">{t("not-found-hint")}</p>
      <Link to="/staff" class="button">
        {t("to-clinics")}
      </Link>
    </Page>
  );
}
