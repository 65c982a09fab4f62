import { OptionsError } from '../errors.js';
import { isLoopback } from '../loopback.js';
import type { RunSummary } from '../model.js';
import { readConfig } from '../options.js';
import type { Call, Io } from './io.js';

/** `--on-finish`: who gets the summary. */
export type OnFinish = { readonly kind: 'command'; readonly command: string } | { readonly kind: 'address'; readonly url: URL };

/** What came of a hook, and how it is told: never a reason for another exit code. */
export interface Finished {
  readonly summary: RunSummary;
  readonly exitCode: number;
  readonly env: Io['env'];
  /** What a command prints; stdout belongs to the result. */
  readonly stderr: Pick<Io['stderr'], 'write'>;
  /** Nobody wants to wait any longer. */
  readonly stopped: AbortSignal;
}

/** The command line wins over the config file; null where neither has it. @throws OptionsError */
export function resolveOnFinish(values: Call['values']): OnFinish | null {
  const fromConfig = typeof values.config === 'string' ? readConfig(values.config).onFinish : undefined;
  const found = values.onFinish ?? fromConfig;
  if (found === undefined) return null;
  const refuse = (what: string): never => {
    const label = values.onFinish === undefined ? `"onFinish" in ${values.config}` : '--on-finish';
    throw new OptionsError([`${label}: expected a command such as ./notify.sh, or an https address, found ${what}`]);
  };
  if (typeof found !== 'string') return refuse(JSON.stringify(found));
  if (found.trim() === '') return refuse('nothing');
  if (found.includes('\0')) return refuse('a command with U+0000 in it');
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(found)) return { kind: 'command', command: found };
  // Never shown whole: what stands behind the host is often the secret of whoever may post there.
  const url = URL.canParse(found) ? new URL(found) : refuse("an address that can't be read");
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    return refuse(`${url.protocol}//${url.host} (plain http goes to loopback only)`);
  if (url.username !== '' || url.password !== '') return refuse('one with a user name or a password in it');
  return { kind: 'address', url };
}
