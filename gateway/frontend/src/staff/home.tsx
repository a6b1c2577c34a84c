/** What this is, for somebody who came without a link. */

import { t } from "../shared/i18n";
import { Languages } from "../shared/languages";
import { Page } from "../shared/ui";

export function Home() {
  return (
    <>
      <Page title={t("home-title")} testid="home">
        <p class="lead">{t("home-patients")}</p>
        <p>{t("home-staff")}</p>
        <a class="button" href="/sign-in">
          {t("sign-in")}
        </a>
      </Page>
      <Languages locales={[]} />
    </>
  );
}
