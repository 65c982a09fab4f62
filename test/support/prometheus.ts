/** A scrape, read as strictly as the text format is written down (version 0.0.4). */
export interface Scrape {
  readonly families: ReadonlyMap<string, { readonly type: string; readonly help: string }>;
  readonly samples: readonly Sample[];
  /** The one sample with this name and (at least) these labels. Throws where there is none, or more. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  has(name: string, labels?: Readonly<Record<string, string>>): boolean;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/** @throws where a line isn't one of the format, a family comes in parts or after its samples, or a sample comes twice */
export function parsePrometheus(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line has no line end');
  const families = new Map<string, { type: string; help: string }>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  const closed = new Set<string>();
  let current = '';
  const begin = (name: string): { type: string; help: string } => {
    if (name !== current) {
      if (families.has(name) || closed.has(name)) throw new Error(`the family ${name} comes in parts`);
      closed.add(current);
      current = name;
      families.set(name, { type: '', help: '' });
    }
    return families.get(name)!;
  };
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      const family = begin(name);
      if (kind === 'HELP' ? family.help !== '' : family.type !== '') throw new Error(`${kind} twice: ${line}`);
      if (samples.some((sample) => familyOf(sample.name, families) === name)) throw new Error(`${kind} after samples: ${line}`);
      if (kind === 'HELP' && /(?<!\\)(?:\\\\)*\\(?![\\n])/.test(rest)) throw new Error(`a stray backslash: ${line}`);
      if (kind === 'TYPE' && !TYPES.includes(rest)) throw new Error(`no such type: ${line}`);
      if (kind === 'HELP') family.help = rest;
      else family.type = rest;
      continue;
    }
    // A timestamp would be one more word: the textfile collector refuses it.
    const found = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line);
    if (!found) throw new Error(`neither a comment nor a sample: ${line}`);
    const [, name = '', inBraces, number = ''] = found;
    const labels = inBraces === undefined ? {} : parseLabels(inBraces, line);
    if (familyOf(name, families) !== current) throw new Error(`a sample outside of its family: ${line}`);
    if (!/^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i.test(number)) throw new Error(`no number: ${line}`);
    const identity = `${name}${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(identity)) throw new Error(`a sample comes twice: ${line}`);
    seen.add(identity);
    samples.push({ name, labels, value: Number(number.replace('Inf', 'Infinity')) });
  }
  for (const [name, { type, help }] of families) if (type === '' || help === '') throw new Error(`${name} has no TYPE, or no HELP`);
  for (const [name, { type }] of families) if (type === 'histogram') checkHistogram(name, samples);
  const find = (name: string, labels: Readonly<Record<string, string>>) =>
    samples.filter((sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
  return {
    families,
    samples,
    value(name, labels = {}) {
      const [sample, another] = find(name, labels);
      if (sample === undefined || another !== undefined)
        throw new Error(`expected one ${name} with ${JSON.stringify(labels)} in:\n${text}`);
      return sample.value;
    },
    has: (name, labels = {}) => find(name, labels).length > 0,
  };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;
  while (label.lastIndex < text.length) {
    const at = label.lastIndex;
    const found = label.exec(text);
    if (!found) throw new Error(`no label at ${at}: ${line}`);
    const [, name = '', value = ''] = found;
    if (Object.hasOwn(labels, name)) throw new Error(`a label twice: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}

function familyOf(sample: string, families: ReadonlyMap<string, { readonly type: string }>): string {
  const stem = sample.replace(/_(?:bucket|sum|count)$/, '');
  return families.get(stem)?.type === 'histogram' ? stem : sample;
}

/** Buckets never shrink, the last is +Inf, and it is the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const counts = samples.filter((sample) => sample.name === `${name}_count`);
  for (const { labels, value } of counts) {
    const buckets = samples.filter(
      (sample) =>
        sample.name === `${name}_bucket` && Object.entries(labels).every(([label, expected]) => sample.labels[label] === expected),
    );
    const bounds = buckets.map((bucket) => Number(bucket.labels.le?.replace('Inf', 'Infinity')));
    const rising = (numbers: readonly number[]) => numbers.every((number, i) => i === 0 || number >= numbers[i - 1]!);
    if (!rising(bounds) || !rising(buckets.map((bucket) => bucket.value))) throw new Error(`buckets of ${name} that don't rise`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || buckets.at(-1)?.value !== value) throw new Error(`${name}: +Inf isn't the count`);
    if (!samples.some((sample) => sample.name === `${name}_sum` && sameLabels(sample.labels, labels)))
      throw new Error(`${name} has no sum`);
  }
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
