import { declaredOutputs, listOutputs, removeOutputs } from '@org/dte-nx-compat';
import { type OutputsPort } from './ports';

/** Finds and removes outputs with the Nx of a workspace. */
export const nxOutputs = (workspaceRoot: string): OutputsPort => ({
  list: (outputs) => listOutputs(workspaceRoot, outputs),
  remove: (outputs, how) => removeOutputs(workspaceRoot, outputs, how),
  covers: (outputs) => declaredOutputs(workspaceRoot, outputs),
});
