/** What the page's address may ask for. */

/** Small and slow pictures (160 × 120, 5 a second), for tests with many participants on one machine. */
export function wantsSmallVideo(search: string): boolean {
  return new URLSearchParams(search).get("video") === "small";
}

/** Keep the page's own options when it links to another page. */
export function withOptions(path: string, search: string): string {
  const now = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const name of ["video", "locale"]) {
    const value = now.get(name);
    if (value !== null) kept.set(name, value);
  }
  const query = kept.toString();
  return query === "" ? path : `${path}?${query}`;
}

/** The sign-in page, which leads back to the page at `path`. */
export function signInPath(path: string, search: string): string {
  const page = withOptions("/sign-in", search);
  return `${page}${page.includes("?") ? "&" : "?"}return_to=${encodeURIComponent(path)}`;
}
