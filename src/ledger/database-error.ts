// What the SQLite driver's errors say. Without the driver: whoever only asks needn't load it.

const BUSY = 5;
const READ_ONLY = [8, 14];
const CORRUPT = [11, 26];

/** True where another connection holds the lock that was asked for. */
export function isBusy(error: unknown): boolean {
  return (resultCode(error) ?? 0) % 256 === BUSY;
}

/** True where files can't be written, or made beside the database. */
export function isReadOnly(error: unknown): boolean {
  return READ_ONLY.includes((resultCode(error) ?? 0) % 256);
}

/** True where the file isn't an intact SQLite database. */
export function isCorrupt(error: unknown): boolean {
  const code = resultCode(error);
  // An iteration's error comes without its code.
  if (code === null) return error instanceof Error && /^(database disk image is malformed|file is not a database)/.test(error.message);
  return CORRUPT.includes(code % 256);
}

/** SQLite's own words, with its name for the error where it has one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const name = 'sqliteCodeName' in error ? ` (${String(error.sqliteCodeName)})` : '';
  return `${error.message}${name}`;
}

function resultCode(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  const code: unknown = 'errcode' in error ? error.errcode : null;
  return typeof code === 'number' ? code : null;
}
