/** The middle of several measurements, and how far apart they were. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError without a value */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  const other = sorted[Math.ceil((sorted.length - 1) / 2)];
  if (middle === undefined || other === undefined) throw new RangeError('expected at least one measurement; found none');
  return { median: (middle + other) / 2, min: sorted[0]!, max: sorted.at(-1)! };
}

/** The same for what may not have been measured: null where no value is known. */
export function spreadOfKnown(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : spreadOf(known);
}

/** Round by round, so that what slows a whole round down counts for neither side. Rounds that one side lacks are left out. */
export function ratioByRound(values: readonly (number | null)[], base: readonly (number | null)[]): Spread | null {
  return spreadOfKnown(
    values.map((value, round) => {
      const other = base[round] ?? null;
      return value === null || other === null || other === 0 ? null : value / other;
    }),
  );
}
