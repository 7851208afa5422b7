// Draws docs/images/demo.svg from the log of a real `npm run demo`:
//
//   npm run demo | tee tmp/demo.log; node tools/demo-picture.mjs tmp/demo.log
//
// The picture has the chart of the slots and the comparison, in the colours of the reader's scheme, light or dark.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './lib/packages.mjs';

const PICTURE = join(root, 'docs', 'images', 'demo.svg');

/** Sizes of the picture, in its own units. */
const WIDTH = 960;
const MARGIN = 24;
const LABEL = 120;
const ROW = 18;
const BAR = 12;
/** Room at the right of a bar for how long it took. */
const TIME = 84;

/** Shades of the demo's chart, and how they look here. */
const SHADES = { '▒': 'build', '▓': 'lint', '░': 'test', '█': 'e2e' };
const NAMES = { build: 'build', lint: 'lint', test: 'test', e2e: 'e2e-ci, split by file' };

const STYLE = `
  text { font: 13px ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
  .head { font-weight: 600; font-size: 15px } .dim { fill: #656d76 } .good { fill: #1a7f37; font-weight: 600 } .end { text-anchor: end }
  .paper { fill: #ffffff; stroke: #d0d7de } .idle { fill: #eaeef2 }
  .build { fill: #0969da } .lint { fill: #bf8700 } .test { fill: #2da44e } .e2e { fill: #8250df }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .dim { fill: #8d96a0 } .good { fill: #3fb950 }
    .paper { fill: #0d1117; stroke: #30363d } .idle { fill: #21262d }
    .build { fill: #4493f8 } .lint { fill: #d29922 } .test { fill: #3fb950 } .e2e { fill: #ab7df8 }
  }`;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x, y, words, kind = '') => `<text x="${x}" y="${y}" class="${kind}">${escaped(words)}</text>`;
const rect = (x, y, width, kind) =>
  `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" class="${kind}"/>`;

/** Lines between a heading of the demo and the next one, without colours. */
function section(log, title) {
  // eslint-disable-next-line no-control-regex -- escape sequences are what is removed
  const lines = log.replaceAll(/\u001b\[[0-9;]*m/g, '').split('\n');
  const start = lines.findIndex((line) => line.replaceAll(/[^\w ]/g, '').trim() === title);
  if (start === -1) throw new Error(`The log has no section "${title}": is it that of npm run demo?`);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^(──|━━|==|--)/.test(line));
  return end === -1 ? rest : rest.slice(0, end);
}

/** Pieces of equal shade. */
function pieces(bar) {
  return [...bar.matchAll(/(.)\1*/gu)].map(({ 0: run, 1: shade, index }) => ({
    kind: SHADES[shade] ?? null,
    from: index,
    length: run.length,
  }));
}

function drawChart(lines, top) {
  const rows = lines.flatMap((line) => {
    const [, label, bar, time] = /^(.{13})([▒▓░█·]+)│ ?(.*)$/u.exec(line) ?? [];
    return bar === undefined ? [] : [{ label: label.trim(), bar, time }];
  });
  const longest = Math.max(...rows.map(({ bar }) => bar.length));
  const unit = (WIDTH - 2 * MARGIN - LABEL - TIME) / longest;
  const left = MARGIN + LABEL;
  let y = top;
  const parts = rows.flatMap(({ label, bar, time }, index) => {
    if (index > 0 && label !== '') y += label === 'one machine' ? ROW : 4;
    const found = [
      rect(left, y, bar.length * unit, 'idle'),
      ...pieces(bar)
        .filter(({ kind }) => kind !== null)
        .map(({ kind, from, length }) => rect(left + from * unit, y, length * unit, kind)),
    ];
    if (label !== '') found.push(text(MARGIN, y + BAR - 1, label));
    if (time !== '') found.push(text(left + bar.length * unit + 8, y + BAR - 1, time, 'head'));
    y += ROW;
    return found;
  });
  y += 10;
  let x = left;
  for (const [kind, name] of [...Object.entries(NAMES), ['idle', 'idle']]) {
    parts.push(rect(x, y, BAR, kind), text(x + BAR + 6, y + BAR - 1, name, 'dim'));
    x += 60 + name.length * 7;
  }
  return { parts, bottom: y + ROW };
}

function drawComparison(lines, top) {
  const columns = [MARGIN, MARGIN + LABEL + 180, MARGIN + LABEL + 380, MARGIN + LABEL + 410];
  let y = top;
  const parts = lines.flatMap((line, index) => {
    const cells = line.trim().split(/ {2,}/);
    const [what, alone, agents, verdict = ''] = index === 0 ? ['', ...cells] : cells;
    y += ROW + 4;
    return [
      text(columns[0], y, what, 'dim'),
      text(columns[1], y, alone, index === 0 ? 'dim end' : 'end'),
      text(columns[2], y, agents, index === 0 ? 'dim end' : 'end'),
      text(columns[3], y, verdict, 'good'),
    ];
  });
  return { parts, bottom: y };
}

function draw(log) {
  const chart = drawChart(section(log, 'what ran when'), MARGIN + 40);
  const rows = section(log, 'distributed and on one machine')
    .filter((line) => line.trim() !== '')
    .slice(0, 5);
  const comparison = drawComparison(rows, chart.bottom + 4);
  const height = comparison.bottom + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>npm run demo: what ran when, on three agents and on one machine</title>
<style>${STYLE}
</style>
<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8" class="paper"/>
${text(MARGIN, MARGIN + 14, 'nx affected -t lint,test,build,e2e-ci, on three agents and on one machine', 'head')}
${[...chart.parts, ...comparison.parts].join('\n')}
</svg>
`;
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Usage: node tools/demo-picture.mjs <log of npm run demo>');
mkdirSync(dirname(PICTURE), { recursive: true });
writeFileSync(PICTURE, draw(readFileSync(file, 'utf8')));
console.log('docs/images/demo.svg is written.');
