import { type ErrorCode, LIMITS, type LimitName, type LimitValues, type Reason } from '@org/dte-protocol';

/** Longest text from others in a log line: longer text is cut, nothing is rejected. */
const TEXT_CHARS = 500;

/** Their messages quote output of a process. The log of the agent has it, where GitLab masks its variables. */
const QUOTING: readonly ErrorCode[] = [
  'DTE_EXECUTOR_START',
  'DTE_MACHINE_TROUBLE',
  'DTE_NX_FAILED',
  'DTE_SERVER_FAILED',
];

/** Flags whose values select tasks. Any other flag may be passed to the tasks, and may contain a password. */
const PLAIN_FLAGS = new Set(
  [
    '-t --target --targets -p --projects --exclude -c --configuration',
    '--base --head --parallel --nxBail --skipNxCache --skip-nx-cache --all',
  ].flatMap((flags) => flags.split(' ')),
);

/** Code and reason as a log may show them: the first line, which is never terminal output. */
export function shownReason({ code, message }: Reason): { code: ErrorCode; reason?: string } {
  if (QUOTING.includes(code)) return { code };
  return { code, reason: (message.split('\n')[0] ?? '').slice(0, TEXT_CHARS) };
}

/** A command without the values of flags that may contain anything. */
export function shownCommand(command: string): string {
  let hide = false;
  const words = command.split(' ').map((word) => {
    if (!word.startsWith('-')) return hide ? '…' : word;
    const [flag = '', value] = word.split(/=(.*)/s);
    hide = !PLAIN_FLAGS.has(flag);
    return hide && value !== undefined ? `${flag}=…` : word;
  });
  return words.join(' ').slice(0, TEXT_CHARS);
}

/** The limits that were changed. */
export const changedLimits = (limits: LimitValues): Partial<LimitValues> =>
  Object.fromEntries(
    Object.entries(limits).filter(([name, value]) => LIMITS[name as LimitName].value !== value),
  );
