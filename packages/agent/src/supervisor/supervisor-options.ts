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
  readonly pool: Pick<ExecutorPool, 'slots' | 'idle' | 'kill' | 'release' | 'resize' | 'send' | 'take'>;
  readonly runFiles: Pick<RunFiles, 'get'>;
  readonly servers: Pick<Servers, 'bring' | 'complete' | 'release' | 'stopIdle'>;
  readonly log: Pick<TaskLog, 'ended' | 'output' | 'started' | 'stopped'>;
  readonly hidden: Pick<HiddenValues, 'inResult'>;
  /** Omitted: the disk is this agent's alone. */
  readonly disk?: DiskKeeper | undefined;
  /** False if it was refused. */
  send(message: Message): boolean;
  /** Called after each change of this agent's work. */
  onChange(): void;
}
