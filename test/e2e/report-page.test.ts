import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { reportPage } from '../../src/report/page.js';
import { type Bench, test } from '../support/bench.js';
import { CHROMIUM, launchChromium } from '../support/chromium.js';
import { until } from '../support/cli.js';
import { fullPage } from '../support/page-input.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(1)><svg onload=alert(1)></style> שלום \u202e\u0000\u001b[31m ${'x'.repeat(300)}`;

describe('each run leaves a page', () => {
  test('also where it stopped by itself, with the reason and the command that goes on', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', 'contactId,text\nC-1,\nC-2,Asked for a quote\n');
    const { code, summary } = await bench.import(['notes.csv', '--max-failures', '1', '--set', 'name=Call of Zyxomma', '--limit', '5']);
    expect(code).toBe(3);
    const page = pageOf(bench, summary.files.report);
    expect(statSync(join(bench.folder, summary.files.report ?? '')).mode & 0o777).toBe(0o600);
    expect(page).toContain('--max-failures is 1');
    expect(textOf(page)).toMatch(/memory-import import notes\.csv --set 'name=…' .*--max-failures 1 .*--limit 5/);
    // What stands in every note of the run is a name all the same.
    expect(page).not.toContain('Zyxomma');
  });

  test('also where a signal ended it', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 20 });
    bench.write('notes.csv', `contactId,name,text\n${Array.from({ length: 500 }, (_, i) => `C-1,Call ${i},Text ${i}\n`).join('')}`);
    const run = bench.startImport(['notes.csv']);
    await until('a memory', () => bench.sandbox.stats().created > 0);
    run.kill('SIGTERM');
    const { code, summary } = await run.ended;
    expect(code).toBe(143);
    expect(textOf(pageOf(bench, summary.files.report))).toContain(`It was interrupted: ${summary.counts.rows} row`);
  });

  test('that report writes again as it was', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', 'contactId,name,text\nC-1,Call,One\nC-1999,Call,Two\nC-2,Call,\n');
    const { summary } = await bench.import(['notes.csv']);
    const path = summary.files.report ?? '';
    const before = pageOf(bench, path);
    expect(before).toContain('missing-contacts.csv');
    rmSync(join(bench.folder, path));
    const result = await bench.run(['report', summary.runId]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.split('\n')).toContain(path);
    expect(pageOf(bench, path).replace(/Written [\d-]+ [\d:]+ UTC/, '')).toBe(before.replace(/Written [\d-]+ [\d:]+ UTC/, ''));
    expect(JSON.parse(bench.read(summary.files.report!.replace('report.html', 'summary.json')))).toEqual(summary);
  });
});

