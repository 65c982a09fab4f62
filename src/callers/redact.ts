/** Takes the key out of what a server or a library says, before anything is shortened: half a key is a leak too. */
export interface Redactor {
  text(text: string): string;
  /** A copy of what JSON.parse gave, with every string in it redacted, names of properties included. Very deep parts are left out. */
  deep(value: unknown): unknown;
}

/** @param apiKey as it is sent, '' for nothing secret; its JSON and URL spellings are found too, and the token of a key with a scheme (`Bearer …`) */
export function createRedactor(apiKey: string): Redactor {
  const token = apiKey.trim().split(/\s+/).at(-1) ?? '';
  const forms = [apiKey, apiKey.trim(), JSON.stringify(apiKey).slice(1, -1), encodeURIComponent(apiKey), token];
  // Longest first, or what is left of a longer form would stand in the text.
  const secrets = [...new Set(forms)].filter((form) => form !== '').sort((a, b) => b.length - a.length);

  function text(said: string): string {
    let clean = said;
    for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, MASK);
    return clean;
  }

  function deep(value: unknown, depth = 0): unknown {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    // JSON.parse takes any depth, the stack doesn't.
    if (depth === MAX_DEPTH) return '…';
    if (Array.isArray(value)) return value.map((part) => deep(part, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [text(name), deep(part, depth + 1)]));
  }

  return { text, deep: (value) => deep(value) };
}

// Without letters, since a text may come through here twice.
const MASK = '***';
const MAX_DEPTH = 20;
