/** Where the clinic's last link leads, as it may be shown. Pure. */

export interface Destination {
  readonly href: string;
  /** As the browser will see it: look-alike letters show as what they are. */
  readonly host: string;
}

/** Null for what is no plain web address. */
export function destination(link: string): Destination | null {
  if (!URL.canParse(link)) return null;
  const url = new URL(link);
  if (url.protocol !== "https:" || url.username !== "" || url.password !== "") return null;
  return { href: url.href, host: url.host };
}
