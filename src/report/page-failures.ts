import type { FailureClass, RunSummary } from '../model.js';
import { csvHeader, csvRows } from './csv.js';
import { ADVICE, failuresOf, presentClasses } from './failure-advice.js';
import { countOf, formatCount } from './format.js';
import { guardCell } from './guard.js';
import { dataUrl, type Html, html } from './html.js';
import type { MissingContact } from './missing-contacts.js';
import type { PageFacts } from './page-facts.js';
import { publicMessage } from './public-message.js';
import type { Reason } from './reasons.js';

/** What failed, by class: the reasons, and what to do about it. */
export function failuresSection({ counts }: RunSummary, facts: PageFacts | null): Html | null {
  const classes = presentClasses(counts);
  if (classes.length === 0) return null;
  return html`<section aria-labelledby="failures">
<h2 id="failures">What failed</h2>
<ul class="failures">${classes.map((name) => classItem(name, failuresOf(counts, name), facts?.reasons[name] ?? []))}</ul>
${facts === null ? html`<p class="note">The ledger has no reasons of this run: it was made by an earlier version.</p>` : null}
</section>`;
}

function classItem(name: FailureClass, count: number, reasons: readonly Reason[]): Html {
  const told = reasons.reduce((sum, reason) => sum + reason.count, 0);
  return html`<li>
<h3><code>${name}</code> <span class="count">${countOf(count, 'row')}</span></h3>
<p>${sentence(ADVICE[name])}</p>
${reasons.length === 0 ? null : html`<ul class="reasons">${reasons.map(reasonItem)}${told < count ? html`<li><span class="number">${formatCount(count - told)}</span><span>for other reasons</span></li>` : null}</ul>`}
</li>`;
}

function reasonItem({ message, count, isExample }: Reason): Html {
  return html`<li><span class="number">${formatCount(count)}</span><span><bdi>${publicMessage(message, null)}</bdi>${isExample ? html` <span class="aside">(for example)</span>` : null}</span></li>`;
}

const SHOWN = 15;

/** The contacts that aren't in Callers: a list to be worked through. */
export function missingSection({ counts }: RunSummary, facts: PageFacts | null): Html | null {
  if (facts === null || facts.missing.listed.length === 0) return null;
  const { listed, total } = facts.missing;
  const inList = listed.reduce((sum, { rows }) => sum + rows, 0);
  const beyond = counts.failures.notFound - inList;
  const withSubOrg = listed.some(({ subOrg }) => subOrg !== null);
  const howMany =
    total === null
      ? `More than ${formatCount(listed.length)} contacts aren't`
      : `${countOf(total, 'contact')} ${total === 1 ? "isn't" : "aren't"}`;
  return html`<section aria-labelledby="missing">
<h2 id="missing">Contacts that are missing</h2>
<p>${howMany} in Callers, and ${countOf(counts.failures.notFound, 'row')} ${counts.failures.notFound === 1 ? 'was' : 'were'} meant for ${total === 1 ? 'it' : 'them'}.
<a class="download" href="${csvOf(listed)}" download="missing-contacts.csv">Download the list (CSV)</a></p>
${beyond > 0 ? html`<p class="note">The list has the ${formatCount(listed.length)} contacts with most rows. ${countOf(beyond, 'row')} of others: all are in failures.csv, as <code>not_found</code>.</p>` : null}
<table class="contacts">
<caption>Missing contacts, those with most rows first</caption>
<thead><tr><th scope="col">Contact</th>${withSubOrg ? html`<th scope="col">Sub organization</th>` : null}<th scope="col" class="number">Rows</th></tr></thead>
<tbody>${listed
    .slice(0, SHOWN)
    .map(
      ({ contactId, subOrg, rows }) =>
        html`<tr><th scope="row"><bdi>${publicMessage(contactId, null)}</bdi></th>${withSubOrg ? html`<td><bdi>${publicMessage(subOrg ?? '', null)}</bdi></td>` : null}<td class="number">${formatCount(rows)}</td></tr>`,
    )}</tbody>
</table>
${listed.length > SHOWN ? html`<p class="note">And ${countOf(listed.length - SHOWN, 'contact')} more in the list.</p>` : null}
</section>`;
}

function csvOf(listed: readonly MissingContact[]): Html {
  const rows = listed.map(({ contactId, subOrg, rows: count }) => [guardCell(contactId), guardCell(subOrg ?? ''), String(count)]);
  return dataUrl('text/csv;charset=utf-8', csvHeader(['contactId', 'subOrg', 'rows']) + csvRows(rows));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('?') ? '' : '.'}`;
}
