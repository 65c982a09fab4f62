import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// The last step of a build, which needs no build itself: writes down in `dist/commit.txt` what was built, for `--version`. `COMMIT` in the environment says it where
// there is no repository (an image's build); without either there is no such file, and that is no reason to fail.

const root = fileURLToPath(new URL('../', import.meta.url));
const file = `${root}dist/commit.txt`;
const commit = process.env.COMMIT?.trim() || describe();
// What stands behind it in parentheses must stay one word, whatever was in the environment.
if (commit !== null && /^[\w.+-]{1,60}$/.test(commit)) writeFileSync(file, `${commit}\n`);
else rmSync(file, { force: true });

/** `3f7bebd`, or `3f7bebd-dirty` with changes that no commit has. Null without git, or where git won't look (a folder of another user). */
function describe() {
  // Not a repository that this package only happens to lie in.
  if (!existsSync(`${root}.git`)) return null;
  const arguments_ = ['describe', '--always', '--dirty', '--abbrev=7', '--exclude', '*'];
  try {
    return execFileSync('git', arguments_, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 }).trim();
  } catch {
    return null;
  }
}
