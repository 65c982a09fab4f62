import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// No module is mocked and none has a state of its own: what a worker has loaded serves all its files.
const isolate = false;
const build = 'test/support/build.ts';
/** What is polled for comes at once, unless the machine stands still. */
const patient = { poll: { timeout: 30_000 } };
const soak = process.env.SOAK === '1' ? [{ test: { name: 'soak', include: ['test/soak/**/*.test.ts'], globalSetup: build } }] : [];

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export
export default defineConfig({
  test: {
    // Most tests wait for processes and for time to pass: as many workers as cores would leave a core idle now and then.
    maxWorkers: Math.max(3, availableParallelism()),
    projects: [
      {
        test: {
          name: 'unit',
          isolate,
          expect: patient,
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts'],
          testTimeout: 60_000,
          setupFiles: 'test/support/few-files.ts',
        },
      },
      {
        // The built command, as Node loads it.
        test: {
          name: 'e2e',
          isolate,
          expect: patient,
          server: { deps: { external: [/\/dist\//] } },
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: 'test/support/few-files.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: build,
        },
      },
      {
        test: {
          name: 'postgres',
          isolate,
          expect: patient,
          server: { deps: { external: [/\/dist\//] } },
          include: ['test/postgres/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: [build, 'test/support/postgres.ts'],
        },
      },
      {
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: build,
        },
      },
      ...soak,
    ],
  },
});
