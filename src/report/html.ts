import { cleanLine } from './public-message.js';

/** Markup that is safe to stand in the page as it is. */
export class Html {
  constructor(readonly markup: string) {}
}

type Part = string | number | Html | readonly Html[] | null;

/**
 * Markup with values in it: a text is cleaned of control, bidi and invisible characters and escaped, so that it is nothing but text, in an
 * element and in a quoted attribute alike. null is nothing.
 */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(literals.reduce((markup, literal, i) => `${markup}${markupOf(parts[i - 1] ?? null)}${literal}`));
}

/** A command to be copied: white space stays, what can't be seen is shown by its number. Each word is an element, so that lines break between them. */
export function commandLine(command: string): Html {
  const visible = command.replace(INVISIBLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  return new Html(visible.replace(/[^ ]+/g, (word) => `<span>${escapeHtml(word)}</span>`));
}

/** A URL that holds its content: for `href`. */
export function dataUrl(type: string, content: string): Html {
  return new Html(`data:${type},${encodeURIComponent(content.toWellFormed())}`);
}

function markupOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(({ markup }) => markup).join('');
  return escapeHtml(cleanLine(String(part)));
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u115f\u1160\u3164\uffa0]|\u034f/gu;
