import { register } from 'node:module';

// For `node --import`: with MEMORY_LEDGER=1 the command line gets a ledger that only remembers, in place of the one in a file.
register('./memory-ledger-hooks.js', import.meta.url);
