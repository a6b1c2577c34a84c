/** Staff sign-in. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, request } from "../shared/http";
import { t } from "../shared/i18n";
import { withOptions } from "../shared/options";
import { Notice, Page, Working } from "../shared/ui";
import { type Fault, faultOf, ofPath, wantsAnotherAccount } from "./sign-in-faults";
import type { Organisation, SignIn } from "./types";

export function SignInPage() {
  const options = useSignal<SignIn | null>(null);
  useEffect(() => {
    void request<SignIn>("GET", "/api/sign-in")
      .then((answer) => {
        options.value = answer;
      })
      .catch(() => {
        options.value = { mode: "none" };
      });
  }, [options]);
  return (
    <Page title={t("sign-in-title")} testid="sign-in">
      {options.value === null ? (
        <Working label={t("loading-hint")} />
      ) : options.value.mode === "development" ? (
        <Development options={options.value} />
      ) : options.value.mode === "issuers" ? (
        <Issuers organisations={options.value.organisations ?? []} />
      ) : (
        <p class="lead">{t("sign-in-none")}</p>
      )}
    </Page>
  );
}

/** A button for each issuer, and what came of the last attempt. */
function Issuers({ organisations }: { readonly organisations: readonly Organisation[] }) {
  const asked = new URLSearchParams(location.search);
  const returnTo = asked.get("return_to") ?? "";
  const fault = useSignal<Fault | null>(faultOf(asked.get("fault")));
  const begin = async (namespace: string, issuer: string) => {
    const body = { return_to: returnTo, anew: wantsAnotherAccount(fault.value) };
    try {
      const path = `/api/sign-in/at/${namespace}/${issuer}`;
      location.assign((await request<{ location: string }>("POST", path, body)).location);
    } catch (error) {
      fault.value = (error instanceof ApiError ? faultOf(error.code) : null) ?? "one_moment";
    }
  };
  const shown = ofPath(organisations, returnTo);
  if (shown.length === 0) return <p class="lead">{t("sign-in-none")}</p>;
  return (
    <>
      {fault.value !== null && (
        <p class="fault" role="alert" data-testid="sign-in-fault" data-fault={fault.value}>
          {t(`sign-in-fault-${fault.value}`)}
        </p>
      )}
      {shown.map((one) => (
        <section key={one.namespace}>
          <h2>
            <bdi>{one.display_name}</bdi>
          </h2>
          <ul class="cards">
            {one.issuers.map((issuer) => (
              <li key={issuer} class="card">
                <button
                  type="button"
                  onClick={() => void begin(one.namespace, issuer)}
                  data-testid="issuer"
                  data-issuer={`${one.namespace}/${issuer}`}
                >
                  {t("sign-in-with", { issuer })}
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** Accounts for trying things out on one machine. */
function Development({ options }: { readonly options: SignIn }) {
  const secret = useSignal("");
  const fault = useSignal<"" | "secret" | "one_moment">("");
  const signIn = async (user: string) => {
    const body = options.secret_required ? { user, secret: secret.value } : { user };
    try {
      await request("POST", "/api/sign-in/development", body);
      location.assign(withOptions("/staff", location.search));
    } catch (error) {
      fault.value = error instanceof ApiError && error.status === 403 ? "secret" : "one_moment";
    }
  };
  return (
    <>
      <Notice>
        <p>{t("sign-in-development")}</p>
      </Notice>
      {options.secret_required && (
        <div class="field">
          <label for="secret">{t("sign-in-secret")}</label>
          <input
            id="secret"
            type="password"
            autoComplete="off"
            dir="ltr"
            value={secret}
            onInput={(event) => {
              secret.value = event.currentTarget.value;
            }}
          />
        </div>
      )}
      {fault.value !== "" && (
        <p class="fault" role="alert" data-testid="sign-in-fault">
          {t(fault.value === "secret" ? "sign-in-refused" : "entry-one-moment")}
        </p>
      )}
      <ul class="cards">
        {(options.accounts ?? []).map((account) => (
          <li key={account.user} class="card">
            <button
              type="button"
              onClick={() => void signIn(account.user)}
              data-testid="account"
              data-user={account.user}
            >
              <bdi>{account.display_name}</bdi>
            </button>
            {account.roles.map((one) => (
              <p key={`${one.clinic}/${one.role}`} class="hint">
                <bdi dir="ltr">{one.clinic}</bdi> · {t(`team-${one.role}`)}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </>
  );
}
