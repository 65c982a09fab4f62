import { readFileSync } from 'node:fs';

/** From package.json, which stands beside `dist/` and `src/` alike. */
export const VERSION: string = readVersion();
export const USER_AGENT = `memory-import/${VERSION}`;

/** `memory-import 0.1.0 (3f7bebd)`: for people. The commit is left out where the build didn't know it. */
export const VERSION_AND_COMMIT = ['memory-import', VERSION, ...readCommit()].join(' ');

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}

/** Beside the built code only: `src/` changes without a build, and would name the wrong one. */
function readCommit(): readonly string[] {
  try {
    const commit = readFileSync(new URL('./commit.txt', import.meta.url), 'utf8').trim();
    return commit === '' ? [] : [`(${commit})`];
  } catch {
    return [];
  }
}