describe.skipIf(CHROMIUM === null)('report.html in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  test('of a run with everything, and with hostile words wherever one may stand: it is text, and fits a desk and a phone in both themes', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('report.html', await reportPage(fullPage(HOSTILE)));
    const { page, told, requests } = await open(browser, join(bench.folder, 'report.html'));
    for (const [width, colorScheme] of [
      [1000, 'light'],
      [360, 'dark'],
    ] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      expect(await violations(page), `${width} px, ${colorScheme}`).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), `${width} px`).toBe(width);
    }
    expect(await page.locator('script, img, iframe, [style], [onload], [onerror]').count()).toBe(0);
    expect(await page.locator('.reasons bdi').first().textContent()).toMatch(/^<script>alert\(1\)<\/script>"'><img src=x/);
    expect(await page.locator('.skip').isVisible()).toBe(true);
    // On paper it is dark on white whatever the theme is, and nothing is cut off.
    await page.setViewportSize({ width: 718, height: 1000 });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(252, 252, 251)');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(718);
    expect(await page.locator('.skip').isVisible()).toBe(false);
    // Nobody unfolds paper: what stands nowhere else is there, and what can't be clicked isn't.
    for (const part of ['h1', '.bar', '.chart.broad', '.failures', '.contacts', '.inputs', '.printed dl'])
      expect(await page.locator(part).first().isVisible(), part).toBe(true);
    expect(await page.locator('.download').isVisible()).toBe(false);
    expect(await violations(page), 'on paper').toEqual([]);
    await page.emulateMedia({ media: 'screen', colorScheme: 'dark' });
    const colors = await page.evaluate(`[
      getComputedStyle(document.querySelector('.bar .fill-created')).fill,
      getComputedStyle(document.querySelector('.chart .fill-failed')).fill,
      getComputedStyle(document.body).backgroundColor,
    ]`);
    expect(colors).toEqual(['rgb(79, 174, 138)', 'rgb(224, 105, 91)', 'rgb(21, 25, 26)']);
    expect(told).toEqual([]);
    expect(requests).toHaveLength(1);
    await page.context().close();
  });

  test('can be used with the keyboard alone, and its list of missing contacts is a file', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('report.html', await reportPage(fullPage('C-7')));
    const { page, requests } = await open(browser, join(bench.folder, 'report.html'));
    const reached: string[] = [];
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press('Tab');
      const name = await page.evaluate('document.activeElement === document.body ? null : document.activeElement.textContent');
      if (typeof name !== 'string') break;
      reached.push(name);
      if (name === 'The same as a table') await page.keyboard.press('Enter');
    }
    expect(reached[0]).toBe('To the content');
    for (const name of [
      'Download the list (CSV)',
      'The same as a table',
      'failures.csv',
      'malformed.csv',
      'failures-2.csv',
      'success.csv',
      'summary.json',
      '2 options, as they were in force',
    ])
      expect(reached).toContain(name);
    // The table that was unfolded can be scrolled.
    expect(reached[reached.indexOf('The same as a table') + 1]).toContain('The course of the run in numbers');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Download the list').click()]);
    expect(download.suggestedFilename()).toBe('missing-contacts.csv');
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^contactId,subOrg,rows\nC-7,C-7,30\nC-0,,1\n/);
    expect(requests).toHaveLength(1);
    await page.context().close();
  });

  test('of a real run shows its course, and gives the pictures of the README', async ({ createBench }) => {
    const bench = await createBench({ rateLimit: 90 });
    mkdirSync(join(bench.folder, 'samples'));
    bench.write('samples/crm-notes.csv', readFileSync(join(root, 'samples/crm-notes.csv')));
    const { summary } = await bench.run(['import', 'samples/crm-notes.csv', '--json']);
    const { page, told, requests } = await open(browser, join(bench.folder, summary.files.report ?? ''));
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('281 of 307 rows are in Callers, 26 failed.');
    expect(await page.locator('svg.chart.broad').first().isVisible()).toBe(true);
    const text = (await page.locator('main').textContent()) ?? '';
    const sample = readFileSync(join(root, 'samples/crm-notes.csv'));
    expect(text).toContain(createHash('sha256').update(sample).digest('hex'));
    expect(text).toContain(`${(sample.length / 1000).toFixed(1)} KB`);
    expect(summary.requests.rateLimited).toBeGreaterThan(0);
    expect(text).toContain(`Answers that asked for patience (429)${summary.requests.rateLimited}`);
    const pictures = {
      'report.png': await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width: 900, height: 900 } }),
      'report-course.png': await pictureOfCourse(page),
    };
    for (const [name, picture] of Object.entries(pictures)) {
      expect(picture.length).toBeGreaterThan(10_000);
      if (process.env.UPDATE_DOCS === '1') writeFileSync(join(root, 'samples', name), picture);
    }
    expect(told).toEqual([]);
    expect(requests).toHaveLength(1);
    await page.context().close();
  });
});

async function open(browser: Browser, path: string) {
  const context = await browser.newContext({ viewport: { width: 900, height: 800 }, colorScheme: 'light' });
  const page = await context.newPage();
  const told: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => told.push(message.text()));
  page.on('pageerror', (error) => told.push(String(error)));
  page.on('dialog', (dialog) => {
    told.push(dialog.message());
    void dialog.dismiss();
  });
  await context.route('**/*', (route) => {
    requests.push(route.request().url());
    return route.continue();
  });
  await page.goto(pathToFileURL(path).href);
  return { page, told, requests };
}

async function pictureOfCourse(page: Page): Promise<Uint8Array> {
  await page.emulateMedia({ colorScheme: 'dark' });
  const box = await page.locator('section:has(#course)').boundingBox();
  if (box === null) throw new Error('the page has no course');
  // With a margin, as it stands on the page.
  const clip = { x: 0, y: box.y - 30, width: 900, height: box.height + 60 };
  return await page.screenshot({ fullPage: true, clip });
}

/** What axe-core finds. Evaluated from outside: the page's own policy would let no script in. */
async function violations(page: Page): Promise<unknown> {
  await page.evaluate(axe.source);
  return await page.evaluate(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`,
  );
}

function pageOf(bench: Bench, path: string | undefined): string {
  return bench.read(path ?? 'no report.html');
}

function textOf(page: string): string {
  return page.replace(/<[^>]*>/g, '').replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}
