import pc from 'picocolors';
import type { Finding } from './finding';
import type { Place } from './place';

const MARKS = { ok: pc.green('✔'), note: pc.yellow('●'), stop: pc.red('✘') } as const;

const GOOD: Readonly<Record<Place, string>> = {
  job: 'Ready: nx commands of this workspace are distributed.',
  laptop: 'Set up. On this machine, nx works as without dte; distribution begins in CI.',
};

/** Findings as text, with a verdict at the end. */
export function renderFindings(findings: readonly Finding[], place: Place): string {
  const lines = findings.flatMap(({ level, text, cure }) => [
    `  ${MARKS[level]} ${text}`,
    ...(cure === undefined ? [] : [`      ${pc.dim('→')} ${cure}`]),
  ]);
  const stops = findings.filter(({ level }) => level === 'stop').length;
  const verdict =
    stops === 0
      ? pc.green(GOOD[place])
      : pc.red(`Not distributed: ${stops} ${stops === 1 ? 'problem' : 'problems'} to fix.`);
  return [...lines, '', verdict].join('\n');
}
