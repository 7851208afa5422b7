import { LIMITS } from '@org/dte-protocol';
import { z } from './zod';

/** Parsers for values that arrive as text (flags, environment) or as JSON (nx.json). */

/** A whole number from `min` to `max`. */
export const wholeNumber = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,15}$/)
          .transform(Number),
      ],
      'expected a whole number',
    )
    .pipe(
      z
        .int('expected a whole number')
        .min(min, `expected ${min} or more`)
        .max(max, `expected ${max} or less`),
    );

const TRUE_WORDS = ['true', '1', 'yes'];
const FALSE_WORDS = ['false', '0', 'no'];

/** `true` or `false`; in text also 1/0 and yes/no. */
export const yesOrNo = () =>
  z.union(
    [
      z.boolean(),
      z
        .string()
        .toLowerCase()
        .pipe(z.enum([...TRUE_WORDS, ...FALSE_WORDS]))
        .transform((word) => TRUE_WORDS.includes(word)),
    ],
    'expected true or false',
  );

/** A list of words: JSON array, or text separated by commas or spaces. */
export const words = (max: number) =>
  z
    .union(
      [
        z.array(z.string()),
        z.string().transform((text) => text.split(/[\s,]+/).filter((word) => word !== '')),
      ],
      'expected a list, separated by commas or spaces',
    )
    .pipe(z.array(z.string().min(1)).max(max, `expected at most ${max} entries`));

/** `deploy`, `app:deploy`, `!web:*`: an entry that cannot match any task is rejected; nobody would notice that it has no effect. */
export const targetPattern = () =>
  z
    .string()
    .max(512, 'expected at most 512 characters')
    .regex(/^!?[^!]/, 'expected the name of a target, or `project:target`')
    .regex(
      /^!?(?!tag:)/,
      'expected targets; for tags and folders write an assignment rule with `run-on: main`',
    )
    .regex(/^[^{}]*$/, 'expected a separate entry for each alternative instead of braces');

/** Address of a coordinator: `http://host:port`. A trailing slash is removed. */
export const httpAddress = () =>
  z
    .url({ protocol: /^https?$/, error: 'expected an address such as http://10.0.0.5:7337' })
    .transform((url) => url.replace(/\/+$/, ''));

/** A list of such addresses. */
export const httpAddresses = (max: number) => words(max).pipe(z.array(httpAddress()));

/** Free text of one line. */
export const line = (max: number) =>
  z
    .string('expected text')
    .min(1, 'expected some text')
    .max(max, `expected at most ${max} characters`)
    .regex(/^[^\r\n]*$/, 'expected a single line');

/** `{ "app:e2e": 90000, "build": 5000 }`: positive numbers by name. JSON text is accepted as well. */
export const table = () =>
  z
    .union(
      [
        z.record(z.string(), z.number()),
        z.string().transform((text, context) => {
          try {
            return JSON.parse(text) as unknown;
          } catch {
            context.addIssue('not JSON');
            return z.NEVER;
          }
        }),
      ],
      'expected a JSON object of numbers',
    )
    .pipe(z.record(z.string(), z.number().positive('expected a positive number')));

/**
 * A number for every target, or a table of numbers: `{ "app:e2e": 600000, "e2e-ci": 300000, "*": 60000 }`. JSON text is
 * also accepted. A plain number becomes the table `{ "*": number }`; `byTarget` reads it.
 */
export const numbersByTarget = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  z
    .union(
      [
        z.number().transform((all) => ({ '*': all })),
        z.record(z.string(), z.number()),
        z.string().transform((text, context) => {
          try {
            const value = JSON.parse(text) as unknown;
            return typeof value === 'number' ? { '*': value } : value;
          } catch {
            context.addIssue('expected a number or JSON');
            return z.NEVER;
          }
        }),
      ],
      'expected a number, or a JSON object of numbers by target',
    )
    .pipe(
      z.record(
        z.string().min(1),
        z
          .int('expected whole numbers')
          .min(min, `expected ${min} or more`)
          .max(max, `expected ${max} or less`),
        'expected a number, or a JSON object of numbers by target',
      ),
    );

/**
 * `true` or `false` for every target, or a table of them: `{ "e2e": false, "*": true }`. JSON text is also accepted. A plain value
 * becomes the table `{ "*": value }`; `byTarget` reads it.
 */
export const yesOrNoByTarget = () =>
  z
    .union(
      [
        yesOrNo().transform((all) => ({ '*': all })),
        z.record(z.string(), z.unknown()),
        z.string().transform((text, context) => {
          try {
            return JSON.parse(text) as unknown;
          } catch {
            context.addIssue('expected true, false or JSON');
            return z.NEVER;
          }
        }),
      ],
      'expected true or false, or a JSON object of them by target',
    )
    .pipe(
      z.record(
        z.string().min(1),
        z.boolean('expected true or false'),
        'expected true or false, or a JSON object of them by target',
      ),
    );

/** `{ "app:deploy": "never", "*:build:production": "this-pipeline" }`: one of `values` by pattern of targets. JSON text is also accepted. */
export const choiceByTarget = <const T extends string>(values: readonly T[]) =>
  z
    .union(
      [
        z.record(z.string(), z.unknown()),
        z.string().transform((text, context) => {
          try {
            return JSON.parse(text) as unknown;
          } catch {
            context.addIssue('expected JSON');
            return z.NEVER;
          }
        }),
      ],
      'expected a JSON object by target',
    )
    .pipe(
      z.record(
        targetPattern().regex(/^[^!]/, 'expected no `!`: the strictest entry that matches applies'),
        z.enum(values, `expected ${values.join(' or ')}`),
        'expected a JSON object by target',
      ),
    );

/** A number from 0 to 1. */
export const fraction = () =>
  z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^(\d{1,3}(\.\d{1,15})?|\.\d{1,15})$/)
          .transform(Number),
      ],
      'expected a number from 0 to 1',
    )
    .pipe(z.number().min(0, 'expected 0 or more').max(1, 'expected 1 or less'));

/** How many tasks an agent runs at a time. */
export interface AgentSlots {
  /** Null: the run's --parallel. */
  readonly most: number | null;
  /** Only as many as its cores and memory allow. */
  readonly isAuto: boolean;
}

/** A whole number, `auto`, or `auto:` and a whole number. */
export const agentSlots = () =>
  z
    .union(
      [z.int(), z.string().regex(/^(auto(:\d{1,9})?|\d{1,9})$/, 'expected a whole number, auto or auto:<n>')],
      'expected a whole number, auto or auto:<n>',
    )
    .transform((value): AgentSlots => {
      const [, auto, most] = /^(auto:?)?(\d*)$/.exec(String(value)) ?? [];
      return { most: most === undefined || most === '' ? null : Number(most), isAuto: auto !== undefined };
    })
    .refine(
      ({ most }) => most === null || (most >= 1 && most <= LIMITS.slotsPerAgent.value),
      `expected 1 to ${LIMITS.slotsPerAgent.value}`,
    );

/** Number of tasks at a time: a whole number, or `auto`. */
export const slotsOrAuto = () => z.union([z.literal('auto'), wholeNumber(0, LIMITS.slotsPerAgent.value)]);
