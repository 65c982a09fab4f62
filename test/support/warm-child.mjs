// A process that has the built command loaded and runs it again and again, one call at a time, each in the folder that the call names.
// Started by `warm-cli.ts`.
import { Readable, Writable } from 'node:stream';

process.on('disconnect', () => process.exit(0));
const { runProgram } = await import('../../dist/cli/program.js');

process.on('message', async ({ args, cwd, env, stdin }) => {
  process.chdir(cwd);
  const written = { stdout: '', stderr: '' };
  const collect = (name) =>
    new Writable({
      decodeStrings: false,
      write(text, _encoding, done) {
        written[name] += text.toString();
        done();
      },
    });
  const code = await runProgram({
    argv: args,
    io: {
      stdin: Readable.from(stdin.length === 0 ? [] : [Buffer.from(stdin)], { objectMode: false }),
      stdout: collect('stdout'),
      // No terminal: it has no width, and nobody resizes it.
      stderr: collect('stderr'),
      env: { PATH: process.env.PATH ?? '', ...env },
      onStopSignal: () => () => {},
      openTerminal: () => null,
      onAbruptEnd: () => () => {},
      exitNow: (exitCode) => {
        throw new Error(`the command ended at once, with ${exitCode}`);
      },
    },
  });
  process.send({ code, ...written });
});
