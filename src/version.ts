import { readFileSync } from 'node:fs';

/** From package.json, which stands beside `dist/` and `src/` alike. */
export const VERSION: string = readVersion();
export const USER_AGENT = `memory-import/${VERSION}`;

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}
