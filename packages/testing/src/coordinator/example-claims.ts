import { type LimitValues, readLimits } from '@org/dte-protocol';
import { type HelloClaims } from '@org/dte-client';

export const exampleClaims: HelloClaims = {
  role: 'agent',
  sessionId: 'session',
  clientId: 'agent-1',
  name: 'an agent',
  jobUrl: null,
  slots: null,
  labels: [],
  identity: { commit: null, nxVersion: '23.2.1', nodeVersion: '20.0.0', platform: 'linux-x64' },
};

/** Defaults with short waits. */
export const testLimits = (change: Partial<LimitValues> = {}): LimitValues => ({
  ...readLimits({}).limits,
  reconnectMinMs: 5,
  reconnectMaxMs: 20,
  killMs: 1_000,
  coordinatorGraceMs: 500,
  ...change,
});
