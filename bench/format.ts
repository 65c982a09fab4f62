import type { Spread } from './statistics.js';

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `12,345`. */
export function whole(value: number): string {
  return number.format(value);
}

/** Two digits that count: `0.83`, `12`. */
export function ratio(value: number): string {
  return value >= 9.95 ? whole(value) : value.toFixed(2);
}

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** `12,345 (11,000–13,000)`: the median, and how far apart the rounds were. */
export function spread({ median, min, max }: Spread, format: (value: number) => string): string {
  return min === max ? format(median) : `${format(median)} (${format(min)}–${format(max)})`;
}
