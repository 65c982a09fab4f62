import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { htmlToText } from '../../../src/map/html-text.js';

const GOLDEN = new URL('../../golden/html/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, GOLDEN), 'utf8').replace(/\n$/, '');
const LENGTH = 100_000;
const repeated = (text: string) => text.repeat(Math.ceil(LENGTH / text.length));

describe('HTML as text', () => {
  const names = readdirSync(GOLDEN).flatMap((file) => (file.endsWith('.html') ? [file.slice(0, -5)] : []));

  it.each(names)('of %s.html is what a reader would read of it', (name) => {
    expect(htmlToText(read(`${name}.html`))).toBe(read(`${name}.txt`));
  });

  it('has all of its cases', () => {
    expect(names).toHaveLength(7);
  });

  it.each([
    ['a link whose text is its address', '<a href="https://www.example.org/">example.org</a>', 'example.org'],
    ['a link to mail', '<a href="mailto:kim@example.org">Kim</a>', 'Kim (kim@example.org)'],
    ['a link without text', '<a href="https://example.org/x"><img src="cid:1"></a>', 'https://example.org/x'],
    ['a link that leads nowhere', '<a href="javascript:go()">go</a> <a href="#x">x</a>', 'go x'],
    ['a list in a list that forgot its item', '<ul><li>a</li><ul><li>b</li></ul></ul>', '- a\n  - b'],
    ['a list that goes on', '<ol start="9"><li>a</li><li>b</li></ol>', '9.  a\n10. b'],
    ['text around body', 'before<html><body>in</body></html>after', 'before\n\nin\n\nafter'],
    ['HTML cut off in a tag', '<p>kept <a href="htt', 'kept <a href="htt'],
    ['HTML cut off in a comment', '<p>kept <!-- not closed', 'kept <!-- not closed'],
    ['a style that never ends', '<p>kept <style> too', 'kept <style> too'],
    ['a comment with a tag in it', 'a<!-- <p>b</p> -->c', 'ac'],
    ['a tag in an attribute', '<p title="a > b <i>">c</p>', 'c'],
    ['entities without a semicolon', '<p>?a=1&copy=2&region=3&nbsp4</p>', '?a=1&copy=2&region=3&nbsp4'],
    ['an entity that nobody knows', '<p>&bogus; &#x1F600; &#8211;</p>', '&bogus; 😀 –'],
    ['nothing but an image', '<p><img src="https://example.org/a.png"></p>', ''],
    ['a name in angle brackets that is closed', '<person>Kim</person>', 'Kim'],
    ['other namespaces', '<p>a<st1:place w:st="on">Ulm</st1:place></p>', 'aUlm'],
  ])('of %s', (_, html, text) => {
    expect(htmlToText(html)).toBe(text);
  });

  it.each([
    'a < b',
    'AT&T',
    'x<y, y<z',
    'if a <b and b> c',
    '<kim@example.org>',
    '<https://example.org/a>',
    '<tbd>',
    '<title> of a book',
    '</',
    '<!-- not closed',
    '<>',
    '&',
    '&;',
    '1 &lt 2',
    '  spaces stay  \r\n and line ends \n\n\n ',
  ])('isn’t made of what only looks like it: %j', (text) => {
    expect(htmlToText(text)).toBe(text);
  });

  it('loses no word, whatever tags stand around it and however deep', () => {
    const tag = fc.constantFrom(
      '<p>',
      '</p>',
      '<div>',
      '<b>',
      '</b>',
      '<br>',
      '<ul><li>',
      '</ul>',
      '<span>',
      '<blockquote>',
      '</div>',
      '<!-- x -->',
      '<td>',
      '<h1>',
    );
    const words = fc.array(fc.tuple(fc.array(tag, { maxLength: 4 }), fc.stringMatching(/^[a-z]{1,5}$/)), { maxLength: 40 });
    fc.assert(
      fc.property(words, fc.constantFrom('', '<div>'.repeat(400)), (pieces, before) => {
        const html = before + pieces.map(([tags, word]) => `${tags.join('')}${word}`).join('');
        const letters = (text: string) => text.replace(/[^a-z]/g, '');
        expect(letters(htmlToText(html))).toBe(pieces.map(([, word]) => word).join(''));
      }),
      { numRuns: 30 },
    );
  });

  // Each would take minutes, or the whole stack, if one step of the way went through all of it again and again.
  it.each([
    ['10,000 nested elements', `${'<div>'.repeat(10_000)}x${'</div>'.repeat(10_000)}`, 'x'],
    ['200,000 elements that never end', `${'<b>'.repeat(200_000)}x`, 'x'],
    ['50,000, each with an end of another', `${'<b></p>'.repeat(50_000)}x`, 'x'],
    ['10,000 paragraphs without an end tag, after a list', `<ul><li>one</ul>${'<p>x'.repeat(10_000)}`, `- one${'\n\nx'.repeat(10_000)}`],
    ['10,000 nested lists', `${'<ul><li>'.repeat(10_000)}x`, 'x'],
    ['10,000 nested tables', `${'<table><tr><td>'.repeat(10_000)}x`, 'x'],
    ['spaces in preformatted text', `<pre>x${repeated(' ')}y</pre>`, `x${repeated(' ')}y`],
    ['no-break spaces', `<p>x${repeated('&nbsp;')}y</p>`, `x${' '.repeat(repeated('&nbsp;').length / 6)}y`],
    ['openings of tags', repeated('<b '), repeated('<b ')],
    ['openings of comments', repeated('<!--'), repeated('<!--')],
    ['openings of styles', repeated('<style>'), repeated('<style>')],
    ['a name of an attribute', `<p ${repeated('a')} b=c>x`, `<p ${repeated('a')} b=c>x`],
    ['attributes', `<p ${repeated('a=b ')}>x`, 'x'],
    ['openings of quotes', repeated('<a x="'), repeated('<a x="')],
    ['an image of some megabytes', `<p>x<img src="data:image/png;base64,${'A'.repeat(3_000_000)}">y</p>`, 'xy'],
  ])('of %s is made in time', (_, html, text) => {
    expect(htmlToText(html) === text).toBe(true);
  });
});
