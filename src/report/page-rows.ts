import type { Counts } from '../model.js';
import { countOf, formatCount } from './format.js';
import { Html, html } from './html.js';

/** Where every row went: a bar, and the same as a table. The parts add up to the rows, always. */
export function rowsSection(counts: Counts): Html {
  const parts = PARTS.map((part) => ({ ...part, count: counts[part.name] })).filter(({ count }) => count > 0);
  if (counts.rows === 0) return html``;
  const sum = parts.map(({ label, count }) => `${formatCount(count)} ${label}`).join(' + ');
  return html`<section aria-labelledby="rows">
<h2 id="rows">Where the rows went</h2>
<p class="sum"><strong>${countOf(counts.rows, 'row')}</strong> = ${sum}</p>
${bar(parts, counts.rows)}
<table class="parts">
<caption>Rows by what became of them</caption>
<thead><tr><th scope="col">Became</th><th scope="col" class="number">Rows</th><th scope="col" class="number">Share</th><th scope="col" class="wide">Meaning</th></tr></thead>
<tbody>${parts.map(
    ({ color, label, meaning, name, count }) =>
      html`<tr><th scope="row"><span class="swatch ${color}"></span>${label}</th><td class="number">${formatCount(count)}</td><td class="number">${share(count, counts.rows)}</td><td class="wide">${name === 'alreadyImported' && counts.changed > 0 ? `${meaning}; ${formatCount(counts.changed)} changed since, and were not sent` : meaning}</td></tr>`,
  )}</tbody>
</table>
</section>`;
}

const PARTS = [
  { name: 'created', color: 'created', label: 'created', meaning: 'created by this run' },
  { name: 'recovered', color: 'recovered', label: 'recovered', meaning: 'created, and found by looking after their answers had been lost' },
  { name: 'alreadyImported', color: 'known', label: 'imported before', meaning: 'there already, nothing was sent' },
  { name: 'duplicate', color: 'duplicate', label: 'duplicates', meaning: 'the same note as an earlier row' },
  { name: 'filtered', color: 'filtered', label: 'filtered', meaning: 'left out by a condition, a profile or --accept' },
  { name: 'failed', color: 'failed', label: 'failed', meaning: 'not in Callers, or not known to be' },
] as const;

interface Part {
  readonly color: string;
  readonly count: number;
}

/** Of 1,000 parts. The smallest part is still seen: it takes its width from the others. */
const SMALLEST = 5;

function bar(parts: readonly Part[], rows: number): Html {
  const wanted = parts.map(({ count }) => Math.max(SMALLEST, (count / rows) * 1000));
  const total = wanted.reduce((sum, width) => sum + width, 0);
  let x = 0;
  const rects = parts.map(({ color }, i) => {
    const width = (wanted[i]! / total) * 1000;
    const rect = `<rect class="fill-${color}" x="${x.toFixed(2)}" y="0" width="${width.toFixed(2)}" height="10"/>`;
    x += width;
    return rect;
  });
  // The table below says the same.
  return new Html(
    `<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">${rects.join('')}</svg>`,
  );
}

/** Never 0% of what is there, nor 100% of what isn't all. */
function share(count: number, rows: number): string {
  const percent = (count / rows) * 100;
  if (count === rows) return '100%';
  if (percent < 0.1) return '< 0.1%';
  return `${Math.min(99.9, percent).toFixed(1)}%`;
}
