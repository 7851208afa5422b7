const LINE_CHARS = 300;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Registries that have no audit answer with an error, an HTML page or nothing at all, and npm writes each in another way. */
const notAudited = (why) => ({
  verdict: 'not audited',
  lines: [
    `The registry offers no audit: ${why.replace(/\s+/g, ' ').trim().slice(0, LINE_CHARS) || 'no answer'}`,
  ],
});

/**
 * What `npm audit --json` has found. Only a report of npm's that names its totals is one; a missing report is never taken for a
 * clean one.
 * @param {{ stdout: string | null, stderr: string | null, status: number | null }} result
 * @returns {{ verdict: 'clean' | 'vulnerable' | 'not audited', lines: string[] }}
 */
export function auditOutcome({ stdout, stderr, status }) {
  const report = parsed(stdout ?? '');
  const total = report?.metadata?.vulnerabilities?.total;
  if (report?.error !== undefined || typeof total !== 'number') {
    const { summary, detail, code } = report?.error ?? {};
    return notAudited(summary || detail || code || report?.message || stderr || `npm ended with ${status}`);
  }
  // npm counts nothing when the request failed and it went on; it says so on stderr.
  if (total === 0 && /audit endpoint returned an error/i.test(stderr ?? '')) return notAudited(stderr);
  if (total === 0) return { verdict: 'clean', lines: [] };
  const lines = Object.values(report.vulnerabilities ?? {}).map(({ name, severity, range, via }) =>
    `${name} ${range} (${severity}): ${via.map((each) => each.title ?? each).join(', ')}`.slice(
      0,
      LINE_CHARS,
    ),
  );
  return { verdict: 'vulnerable', lines };
}
