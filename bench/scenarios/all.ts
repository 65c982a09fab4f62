import { again } from './again.js';
import { faults } from './faults.js';
import { fullLedger, ledgerShare } from './ledger.js';
import { postgres } from './postgres.js';
import { latency0, latency0Wide, latency50, latency50Narrow } from './races.js';
import { knownRate, unknownLimit } from './rates.js';
import type { Scenario } from './scenario.js';
import { size } from './size.js';
import { startUp } from './start-up.js';

/** In the order in which they run, and in which the README has them. */
export const scenarios: readonly Scenario[] = [
  latency0,
  latency50,
  ledgerShare,
  again,
  knownRate,
  unknownLimit,
  faults,
  startUp,
  latency0Wide,
  latency50Narrow,
  size,
  postgres,
  fullLedger,
];
