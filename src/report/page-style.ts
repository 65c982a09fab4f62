/**
 * The page's one style sheet. Colours have names by meaning; the dark theme gives the same names other values, and paper always takes the
 * light ones. Contrast is at least 4.5 to 1 for text.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --panel: #f3f4f3; --line: #dcdfde; --ink: #1b1f1e; --soft: #565d5b; --link: #0b5a82;
  --created: #2f7f62; --recovered: #6db597; --known: #7a93ad; --duplicate: #a9b8c6; --filtered: #cdd3d6; --failed: #c2483b;
  --refused: #c98a1b; --typical: #2b6c9b; --slow: #b4793a;
  --good-ink: #1c5c46; --good-page: #ddefe6; --mixed-ink: #6f4a06; --mixed-page: #f8ebcf; --bad-ink: #8c271c; --bad-page: #fae1dd;
  --outage: #f3d4cf; --patience: #f6e6c3; --looking: #e0e4e9;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #15191a; --panel: #1e2324; --line: #343b3d; --ink: #e8ebea; --soft: #a3acab; --link: #7cc0ea;
    --created: #4fae8a; --recovered: #93d3b9; --known: #7189a3; --duplicate: #566a7e; --filtered: #434d55; --failed: #e0695b;
    --refused: #e0ab4a; --typical: #6db1e0; --slow: #d9a066;
    --good-ink: #a5e0c6; --good-page: #1a3a2e; --mixed-ink: #f3d38b; --mixed-page: #3c3013; --bad-ink: #f7b3aa; --bad-page: #46201c;
    --outage: #4d2824; --patience: #382f19; --looking: #2d363d;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 50rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
  overflow-wrap: break-word;
}
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 2px; }
main:focus { outline: none; }
code, pre { font-family: var(--mono); font-size: .875em; }
h1, h2, h3, p, dl, dd, ol, ul, figure, table, pre { margin: 0; padding: 0; }
ol, ul { list-style: none; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .4rem .8rem; background: var(--page); border: 1px solid var(--line); }

header { padding-bottom: 1.75rem; border-bottom: 1px solid var(--line); }
.program { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; color: var(--soft); font-size: .875rem; }
.run { font-family: var(--mono); font-size: .8125rem; }
.badge { display: inline-block; margin-top: 2rem; padding: .1rem .7rem; border-radius: 1rem; font-size: .875rem; font-weight: 600; }
.badge.good { color: var(--good-ink); background: var(--good-page); }
.badge.mixed { color: var(--mixed-ink); background: var(--mixed-page); }
.badge.bad { color: var(--bad-ink); background: var(--bad-page); }
h1 { margin-top: .6rem; font-size: clamp(1.5rem, 1.1rem + 2vw, 2.125rem); line-height: 1.2; font-weight: 650; letter-spacing: -.015em; text-wrap: balance; }
.reason { margin-top: .75rem; max-width: 42rem; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin-top: 1.5rem; }
dt { color: var(--soft); font-size: .875rem; }
.facts dd { font-variant-numeric: tabular-nums; }

section { margin-top: 2.75rem; }
h2 { margin-bottom: .75rem; font-size: 1.25rem; line-height: 1.3; font-weight: 650; letter-spacing: -.005em; }
h3 { font-size: 1rem; line-height: 1.4; font-weight: 600; }
.note, .aside { color: var(--soft); font-size: .875rem; }
.note { margin-top: .5rem; }

.steps { counter-reset: step; }
.steps > li { counter-increment: step; position: relative; padding-left: 2rem; }
.steps > li + li { margin-top: 1rem; }
.steps > li::before { content: counter(step); position: absolute; left: 0; top: .1rem; width: 1.4rem; height: 1.4rem; border-radius: 50%; background: var(--panel); color: var(--soft); font-size: .8125rem; line-height: 1.4rem; text-align: center; }
.steps > li:only-child { padding-left: 0; }
.steps > li:only-child::before { content: none; }
pre { margin-top: .5rem; padding: .6rem .8rem; background: var(--panel); border-radius: .375rem; white-space: pre-wrap; overflow-wrap: anywhere; }
pre span { display: inline-block; max-width: 100%; }

table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
caption.shown { position: static; width: auto; height: auto; clip-path: none; text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { padding: .4rem 1rem .4rem 0; text-align: left; vertical-align: baseline; font-weight: 400; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-size: .8125rem; }
th:last-child, td:last-child { padding-right: 0; }
tbody tr:last-child > * { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
bdi, .long { overflow-wrap: anywhere; }
.wide { color: var(--soft); font-size: .875rem; width: 50%; }

.sum { color: var(--soft); margin-bottom: .75rem; }
.sum strong { color: var(--ink); font-weight: 600; }
.bar { display: block; width: 100%; height: 1.75rem; border-radius: .375rem; overflow: hidden; margin-bottom: .5rem; }
.bar rect { stroke: var(--page); stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.swatch { display: inline-block; width: .7rem; height: .7rem; margin-right: .5rem; border-radius: 2px; forced-color-adjust: none; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.parts th { white-space: nowrap; }
svg { forced-color-adjust: none; print-color-adjust: exact; -webkit-print-color-adjust: exact; }

.failures > li { padding: .9rem 0; border-bottom: 1px solid var(--line); }
.failures > li:first-child { padding-top: 0; }
.failures > li:last-child { border-bottom: 0; padding-bottom: 0; }
.failures h3 { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; }
.failures h3 code { font-size: .9375rem; }
.count { font-variant-numeric: tabular-nums; white-space: nowrap; }
.failures p { color: var(--soft); font-size: .9375rem; }
.reasons { margin-top: .4rem; font-size: .9375rem; }
.reasons li { display: grid; grid-template-columns: 3.25rem minmax(0, 1fr); gap: .75rem; padding: .1rem 0; }
.reasons .number { color: var(--soft); }
.download { margin-left: .25rem; white-space: nowrap; }
.contacts, .pauses { margin-top: 1rem; }
.contacts tbody th { font-family: var(--mono); font-size: .875rem; }

figure + figure, figure + table, figure + details, details + details { margin-top: 1.5rem; }
table + details { margin-top: .5rem; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .1rem 1.5rem; align-items: baseline; margin-bottom: .25rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; color: var(--soft); font-size: .8125rem; }
figure .note { margin-top: 0; }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.chart.narrow { display: none; }

.pairs > div { display: flex; justify-content: space-between; gap: 1.5rem; padding: .35rem 0; border-bottom: 1px solid var(--line); }
.pairs > div:last-child { border-bottom: 0; }
.pairs dt { font-size: .9375rem; }
.pairs dd { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; min-width: 0; }
.hash { font-size: .75rem; line-height: 1.4; }
.inputs th { min-width: 9rem; }
.files li { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); gap: 1rem; padding: .2rem 0; }
.files span { color: var(--soft); font-size: .9375rem; }
summary { cursor: pointer; padding: .2rem 0; color: var(--link); width: fit-content; }
.scroll { overflow-x: auto; margin-top: .5rem; }
.scroll table { min-width: 44rem; }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .8125rem; }

${colors(['created', 'recovered', 'known', 'duplicate', 'filtered', 'failed', 'refused', 'typical', 'slow', 'outage', 'patience', 'looking'])}
.stroke-typical, .stroke-slow { stroke-width: 2px; }
.fill-axis-text { fill: var(--soft); }
.stroke-axis-line, .stroke-axis-grid { stroke: var(--line); }

@media (max-width: 36rem) {
  body { padding: 1.5rem 1rem 3rem; }
  section { margin-top: 2.25rem; }
  .badge { margin-top: 1.25rem; }
  .facts { gap: .5rem 1.75rem; }
  .chart.broad { display: none; }
  .chart.narrow { display: block; }
  .wide { display: none; }
  .reasons li { grid-template-columns: 2.75rem minmax(0, 1fr); }
  .download { display: inline-block; margin-left: 0; }
  .files li { grid-template-columns: 1fr; gap: 0; padding: .35rem 0; }
  .inputs thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .inputs tr, .inputs th, .inputs td { display: block; text-align: left; }
  .inputs tr { padding: .4rem 0; border-bottom: 1px solid var(--line); }
  .inputs tr:last-child { border-bottom: 0; }
  .inputs th, .inputs td { border: 0; padding: .1rem 0; }
}
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .skip { display: none; }
  section { margin-top: 1.5rem; }
  h2, h3, figcaption, caption { break-after: avoid; }
  tr, figure, .failures > li, .steps > li { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
  .download { display: none; }
  details:not([open], .printed) { display: none; }
  .printed::details-content { content-visibility: visible; }
  .printed summary { list-style: none; color: inherit; }
  pre { border: 1px solid var(--line); }
}
`;

/** The classes of what is drawn, and of the swatches that explain it. */
function colors(names: readonly string[]): string {
  return names
    .map(
      (name) =>
        `.fill-${name} { fill: var(--${name}); } .stroke-${name} { stroke: var(--${name}); } .swatch.${name} { background: var(--${name}); }`,
    )
    .join('\n');
}
