import { fileURLToPath } from 'node:url';

// As seen from where this is compiled to, bench/.build/bench.

/** bench/ */
export const BENCH = fileURLToPath(new URL('../../', import.meta.url));
/** Inputs, scratch folders, results; nothing of it is worth keeping. */
export const WORK = fileURLToPath(new URL('../../.work/', import.meta.url));
/** What the contenders are started from, where they aren't compiled. */
export const SCRIPTS = fileURLToPath(new URL('../../programs/', import.meta.url));
/** The same, compiled. */
export const PROGRAMS = fileURLToPath(new URL('./programs/', import.meta.url));
/** The built command line. */
export const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
