import type { SessionSettings } from '@org/dte-protocol';
import type { Config } from './schema';

/** The part of the configuration that a session's coordinator is told. */
export const settingsOf = ({
  stopAgentsAfter,
  stopAgentsOnFailure,
  requireExplicitCompletion,
}: Config): SessionSettings => ({ stopAgentsAfter, stopAgentsOnFailure, requireExplicitCompletion });
