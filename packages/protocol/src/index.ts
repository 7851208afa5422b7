export {
  type AgentOutput,
  type AgentSync,
  type AgentWanted,
  type Assignment,
  assignmentSchema,
  type BatchMember,
  type ClosureEntry,
  closureEntrySchema,
  type Work,
} from './agent-messages';
export { CLOSE_CODES } from './close-codes';
export {
  type AgentToCoordinator,
  agentToCoordinatorSchema,
  type CoordinatorToAgent,
  coordinatorToAgentSchema,
  type CoordinatorToMain,
  coordinatorToMainSchema,
  decode,
  decodeFirst,
  encode,
  helloAnswerSchema,
  mainToCoordinatorSchema,
  type Message,
} from './codec';
export { DteError, ERROR_CODE_LIST, type ErrorCode, explain } from './errors';
export {
  type Challenge,
  challengeSchema,
  CHANNEL_BINDING_EXPORT,
  type Handshake,
  type Hello,
  helloSchema,
  proofInput,
  type Refusal,
  type Role,
  roleSchema,
  type Signed,
  UNBOUND,
  type Welcome,
  welcomeSchema,
  type WorkspaceIdentity,
  workspaceIdentitySchema,
} from './handshake';
export {
  type CacheAnswer,
  cacheAnswerSchema,
  cacheQuestionSchema,
  checkAnswerSchema,
  DEFAULT_SESSION_SETTINGS,
  DIGEST_HEADER,
  digestHeaderOf,
  type FlakyTask,
  type ForwardedEnv,
  forwardedEnvSchema,
  HTTP,
  recordSchema,
  runAcceptedSchema,
  type SessionRecord,
  type SessionSettings,
  sessionSettingsSchema,
  type SessionStatus,
  sessionStatusSchema,
  sha256OfHeader,
} from './http';
export {
  agentIdSchema,
  hashSchema,
  isStorableHash,
  printable,
  runIdSchema,
  sessionIdSchema,
  taskIdSchema,
} from './ids';
export { type Introduction, introductionOf } from './introduction';
export { type Limit, type LimitName, LIMITS, type LimitValues, readLimits } from './limits';
export {
  type AgentInfo,
  agentInfoSchema,
  errorMessageSchema,
  type MainSync,
  type RunOutput,
  type RunSummary,
  type RunUpdate,
  type SessionInfo,
} from './main-messages';
export {
  addressOf,
  type CoordinatorAddress,
  NO_ADDRESS,
  type Rendezvous,
  type RendezvousRecord,
  rendezvousRecordSchema,
  type RendezvousReport,
  rendezvousReportSchema,
} from './rendezvous';
export {
  type AgentRef,
  type AttemptResult,
  attemptResultSchema,
  type BatchResult,
  type Drift,
  type EndedEntry,
  type EndedStatus,
  type FinishedAttempt,
  type Measured,
  type Reason,
  reasonSchema,
  type RunLogEntry,
  runLogEntrySchema,
  type ServerReport,
} from './result';
export { SECRET_VARIABLES, type SecretVariable } from './secret-variables';
export {
  type Artifact,
  artifactSchema,
  type NxTaskJson,
  type OnHashMismatch,
  onHashMismatchSchema,
  type Placement,
  type RunOn,
  type RunSpec,
  runSpecSchema,
  type TaskEdge,
  type TaskSpec,
} from './task';
export { PROTOCOL_VERSION } from './version';
export { duration, plural } from './words';
