import { declaredOutputs, listOutputs, removeOutputs } from '@org/dte-nx-compat';
import { type OutputsPort } from './ports';

/** Outputs as the Nx of a workspace finds and removes them. */
export const nxOutputs = (workspaceRoot: string): OutputsPort => ({
  list: (outputs) => listOutputs(workspaceRoot, outputs),
  remove: (outputs, behindLinks) => removeOutputs(workspaceRoot, outputs, behindLinks),
  covers: (outputs) => declaredOutputs(workspaceRoot, outputs),
});
