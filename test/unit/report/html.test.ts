import { describe, expect, test } from 'vitest';
import { commandLine, dataUrl, html } from '../../../src/report/html.js';

describe('markup with values in it', () => {
  test('ends no quoted attribute and begins no element with a value', () => {
    const value = `"'\`<>&`;
    expect(html`<a title="${value}">${value}</a>`.markup.match(/["'`<>]/g)?.join('')).toBe('<""><>');
  });

  test('takes out what deceives: control, bidi and invisible characters', () => {
    expect(html`<p>${'a\u202eb\u0000c\u200bd\u001b[1m'}</p>`.markup).toBe('<p>abcd[1m</p>');
  });

  test('keeps a command as it is, and shows what can’t be seen in it by its number', () => {
    expect(commandLine("import 'a  b\u202e\n'").markup).toBe('<span>import</span> <span>&#39;a</span>  <span>b\\u{202e}\\u{a}&#39;</span>');
  });

  test('holds any content in a URL', () => {
    const { markup } = dataUrl('text/csv', 'a,"b"\n<\ud800>');
    expect(markup).not.toMatch(/["<>\s]/);
    expect(decodeURIComponent(markup)).toBe('data:text/csv,a,"b"\n<\ufffd>');
  });
});
