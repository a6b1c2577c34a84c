/** A button that copies a text, and says so once it has. */

import { useSignal } from "@preact/signals";
import { t } from "../shared/i18n";

const COPIED_MS = 3000;

export function Copy({ text, testid }: { readonly text: string; readonly testid: string }) {
  const copied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return; // forbidden, or not there without HTTPS: whoever reads it can mark it
    }
    copied.value = true;
    setTimeout(() => {
      copied.value = false;
    }, COPIED_MS);
  };
  return (
    <button type="button" class="quiet" onClick={() => void copy()} data-testid={testid}>
      {t(copied.value ? "copied" : "copy")}
    </button>
  );
}
