/** Requests to the gateway's HTTP interface (docs/http.md). */

interface ErrorBody {
  readonly error?: {
    readonly code?: string;
    readonly by?: string;
    readonly fields?: Readonly<Record<string, string>>;
  };
  readonly by?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** What the gateway refused, or `offline` / `one_moment` when it could not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly fields: Readonly<Record<string, string>> = {},
    readonly by: string | null = null,
    /** When the gateway will let somebody in again; 0: it did not say. */
    readonly retryMs = 0,
  ) {
    super(code);
  }

  /** Worth trying again by itself. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/**
 * Send one request and read its JSON answer.
 *
 * @throws ApiError for every answer that is not 2xx, and when there is none.
 */
export async function request<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
  const init: RequestInit = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    init.headers = { accept: "application/json", "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0, "offline");
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as T;
  const retryMs = 1000 * (Number(response.headers.get("retry-after")) || 0);
  throw refusal(response.status, answer as ErrorBody | null, retryMs);
}

function refusal(status: number, body: ErrorBody | null, retryMs: number): ApiError {
  const { code, fields, by } = { ...body, ...body?.error };
  const known = code ?? (status >= 500 ? "one_moment" : "refused");
  return new ApiError(status, known, fields, by, retryMs);
}
