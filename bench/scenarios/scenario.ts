import type { Lab } from '../race.js';
import type { ScenarioResult } from '../results.js';

export interface Scenario {
  readonly name: string;
  /** A line for `--list`. */
  readonly what: string;
  /** Whether it runs where none is named; the others take long. */
  readonly usual: boolean;
  /** Whether `--quick` runs it. */
  readonly quick: boolean;
  run(lab: Lab): Promise<ScenarioResult>;
}
