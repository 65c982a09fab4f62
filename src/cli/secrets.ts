import { readFileSync, statSync } from 'node:fs';
import type { Call } from './io.js';

/** What logs must not show even by accident. No event has the key; this is the second line of defence. */
export function secretsOf({ io, values }: Pick<Call, 'io' | 'values'>): readonly string[] {
  const secrets = [io.env.CALLERS_API_KEY?.trim() ?? ''];
  try {
    // Only a plain file: `<(pass show callers)` can be read once, and not by us.
    const path = String(values.apiKeyFile);
    if (statSync(path).isFile()) secrets.push(readFileSync(path, 'utf8').trim());
  } catch {
    // That it can't be read is said where the options are resolved.
  }
  return secrets.filter((secret) => secret !== '');
}
