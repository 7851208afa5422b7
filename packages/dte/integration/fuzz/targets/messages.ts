import {
  agentToCoordinatorSchema,
  cacheAnswerSchema,
  cacheQuestionSchema,
  challengeSchema,
  checkAnswerSchema,
  coordinatorToAgentSchema,
  coordinatorToMainSchema,
  decode,
  decodeFirst,
  forwardedEnvSchema,
  helloAnswerSchema,
  helloSchema,
  mainToCoordinatorSchema,
  recordSchema,
  rendezvousRecordSchema,
  rendezvousReportSchema,
  runAcceptedSchema,
  runSpecSchema,
  sessionSettingsSchema,
  sessionStatusSchema,
  viewLinkSchema,
} from '@org/dte-protocol';
import { forwardedEventsSchema } from '@org/dte-report';
import type { z } from 'zod';
import { expectForeseen } from '../expect-error';
import { Examples } from '../from-schema';
import { broken, randomBytes } from '../hostile';
import { mustHold, type Random, type Running, type Target } from '../target';

/** Every schema of something that one process says to another. */
const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  agentToCoordinator: agentToCoordinatorSchema,
  mainToCoordinator: mainToCoordinatorSchema,
  coordinatorToAgent: coordinatorToAgentSchema,
  coordinatorToMain: coordinatorToMainSchema,
  runSpec: runSpecSchema,
  sessionSettings: sessionSettingsSchema,
  sessionStatus: sessionStatusSchema,
  record: recordSchema,
  forwardedEnv: forwardedEnvSchema,
  forwardedEvents: forwardedEventsSchema,
  viewLink: viewLinkSchema,
  cacheQuestion: cacheQuestionSchema,
  cacheAnswer: cacheAnswerSchema,
  checkAnswer: checkAnswerSchema,
  runAccepted: runAcceptedSchema,
  rendezvousRecord: rendezvousRecordSchema,
  rendezvousReport: rendezvousReportSchema,
};
/** Those of the first frame, which are parsed by `decodeFirst`. */
const FIRST: Readonly<Record<string, z.ZodType>> = {
  hello: helloSchema,
  challenge: challengeSchema,
  helloAnswer: helloAnswerSchema,
};

const CODES = ['DTE_FRAME_TOO_LARGE', 'DTE_MALFORMED_MESSAGE', 'DTE_PROTOCOL_VERSION'] as const;

/** Objects whose prototype is neither that of an object nor that of an array: somebody has set it from outside. */
function strangePrototypes(value: unknown): number {
  let found = 0;
  const waiting = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const prototype: unknown = Object.getPrototypeOf(next);
    if (![Object.prototype, Array.prototype, null].includes(prototype as null)) found += 1;
    waiting.push(...(Object.values(next) as unknown[]));
  }
  return found;
}

function expectClean(value: unknown, again: () => unknown): void {
  mustHold(strangePrototypes(value) === 0, () => 'A parsed message has a prototype of its own.');
  mustHold(!('polluted' in {}), () => 'Object.prototype was changed.');
  mustHold(
    JSON.stringify(again()) === JSON.stringify(value),
    () => 'What was parsed is not what is encoded.',
  );
}

function textOf(random: Random, examples: Examples): string {
  if (random.chance(0.05)) return randomBytes(random, 300).toString('utf8');
  const text = examples.text(random);
  return random.chance(0.03) ? broken(random, text) : text;
}

/** The codec: each schema with structured, mutated and broken texts. */
export const messages: Target = {
  name: 'messages',
  share: 500,
  caseMs: 60_000,
  open(): Promise<Running> {
    const parsers = Object.entries({ ...SCHEMAS, ...FIRST }).map(([name, schema]) => {
      const parse = (text: string): unknown => (name in FIRST ? decodeFirst : decode)(schema, text);
      return { name, parse, examples: new Examples(schema) };
    });
    return Promise.resolve({
      attempt(random, note) {
        const { name, parse, examples } = random.pick(parsers);
        const text = textOf(random, examples);
        note(`${name}: ${text}`);
        let value: unknown;
        try {
          value = parse(text);
        } catch (thrown) {
          expectForeseen(thrown, CODES);
          return;
        }
        expectClean(value, () => parse(JSON.stringify(value)));
      },
    });
  },
};
