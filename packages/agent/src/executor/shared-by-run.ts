import { dirname, join } from 'node:path';
import { type LimitValues } from '@org/dte-protocol';
import { type OutputsPort } from '@org/dte-client';
import { OutputSharing, SharedOutputs } from '../shared-outputs';
import { type RunMessage } from './ipc';
import { type Run } from './run-cache';

interface SharedByRunOptions {
  readonly workspaceRoot: string;
  readonly outputs: OutputsPort;
  readonly limits: LimitValues;
}

/** The shared outputs of each run that an executor works for; all executors of its agent know what each has left. */
export class SharedByRun {
  private readonly known = new WeakMap<Run, SharedOutputs>();

  constructor(private readonly options: SharedByRunOptions) {}

  /** The file with the run's spec is what all executors of an agent have in common, unless they share the disk with others. */
  of(run: Run, { specFile, sharedFolder }: Pick<RunMessage, 'specFile' | 'sharedFolder'>): SharedOutputs {
    const known = this.known.get(run);
    if (known !== undefined) return known;
    const tasks = run.spec.tasks.map(({ id, nxTask, dependencies, continuousDependencies }) => ({
      id,
      outputs: nxTask.outputs,
      dependencies: dependencies.map((edge) => edge.id),
      servers: continuousDependencies.map((edge) => edge.id),
    }));
    const shared = new SharedOutputs({
      workspaceRoot: this.options.workspaceRoot,
      port: this.options.outputs,
      sharing: new OutputSharing(tasks),
      folder: sharedFolder ?? join(dirname(specFile), `shared-${run.spec.runId}`),
      waitMs: this.options.limits.sharedOutputsMs,
    });
    this.known.set(run, shared);
    return shared;
  }
}
