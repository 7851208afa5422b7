import pc from 'picocolors';
import type { Finding } from './finding';

const MARKS = { ok: pc.green('✔'), note: pc.yellow('●'), stop: pc.red('✘') } as const;

/** Findings as text, with a verdict at the end. */
export function renderFindings(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ level, text, cure }) => [
    `  ${MARKS[level]} ${text}`,
    ...(cure === undefined ? [] : [`      ${pc.dim('→')} ${cure}`]),
  ]);
  const stops = findings.filter(({ level }) => level === 'stop').length;
  const verdict =
    stops === 0
      ? pc.green('Ready: nx commands of this workspace are distributed.')
      : pc.red(`Not distributed: ${stops} ${stops === 1 ? 'problem' : 'problems'} to fix.`);
  return [...lines, '', verdict].join('\n');
}
