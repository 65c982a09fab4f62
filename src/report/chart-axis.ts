import { formatCount } from './format.js';

/** How far the ticks of a time axis are apart, in milliseconds, so that there are at most `most` of them. */
export function timeStep(rangeMs: number, most: number): number {
  return STEPS.find((step) => rangeMs / step <= most) ?? Math.ceil(rangeMs / most / DAY) * DAY;
}

/** `0`, `30 s`, `1:30 min`, `2 h`: since the run began. */
export function timeLabel(ms: number): string {
  if (ms === 0) return '0';
  if (ms < MINUTE) return `${trimmed(ms / SECOND)} s`;
  if (ms < HOUR) return `${withRest(ms, MINUTE, SECOND)} min`;
  if (ms < 3 * DAY) return `${withRest(ms, HOUR, MINUTE)} h`;
  return `${trimmed(ms / DAY)} d`;
}

/** `80 ms`, `1.5 s`. */
export function latencyLabel(ms: number): string {
  return ms < SECOND ? `${trimmed(ms)} ms` : `${trimmed(ms / SECOND)} s`;
}

/** `0.5`, `120`, `1,200`, `15k`. */
export function rateLabel(perSecond: number): string {
  if (perSecond < 10) return trimmed(perSecond);
  return perSecond < 10_000 ? formatCount(perSecond) : `${trimmed(perSecond / 1000)}k`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 5, 10].map((days) => days * DAY),
];

function trimmed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function withRest(ms: number, large: number, small: number): string {
  const rest = Math.round((ms % large) / small);
  return `${Math.floor(ms / large)}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`;
}
