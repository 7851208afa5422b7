import { createHash } from 'node:crypto';
import { livePage, livePagePolicy } from '@org/dte-report';

/** A page as it is sent: its text, and the policy that permits exactly its own scripts. */
export interface Page {
  readonly html: string;
  readonly policy: string;
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const SCRIPT = /<script>([\s\S]*?)<\/script>/g;
/** Nobody shows a page of ours in a frame of his own. A policy in the page itself cannot say so. */
const NO_FRAMES = "frame-ancestors 'none'";

/** For a text that is part of this file: everything in it that looks like a script is one of ours. */
function pageOf(html: string): Page {
  const scripts = [...html.matchAll(SCRIPT)].map(([, script = '']) => hashOf(script));
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.length === 0 ? "'none'" : scripts.join(' ')}`,
    `style-src ${hashOf(STYLE)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    NO_FRAMES,
  ].join('; ');
  return { html, policy };
}

const STYLE =
  ':root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}';

/** The report of a session while it runs. */
export const reportPage = (urls: Parameters<typeof livePage>[0]): Page => ({
  html: livePage(urls),
  policy: `${livePagePolicy()}; ${NO_FRAMES}`,
});

const document = (body: string, script: string): Page =>
  pageOf(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Live report</title>
<style>${STYLE}</style>
<main>
<h1>Live report</h1>
${body}
</main>
${script === '' ? '' : `<script>${script}</script>`}
</html>
`);

/**
 * Exchanges the credential in the fragment of the address, which browsers send to nobody, for a cookie, and removes it from the
 * address at once.
 */
const ENTER = `
const say = (text) => { document.getElementById('say').textContent = text; };
const token = location.hash.slice(1);
const page = location.pathname.replace(/[^/]*$/, '');
history.replaceState(null, '', location.pathname);
if (token === '') say('To see this report, open the link in the log of the main job of the pipeline.');
else fetch(page + 'enter', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ token }),
  credentials: 'same-origin',
}).then((answer) => {
  if (answer.ok) location.replace(page);
  else say('This link is not valid, or not valid any more. A newer one is in the log of the main job.');
}, () => say('The coordinator does not answer.'));
`;

const SIGN_IN = '<p><a href="sign-in">Sign in with GitLab</a></p>';

/** What somebody sees who may not see the report, or not yet. The same whether there is such a session or not. */
export const enterPage = (canSignIn: boolean): Page =>
  document(
    `<p id="say" role="status">Opening the report…</p>
<noscript><p>This page needs JavaScript.</p></noscript>
${canSignIn ? SIGN_IN : ''}`,
    ENTER,
  );

/** What people see who know the address of the coordinator only. */
export const HOME_PAGE: Page = document(
  '<p>This is a coordinator of dte. The log of the main job of a pipeline has a link to its report.</p>',
  '',
);

/** A page from which the browser goes on to the report by itself: only then does it send cookies that came with this page. */
export const forwardPage = (path: string): Page =>
  document(`<p><a href="${path}">To the report</a></p>`, `location.replace(${JSON.stringify(path)});`);

/** Why somebody may not see it. */
export const refusedPage = (message: string): Page => document(`<p>${escape(message)}</p>`, '');

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string): string => text.replace(/[&<>"]/g, (each) => ENTITIES[each] ?? each);
