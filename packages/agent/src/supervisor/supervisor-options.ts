import { type LimitValues, type Message } from '@org/dte-protocol';
import { type ExecutorPool } from './executor-pool';
import { type HiddenValues } from './hidden-values';
import { type DiskKeeper } from './ports';
import { type RunFiles } from './run-files';
import { type Servers } from './servers';
import { type TaskLog } from './task-log';

export interface SupervisorOptions {
  /** For people. */
  readonly name: string;
  /** --slots; null: what the coordinator says. */
  readonly slots: number | null;
  readonly limits: Pick<LimitValues, 'killMs' | 'restoreConcurrency' | 'timeoutSettleMs'>;
  readonly pool: ExecutorPool;
  readonly runFiles: RunFiles;
  readonly servers: Servers;
  readonly log: TaskLog;
  readonly hidden: HiddenValues;
  /** Omitted: the disk is this agent's alone. */
  readonly disk?: DiskKeeper | undefined;
  /** False when it was refused. */
  send(message: Message): boolean;
  /** Called after each change of what this agent does. */
  onChange(): void;
}
