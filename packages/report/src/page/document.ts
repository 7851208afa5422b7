import { escaped } from '../text/html';
import { pageBundle } from './bundle';

/** The tab's icon: a square in the colour of the result, and a shape that says the same. */
const ICONS = {
  ok: ['#1a7f5a', 'M4 8.5l3 3 5-6'],
  failed: ['#c8401a', 'M5 5l6 6M11 5l-6 6'],
  neutral: ['#3566c2', 'M5 8h6'],
} as const;

function icon(kind: keyof typeof ICONS): string {
  const [colour, path] = ICONS[kind];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="${colour}"/><path d="${path}" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/**
 * What a page may do: run its own script, use its own style, and nothing else. `connect`: sources that it may ask; a page that is
 * a file has none.
 */
export function policyOf(connect: string | null): string {
  const { scriptHash, styleHash } = pageBundle();
  return [
    "default-src 'none'",
    `script-src '${scriptHash}'`,
    `style-src '${styleHash}'`,
    'img-src data:',
    ...(connect === null ? [] : [`connect-src ${connect}`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

interface Page {
  readonly title: string;
  readonly icon: keyof typeof ICONS;
  readonly policy: string;
  /** HTML that is shown until the script has started, and instead of it. */
  readonly body: string;
  /** What the script reads: an element of its own, whose text is no script. */
  readonly data: { readonly id: string; readonly text: string };
}

/** The text of the data must not contain `<`. */
export function documentOf({ title, icon: kind, policy, body, data }: Page): string {
  const { script, style } = pageBundle();
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escaped(title)}</title>
<link rel="icon" href="${icon(kind)}">
<style>${style}</style>
</head>
<body>
<div id="app">${body}</div>
<script type="text/plain" id="${data.id}">${data.text}</script>
<script>${script}</script>
</body>
</html>
`;
}
