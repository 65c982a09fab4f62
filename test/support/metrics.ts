import type { Bench } from './bench.js';
import { parsePrometheus } from './prometheus.js';

/** The numbers in the bench's `crm.prom`, by name without `memory_import_`. */
export function metricsOf(bench: Bench) {
  const scrape = parsePrometheus(bench.read('crm.prom'));
  return (name: string, labels: Readonly<Record<string, string>> = {}) =>
    scrape.value(`memory_import_${name}`, { import: 'crm', ...labels });
}
