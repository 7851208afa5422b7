import { type ErrorCode, LIMITS, type LimitName, type LimitValues, type Reason } from '@org/dte-protocol';

/** Longest text of a line that somebody else has made: it is cut, and nothing refused. */
const TEXT_CHARS = 500;

/** Their messages quote what a process printed: the log of the agent has that, where GitLab masks its variables. */
const QUOTING: readonly ErrorCode[] = [
  'DTE_EXECUTOR_START',
  'DTE_MACHINE_TROUBLE',
  'DTE_NX_FAILED',
  'DTE_SERVER_FAILED',
];

/** Flags whose values say which tasks a command means. Any other may be handed to the tasks, a password among them. */
const PLAIN_FLAGS = new Set(
  [
    '-t --target --targets -p --projects --exclude -c --configuration',
    '--base --head --parallel --nxBail --skipNxCache --skip-nx-cache --all',
  ].flatMap((flags) => flags.split(' ')),
);

/** Code and reason as a log may have them: the first line, which never is terminal output. */
export function shownReason({ code, message }: Reason): { code: ErrorCode; reason?: string } {
  if (QUOTING.includes(code)) return { code };
  return { code, reason: (message.split('\n')[0] ?? '').slice(0, TEXT_CHARS) };
}

/** A command without the values of flags that may hold anything. */
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

/** The limits that somebody has set. */
export const changedLimits = (limits: LimitValues): Partial<LimitValues> =>
  Object.fromEntries(
    Object.entries(limits).filter(([name, value]) => LIMITS[name as LimitName].value !== value),
  );
