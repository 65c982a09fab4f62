import type { FailureClass } from '../model.js';

/** Why rows of one class failed, most frequent first. */
export interface Reason {
  /** The first row's message. */
  readonly message: string;
  readonly count: number;
  /** True where other rows' messages differ from it in their numbers: it is an example. */
  readonly isExample: boolean;
}

interface Reasons {
  /** @param message fit to leave the process: see `publicMessage` */
  add(failure: { readonly class: FailureClass; readonly message: string }): void;
  top(failureClass: FailureClass, count: number): readonly Reason[];
}

/**
 * Counts messages by class in bounded memory. Messages that differ only in words with a digit (measures, ids, row numbers) count as one
 * reason, which shows the first of them. Once a class has 50 reasons, others are counted as one.
 */
export function createReasons(): Reasons {
  const classes = new Map<FailureClass, Map<string, { message: string; count: number; isExample: boolean }>>();
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
      if (reason === undefined) known.set(key, { message: shown, count: 1, isExample: false });
      else {
        reason.count++;
        if (reason.message !== shown) reason.isExample = true;
      }
    },
    top(failureClass, count) {
      const known = [...(classes.get(failureClass)?.values() ?? [])];
      return known
        .sort((a, b) => b.count - a.count)
        .slice(0, count)
        .map((reason) => ({ ...reason }));
    },
  };
}

const MOST_REASONS = 50;

/** `5 columns` and `1 column` are alike too. */
function maskWords(message: string): string {
  return message.replace(/[\w-]+/g, (word) => (/\d/.test(word) ? '#' : word)).replace(/# ([a-z]+)s\b/g, '# $1');
}
