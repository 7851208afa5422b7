import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { agentOutputSchema, agentSyncSchema, agentWantedSchema } from './agent-messages';
import {
  agentToCoordinatorSchema,
  cacheAnswerSchema,
  cacheQuestionSchema,
  directUploadAnswerSchema,
  directUploadSchema,
  challengeSchema,
  coordinatorToAgentSchema,
  coordinatorToMainSchema,
  decode,
  errorMessageSchema,
  forwardedEnvSchema,
  helloAnswerSchema,
  helloSchema,
  mainToCoordinatorSchema,
  recordSchema,
  rendezvousRecordSchema,
  rendezvousReportSchema,
  runAcceptedSchema,
  runSpecSchema,
  sessionCompletionSchema,
  sessionSettingsSchema,
  sessionStatusSchema,
  welcomeSchema,
} from './index';
import { mainSyncSchema, runOutputSchema, runUpdateSchema, sessionInfoSchema } from './main-messages';

const folder = join(__dirname, '..', 'golden');

/** Each message, and every schema that accepts it. */
const SCHEMAS: Record<string, z.ZodType[]> = {
  challenge: [challengeSchema],
  'challenge.tls': [challengeSchema],
  hello: [helloSchema],
  'hello.id-token': [helloSchema],
  'hello.reconnect': [helloSchema],
  'hello.only-run': [helloSchema],
  'agent.wanted.outputs': [agentWantedSchema],
  'agent.wanted.ahead': [agentWantedSchema, coordinatorToAgentSchema],
  'agent.wanted.retry': [agentWantedSchema, coordinatorToAgentSchema],
  'run.update.failed-attempt': [runUpdateSchema, coordinatorToMainSchema],
  'run.update.measured': [runUpdateSchema, coordinatorToMainSchema],
  'agent.sync.measured': [agentSyncSchema, agentToCoordinatorSchema],
  'run.update.failed-batch': [runUpdateSchema, coordinatorToMainSchema],
  'run-spec.retries': [runSpecSchema],
  'run-spec.second-start': [runSpecSchema],
  'run.update.second-start': [runUpdateSchema, coordinatorToMainSchema],
  'session-status.flaky': [sessionStatusSchema],
  'hello.lockfiles': [helloSchema],
  'hello.folder': [helloSchema],
  welcome: [welcomeSchema, helloAnswerSchema],
  'welcome.id-token': [welcomeSchema, helloAnswerSchema],
  'error.proven': [helloAnswerSchema],
  error: [errorMessageSchema, helloAnswerSchema, coordinatorToAgentSchema, coordinatorToMainSchema],
  'agent.sync': [agentSyncSchema, agentToCoordinatorSchema],
  'agent.sync.drift': [agentSyncSchema, agentToCoordinatorSchema],
  'agent.sync.batch': [agentSyncSchema, agentToCoordinatorSchema],
  'agent.output': [agentOutputSchema, agentToCoordinatorSchema],
  'agent.wanted': [agentWantedSchema, coordinatorToAgentSchema],
  'agent.wanted.batch': [agentWantedSchema, coordinatorToAgentSchema],
  'main.sync': [mainSyncSchema, mainToCoordinatorSchema],
  'run.update': [runUpdateSchema, coordinatorToMainSchema],
  'run.update.servers': [runUpdateSchema, coordinatorToMainSchema],
  'run.update.batch': [runUpdateSchema, coordinatorToMainSchema],
  'run.output': [runOutputSchema, coordinatorToMainSchema],
  'session.info.labels': [sessionInfoSchema, coordinatorToMainSchema],
  'session.info': [sessionInfoSchema, coordinatorToMainSchema],
  'run-spec.placements': [runSpecSchema],
  'run-spec': [runSpecSchema],
  'run-spec.servers': [runSpecSchema],
  'run-spec.task-timeout': [runSpecSchema],
  'run-spec.terminal-apart': [runSpecSchema],
  'run-spec.drift': [runSpecSchema],
  'forwarded-env': [forwardedEnvSchema],
  'run-spec.batch': [runSpecSchema],
  'run-accepted': [runAcceptedSchema],
  'run-accepted.expected': [runAcceptedSchema],
  'cache-question': [cacheQuestionSchema],
  'cache-answer': [cacheAnswerSchema],
  'cache-answer.sizes': [cacheAnswerSchema],
  'cache-answer.origins': [cacheAnswerSchema],
  'cache-question.origins': [cacheQuestionSchema],
  'cache-question.sizes': [cacheQuestionSchema],
  'direct-upload': [directUploadSchema],
  'direct-upload-answer': [directUploadAnswerSchema],
  'direct-upload-answer.here': [directUploadAnswerSchema],
  'session-completion': [sessionCompletionSchema],
  'session-settings': [sessionSettingsSchema],
  'session-settings.opened-by': [sessionSettingsSchema],
  'session-settings.release-early': [sessionSettingsSchema],
  'session-record': [recordSchema],
  'session-status.labels': [sessionStatusSchema],
  'session-status': [sessionStatusSchema],
  'rendezvous-record': [rendezvousRecordSchema],
  'rendezvous-record.finished': [rendezvousRecordSchema],
  'rendezvous-record.given-up': [rendezvousRecordSchema],
  'rendezvous-record.pinned': [rendezvousRecordSchema],
  'rendezvous-report': [rendezvousReportSchema],
};

const textOf = (file: string): string => readFileSync(join(folder, file), 'utf8');
const nameOf = (file: string): string => file.replace(/\.v[0-9]+\.json$/, '');
const files = readdirSync(folder).sort();

describe('golden messages', () => {
  it('exist for every message', () => {
    expect([...new Set(files.map(nameOf))].sort()).toEqual(Object.keys(SCHEMAS).sort());
  });

  it.each(files)('%s is still accepted, and nothing of it is lost', (file) => {
    const text = textOf(file);
    for (const schema of SCHEMAS[nameOf(file)] ?? []) expect(decode(schema, text)).toEqual(JSON.parse(text));
  });

  const objects = files.filter((file) => !file.startsWith('run-spec'));
  it.each(objects)('%s with an unknown field is rejected', (file) => {
    const text = JSON.stringify({ ...(JSON.parse(textOf(file)) as object), surprise: 1 });
    for (const schema of SCHEMAS[nameOf(file)] ?? []) expect(() => decode(schema, text)).toThrow(/surprise/);
  });
});
