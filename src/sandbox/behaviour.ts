import { type FaultDice, type FaultKind, faultReply } from './faults.js';
import type { SandboxOptions, ScriptedAnswer } from './options.js';
import type { RateLimiter } from './rate-limit.js';
import { jsonReply, type Reply } from './reply.js';
import { type ApiCall, refusal } from './routes.js';
import { parseNote } from './validation.js';

/** What the sandbox will do with one request, decided before anything is done. */
export type Course =
  | { readonly kind: 'honest' }
  /** Nothing is done; this is the reply. */
  | { readonly kind: 'instead'; readonly reply: Reply }
  /** It is done; if it succeeded, this is the reply in place of the honest one. */
  | { readonly kind: 'after'; readonly reply: Reply }
  /** Reset now, done so many milliseconds later. */
  | { readonly kind: 'late'; readonly createLateMs: number };

export interface Decision {
  readonly course: Course;
  /** To add to whatever is answered. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

export interface BehaviourSettings {
  readonly dice: FaultDice;
  readonly random: () => number;
  readonly limiter: RateLimiter | null;
  readonly script: SandboxOptions['answerWith'];
  readonly now: () => number;
}

/** Decides in this order: the test's script, the rate limit, the faults. */
export function behaviour(settings: BehaviourSettings): (call: ApiCall, request: { method: string; index: number }) => Decision {
  const repeats = new Map<string, number>();

  return (call, request) => {
    const scripted = settings.script === undefined ? undefined : consult(settings.script, call, request);
    if (scripted !== undefined) return { course: scriptedCourse(scripted, settings.random), headers: undefined };
    const limit = settings.limiter?.admit(settings.now());
    if (limit?.admitted === false) return { course: { kind: 'instead', reply: refusal(429, 'Too many requests') }, headers: limit.headers };
    const fault = settings.dice.roll(call.verb !== 'list');
    return { course: fault === null ? HONEST : faultCourse(fault, settings.random), headers: limit?.headers };
  };

  function consult(
    script: NonNullable<SandboxOptions['answerWith']>,
    call: ApiCall,
    { method, index }: { method: string; index: number },
  ): ScriptedAnswer | undefined {
    const note = call.verb === 'create' ? parseNote(call.body) : {};
    const { name, text } = typeof note === 'string' ? {} : note;
    const asked = {
      method,
      contactId: call.verb === 'delete' ? null : call.id,
      memoryId: call.verb === 'delete' ? call.id : null,
      subOrg: call.subOrg,
      name: typeof name === 'string' ? name : null,
      text: typeof text === 'string' ? text : null,
    };
    const key = JSON.stringify([call.id, asked]);
    const repeat = repeats.get(key) ?? 0;
    repeats.set(key, repeat + 1);
    return script({ ...asked, index, repeat });
  }
}

const HONEST: Course = { kind: 'honest' };

function scriptedCourse(scripted: ScriptedAnswer, random: () => number): Course {
  if (typeof scripted === 'string') return faultCourse(scripted, random);
  if ('createLateMs' in scripted) return { kind: 'late', createLateMs: scripted.createLateMs };
  const { status, headers = {}, body = '', create } = scripted;
  const reply: Reply =
    typeof body === 'string'
      ? { kind: 'answer', status, headers: { 'content-type': 'text/html; charset=utf-8', ...lowerCased(headers) }, body }
      : jsonReply(status, body, lowerCased(headers));
  return { kind: create ? 'after' : 'instead', reply };
}

function faultCourse(fault: FaultKind, random: () => number): Course {
  return { kind: fault.endsWith('-after') ? 'after' : 'instead', reply: faultReply(fault, random) };
}

// So that a script's `Content-Type` takes the place of the default one.
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
