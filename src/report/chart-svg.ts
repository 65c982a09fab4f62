/**
 * Makes a chart's SVG fit for a page with a strict policy and two themes: no style sheet and no style attribute is left in it, and colours
 * are classes (`fill-created`, `stroke-axis-line`) that the page gives their values. Colours that are no names are left out.
 */
export function styleByClasses(svg: string): string {
  return svg
    .replace(/<style[^>]*>.*?<\/style>/gs, '')
    .replace(/<([a-z]+)((?:\s+[\w:-]+="[^"]*")+)\s*(\/?)>/gi, (_tag, name: string, attributes: string, end: string) => {
      return `<${name}${attributesOf(name, attributes)}${end}>`;
    })
    .replace(/>\s+</g, '><')
    .trim();
}

const NAME = /^[a-z][a-z-]*$/;
const KEPT =
  /^(?:d|x|y|x1|x2|y1|y2|width|height|points|transform|viewBox|id|clip-path|text-anchor|dominant-baseline|stroke-width|stroke-linejoin|stroke-dasharray)$/;

function attributesOf(element: string, attributes: string): string {
  const classes: string[] = [];
  let kept = '';
  for (const [, name = '', value = ''] of attributes.matchAll(/([\w:-]+)="([^"]*)"/g)) {
    if (name === 'fill' || name === 'stroke') {
      if (value === 'none' || (element === 'path' && value === '#000')) kept += ` ${name}="none"`;
      else if (NAME.test(value) && value !== 'transparent') classes.push(`${name}-${value}`);
    } else if (element === 'svg' ? name === 'viewBox' : KEPT.test(name)) kept += ` ${name}="${value}"`;
  }
  // A reader is told what it shows in words: see the caption and the table.
  if (element === 'svg') kept += ' aria-hidden="true" focusable="false"';
  return `${classes.length > 0 ? ` class="${classes.join(' ')}"` : ''}${kept}`;
}
