import type { FailureClass } from '../model.js';

/** Why rows of one class failed, most frequent first. */
export interface Reason {
  readonly message: string;
  readonly count: number;
}

interface Reasons {
  /** @param message fit to leave the process: see `publicMessage` */
  add(failure: { readonly class: FailureClass; readonly message: string }): void;
  top(failureClass: FailureClass, count: number): readonly Reason[];
}

/**
 * Counts messages by class in bounded memory. Messages that differ only in words with a digit (measures, ids, row numbers) count as one
 * reason, and show `n` where they differ. Once a class has 50 reasons, others are counted as one.
 */
export function createReasons(): Reasons {
  const classes = new Map<FailureClass, Map<string, { message: string; count: number }>>();
  return {
    add({ class: failureClass, message }) {
      let known = classes.get(failureClass);
      if (known === undefined) {
        known = new Map();
        classes.set(failureClass, known);
      }
      let key = maskWords(message);
      let shown = message;
      if (!known.has(key) && known.size >= MOST_REASONS) {
        key = '';
        shown = 'other reasons';
      }
      const reason = known.get(key);
      if (reason === undefined) known.set(key, { message: shown, count: 1 });
      else {
        reason.count++;
        if (reason.message !== shown) reason.message = mergeWords(reason.message, shown);
      }
    },
    top(failureClass, count) {
      const known = [...(classes.get(failureClass)?.values() ?? [])];
      return known
        .sort((a, b) => b.count - a.count)
        .slice(0, count)
        .map(({ message, count: rows }) => ({ message, count: rows }));
    },
  };
}

const MOST_REASONS = 50;
const WORD = /([\w-]+)/;

function maskWords(message: string): string {
  return message.replace(/[\w-]+/g, (word) => (/\d/.test(word) ? '#' : word));
}

/** Two messages of one reason: `text: 6212 characters, at most 5000` and `… 5800 …` become `text: n characters, at most 5000`. */
function mergeWords(shown: string, other: string): string {
  const words = shown.split(WORD);
  const others = other.split(WORD);
  return words.map((word, i) => (word === others[i] ? word : 'n')).join('');
}
