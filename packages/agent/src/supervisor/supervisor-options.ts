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
  /** --slots; null: decided by the coordinator. */
  readonly slots: number | null;
  readonly limits: Pick<LimitValues, 'killMs' | 'restoreConcurrency' | 'timeoutSettleMs'>;
  readonly pool: ExecutorPool;
  readonly runFiles: RunFiles;
  readonly servers: Servers;
  readonly log: TaskLog;
  readonly hidden: HiddenValues;
  /** Omitted: only this agent uses the disk. */
  readonly disk?: DiskKeeper | undefined;
  /** False if it was refused. */
  send(message: Message): boolean;
  /** Called after each change of this agent's work. */
  onChange(): void;
}
