/** Text for an element or an attribute. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Read aloud. */
  readonly says: string;
}

/** An SVG that is legible on light and dark pages. Classes: `t` text, `m` muted text, `a` ours, `b` others, `w` a whisker, `g` a grid line, `r` refusals. */
export function svg({ width, height, says }: Frame, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(says)}">`,
    `<style>${STYLE}</style>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

const STYLE =
  'text{font:13px system-ui,sans-serif;fill:#1f2328}.m{fill:#59636e}.h{font-weight:600}.a{fill:#0969da}.b{fill:#afb8c1}.w{stroke:#1f2328;stroke-width:1.5}.g{stroke:#d1d9e0}' +
  '.l{stroke:#0969da;stroke-width:2;fill:none}.r{stroke:#cf222e;stroke-width:1.5;fill:none}' +
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9198a1}.a{fill:#4493f8}.b{fill:#656c76}.w{stroke:#e6edf3}.g{stroke:#3d444d}.l{stroke:#4493f8}.r{stroke:#f85149}}';
