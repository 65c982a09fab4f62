import { StoppedError } from '../errors.js';
import type { Verdict } from '../model.js';
import type { Halt } from './halt.js';

/** Notices that the run is aimed at the wrong place, before it has turned a whole file into failures; and that the key is refused. */
export interface Aim {
  /** @param shown what of its message everybody may see */
  answered(verdict: Verdict, shown: (message: string) => string): void;
}

const STRANGERS_IN_A_ROW = 50;
const REFUSALS_AT_THE_START = 200;

/**
 * @param mayAllBeRefused many refusals say nothing: the input is a failures file, or notes of the ledger were created at this address
 * before (last night's rows that failed for good are the first to be sent again)
 */
export function createAim(halt: Halt, mayAllBeRefused: () => boolean): Aim {
  let strangers = 0;
  let refusals = 0;
  let accepted = false;

  return {
    answered(verdict, shown) {
      if (verdict.kind === 'unauthorized') {
        halt.stop(
          new StoppedError(
            'key_refused',
            `The API refuses the key (401: ${shown(verdict.message)}). No row was marked failed for it. Give another key and run the same command again.`,
            false,
          ),
        );
        return;
      }
      if (verdict.kind === 'created') accepted = true;
      // 429, 5xx and silence say nothing about the address: an outage has its own rules.
      if (verdict.kind !== 'refused') {
        if (verdict.kind === 'created') strangers = 0;
        return;
      }
      strangers = verdict.fromApi ? 0 : strangers + 1;
      refusals++;
      if (strangers >= STRANGERS_IN_A_ROW) {
        halt.stop(
          new StoppedError(
            'wrong_place',
            `${STRANGERS_IN_A_ROW} answers in a row did not come from the API (the last: ${verdict.status}, ${shown(verdict.message)}). Check --base-url and the proxy.`,
            false,
          ),
        );
      } else if (!accepted && refusals >= REFUSALS_AT_THE_START && !mayAllBeRefused()) {
        halt.stop(
          new StoppedError(
            'wrong_place',
            `The first ${REFUSALS_AT_THE_START} answers were all refusals (the last: ${verdict.status}, ${shown(verdict.message)}). Check the file, its columns, --base-url and the account of the key.`,
            false,
          ),
        );
      }
    },
  };
}
