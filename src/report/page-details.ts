import { basename } from 'node:path';
import type { RunSummary } from '../model.js';
import { latencyLabel } from './chart-axis.js';
import { countOf, formatCount } from './format.js';
import { Html, html } from './html.js';
import type { PageFacts, PageInput } from './page-facts.js';
import { publicMessage } from './public-message.js';

/** How the API was talked to. */
export function requestsSection({ requests, counts }: RunSummary): Html | null {
  const { sent, retried, rateLimited, reconciled, latencyMs } = requests;
  if (sent + reconciled + rateLimited === 0) return null;
  const values: readonly (readonly [string, string])[] = [
    ['Creates sent', formatCount(sent)],
    ['of these again, after a failure', formatCount(retried)],
    ['Answers that asked for patience (429)', formatCount(rateLimited)],
    ["Looks at a contact's list", formatCount(reconciled)],
    ['Rows recovered after a lost answer', formatCount(counts.recovered)],
    ...(sent > 0
      ? ([
          ['Answer time, half of the creates within', latencyLabel(latencyMs.p50)],
          ['95 of 100 within', latencyLabel(latencyMs.p95)],
          ['99 of 100 within', latencyLabel(latencyMs.p99)],
        ] as const)
      : []),
  ];
  return html`<section aria-labelledby="requests">
<h2 id="requests">Requests</h2>
<dl class="pairs">${values.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}

const MOST_SURPLUS = 50;
const MOST_COPIES = 20;

export function surplusSection({ surplus }: RunSummary): Html | null {
  if (surplus.length === 0) return null;
  return html`<section aria-labelledby="surplus">
<h2 id="surplus">Surplus memories</h2>
<p>A request that was given up reached the API after all. Delete these memories by hand; the ones that count are in success.csv.</p>
<table>
<caption>Surplus memories by contact</caption>
<thead><tr><th scope="col">Contact</th><th scope="col">Memories to delete</th></tr></thead>
<tbody>${surplus.slice(0, MOST_SURPLUS).map(
    ({ contactId, memoryIds }) =>
      html`<tr><th scope="row"><bdi>${publicMessage(contactId, null)}</bdi></th><td class="long"><bdi>${memoryIds
        .slice(0, MOST_COPIES)
        .map((id) => publicMessage(id, null))
        .join(
          ', ',
        )}</bdi>${memoryIds.length > MOST_COPIES ? html` and ${formatCount(memoryIds.length - MOST_COPIES)} more` : null}</td></tr>`,
  )}</tbody>
</table>
${surplus.length > MOST_SURPLUS ? html`<p class="note">And ${countOf(surplus.length - MOST_SURPLUS, 'contact')} more: see summary.json.</p>` : null}
</section>`;
}

export function inputsSection({ inputs }: PageInput): Html | null {
  if (inputs.length === 0) return null;
  // An archive's parts have its size and its hash.
  const files = [
    ...new Map(inputs.map((input) => [input.archive ?? input.path, { ...input, path: input.archive ?? input.path }])).values(),
  ];
  const shown = files.slice(0, MOST_INPUTS);
  return html`<section aria-labelledby="inputs">
<h2 id="inputs">${files.length === 1 ? 'Input' : 'Inputs'}</h2>
<table class="inputs">
<caption>Files that were read</caption>
<thead><tr><th scope="col">File</th><th scope="col" class="number">Size</th><th scope="col">SHA-256</th></tr></thead>
<tbody>${shown.map(
    ({ path, bytes, sha256 }) =>
      html`<tr><th scope="row" class="long"><bdi>${path === '-' ? 'standard input' : publicMessage(path, null, 1000)}</bdi></th><td class="number">${bytes === null ? '—' : formatBytes(bytes)}</td><td class="long">${sha256 === null ? 'not known: it was not read to its end' : html`<code class="hash">${sha256}</code>`}</td></tr>`,
  )}</tbody>
</table>
${files.length > shown.length ? html`<p class="note">And ${countOf(files.length - shown.length, 'file')} more: see summary.json.</p>` : null}
</section>`;
}

const MOST_INPUTS = 200;

/** The run's other files stand beside the page. */
export function filesSection({ files, counts }: RunSummary, facts: PageFacts | null): Html | null {
  const entries: readonly (readonly [path: string | undefined, meaning: string])[] = [
    [counts.failed > 0 ? files.failures : undefined, 'rows that failed, to be mended and imported'],
    [files.malformed, "records that can't be read, as they were"],
    [files.unknownContacts, 'ids of the CRM that the list of contacts lacks, with how many rows each has'],
    ...(facts?.moreFiles ?? []).map((path) => [path, 'of inputs with other headers'] as const),
    [files.success, 'rows that are in Callers, with the ids of their memories'],
    ['summary.json', 'the numbers of this page, for a program'],
  ];
  const paths = entries.flatMap(([path, meaning]) => (path === undefined ? [] : [{ path, meaning }]));
  return html`<section aria-labelledby="files">
<h2 id="files">Files beside this page</h2>
<ul class="files">${paths.map(({ path, meaning }) => html`<li>${link(basename(path))}<span>${meaning}</span></li>`)}</ul>
</section>`;
}

function link(name: string): Html {
  return html`<a href="${new Html(encodeURIComponent(name).replaceAll("'", '%27'))}">${name}</a>`;
}

export function optionsSection(facts: PageFacts | null): Html | null {
  if (facts === null || facts.options.length === 0) return null;
  return html`<section aria-labelledby="options">
<h2 id="options">Options of the run</h2>
<details class="printed">
<summary>${countOf(facts.options.length, 'option')}, as they were in force</summary>
<dl class="pairs">${facts.options.map(([name, value]) => html`<div><dt><code>${name}</code></dt><dd><bdi>${publicMessage(value, null, 1000)}</bdi></dd></div>`)}</dl>
</details>
</section>`;
}

/** `512 bytes`, `48.2 KB`, `1.3 GB`: by 1,000, as disks count. */
function formatBytes(bytes: number): string {
  if (bytes < 1000) return countOf(bytes, 'byte');
  const power = Math.min(UNITS.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}

const UNITS = ['KB', 'MB', 'GB', 'TB'] as const;
