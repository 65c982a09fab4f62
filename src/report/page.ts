import { createHash } from 'node:crypto';
import { formatDuration, formatRate } from './format.js';
import { commandLine, Html, html } from './html.js';
import { type NextStep, nextSteps } from './next-steps.js';
import { filesSection, inputsSection, optionsSection, requestsSection, surplusSection } from './page-details.js';
import type { PageInput } from './page-facts.js';
import { failuresSection, missingSection } from './page-failures.js';
import { rowsSection } from './page-rows.js';
import { PAGE_STYLE } from './page-style.js';
import { timeSection } from './page-time.js';
import { undoneVerdict, verdict } from './page-verdict.js';

/**
 * report.html: what became of a run, as one page that loads nothing and runs nothing. It has no note's text and no name, and whatever comes
 * from the input or the API is text and never markup.
 */
export async function reportPage(input: PageInput): Promise<string> {
  const { run, facts } = input;
  const { badge, sentence } = input.undone ? undoneVerdict(input.undone) : verdict(run);
  const time = await timeSection(facts?.timeline ?? null);
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>${sentence} memory-import, run ${run.runId}</title>
${STYLE}
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<p class="program">memory-import<span class="run">run ${run.runId}</span></p>
<p class="badge ${badge.tone}">${badge.word}</p>
<h1>${sentence}</h1>
${input.undone ? html`<p class="reason">What follows is how the run ended, before it was undone.</p>` : null}
${run.reason === null ? null : html`<p class="reason"><bdi>${run.reason}</bdi></p>`}
<dl class="facts">
<div><dt>Started</dt><dd><time datetime="${run.startedAt}">${moment(run.startedAt)}</time></dd></div>
<div><dt>Took</dt><dd>${formatDuration(run.durationMs)}</dd></div>
<div><dt>Pace</dt><dd>${run.rowsPerSecond > 0 ? `${formatRate(run.rowsPerSecond)} rows/s` : '—'}</dd></div>
</dl>
</header>
<main id="main" tabindex="-1">
${nextSection(input)}
${rowsSection(run.counts)}
${failuresSection(run, facts)}
${missingSection(run, facts)}
${surplusSection(run)}
${time}
${requestsSection(run)}
${inputsSection(input)}
${filesSection(run, facts)}
${optionsSection(facts)}
</main>
<footer>
<p>Written ${moment(new Date(input.writtenAt).toISOString())}${facts === null ? null : html` of a run of memory-import ${facts.version}`}. The page holds no texts and no names of notes, and loads nothing from anywhere.</p>
</footer>
</body>
</html>
`;
  return body.markup;
}

/** The style sheet of the page and nothing else; what is downloaded and the icon are in the page itself. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const STYLE = new Html(`<style>${PAGE_STYLE}</style>`);

function nextSection({ run, facts }: PageInput): Html | null {
  const steps = nextSteps(run, {
    ...(facts === null ? {} : { files: facts.moreFiles }),
    ...(facts?.repeat ? { options: facts.repeat.options, command: facts.repeat.command } : {}),
  });
  if (steps.length === 0) return null;
  const hasBlanks = steps.some(({ commands }) => commands.some((command) => command.includes('=…')));
  return html`<section aria-labelledby="next">
<h2 id="next">What to do next</h2>
<ol class="steps">${steps.map(stepItem)}</ol>
${hasBlanks ? html`<p class="note">Put the run's own values where … stands: this page doesn't show what may be a note's name or text.</p>` : null}
</section>`;
}

function stepItem({ text, commands }: NextStep): Html {
  return html`<li><p>${text}</p>${commands.map((command) => html`<pre><code>${commandLine(command)}</code></pre>`)}</li>`;
}

/** `2026-11-23 06:45:15 UTC`. */
function moment(iso: string): string {
  return iso.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC');
}
