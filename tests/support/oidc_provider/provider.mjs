/**
 * OpenID Connect providers for tests, on the certified `oidc-provider`: one process, one issuer for each port.
 *
 * The one argument is JSON: {certificate, key, issuers: [{url, port, accounts, clients}]}. A person signs in by a form
 * with an account's name, or says no. `POST /test/rotate` gives an issuer new keys; `POST /test/token` signs claims.
 */

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { SignJWT, importJWK } from "jose";
import { Provider } from "oidc-provider";

const given = JSON.parse(process.argv[2]);
const tls = { cert: readFileSync(given.certificate), key: readFileSync(given.key) };

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" };
}

function build(issuer, key) {
  const provider = new Provider(issuer.url, {
    jwks: { keys: [key] },
    clients: issuer.clients,
    cookies: { keys: ["only for tests"] },
    claims: {
      openid: ["sub", "sid"],
      email: ["email", "email_verified"],
      profile: ["name", "preferred_username", "groups", "realm_access", "_claim_names", "oid"],
    },
    conformIdTokenClaims: issuer.userinfo === true,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = `<!DOCTYPE html><link rel="icon" href="data:,"><title>Sign out</title>${form}
            <button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`;
        },
      },
    },
    // Its own fetch refuses loopback, where the gateway under test is.
    fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...issuer.accounts[id] }) }),
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
    renderError: (ctx, out) => {
      ctx.type = "text";
      ctx.body = out.error;
    },
  });
  return provider;
}

const FORM = `<!DOCTYPE html><link rel="icon" href="data:,"><title>Test provider</title><form method="post">
  <label>Account <input name="login" autofocus></label>
  <button name="do" value="in">Sign in</button> <button name="do" value="deny">No</button></form>`;

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

async function interact(provider, request, response) {
  if (request.method === "GET") {
    await provider.interactionDetails(request, response);
    response.setHeader("content-type", "text/html");
    response.end(FORM);
    return;
  }
  const form = new URLSearchParams(await body(request));
  const result =
    form.get("do") === "deny"
      ? { error: "access_denied", error_description: "the person said no" }
      : { login: { accountId: form.get("login") } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function sign(key, request) {
  const { header, claims } = JSON.parse(await body(request));
  const signing = await importJWK(key, "RS256");
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: key.kid, ...header }).sign(signing);
}

function serve(issuer) {
  let key = newKey();
  let provider = build(issuer, key);
  const server = createServer(tls, async (request, response) => {
    try {
      if (request.url === "/test/rotate") {
        key = newKey();
        provider = build(issuer, key);
        response.end("rotated");
      } else if (request.url === "/test/token") response.end(await sign(key, request));
      else if (request.url.startsWith("/interaction/")) await interact(provider, request, response);
      else await provider.callback()(request, response);
    } catch (error) {
      response.statusCode = 400;
      response.end(String(error.message));
    }
  });
  return new Promise((resolve) => server.listen(issuer.port, "127.0.0.1", resolve));
}

await Promise.all(given.issuers.map(serve));
process.stdout.write("listening\n");
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
