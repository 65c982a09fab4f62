import { statSync } from 'node:fs';

/** Notices that a ledger's file was deleted or replaced: SQLite goes on writing to a file that nobody will ever find again. */
export interface FileWatch {
  /** What became of the file, for a person; null: it is still the one. */
  lost(): string | null;
  /** Calls back once, soon after it was lost. @returns what ends the watch */
  every(intervalMs: number, onLost: (how: string) => void): () => void;
}

/** @param path of a file that is there and open */
export function watchFile(path: string): FileWatch {
  const opened = identityOf(path);
  const lost = (): string | null => {
    const now = identityOf(path);
    if (now === opened || now === UNSEEN || opened === UNSEEN) return null;
    return now === null ? 'was deleted' : 'was replaced by another file';
  };
  return {
    lost,
    every(intervalMs, onLost) {
      const timer = setInterval(() => {
        const how = lost();
        if (how === null) return;
        clearInterval(timer);
        onLost(how);
      }, intervalMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

const UNSEEN = 'unseen';

function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch (error) {
    // Not seen for a moment (a permission, a full table of files) isn't gone.
    return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR') ? null : UNSEEN;
  }
}
