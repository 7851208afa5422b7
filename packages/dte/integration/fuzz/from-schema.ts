import fc from 'fast-check';
import { z } from 'zod';
import type { Json } from './hostile';
import { broken, changed, toText } from './hostile';
import type { Random } from './target';

/** As much of JSON Schema as zod writes of our schemas. */
interface Shape {
  readonly type?: string;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Shape | boolean;
  readonly propertyNames?: Shape;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

const LIST = 3;
const TEXT = 24;

function textOf({
  pattern,
  format,
  enum: values,
  minLength = 0,
  maxLength = TEXT,
}: Shape): fc.Arbitrary<Json> {
  if (values !== undefined) return fc.constantFrom(...values);
  if (format === 'uri') return fc.webUrl({ validSchemes: ['http', 'https'] });
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return fc.string({
    minLength,
    maxLength: Math.max(minLength, Math.min(maxLength, TEXT)),
    unit: 'grapheme',
  });
}

function objectOf({
  properties = {},
  required = [],
  additionalProperties,
  propertyNames,
}: Shape): fc.Arbitrary<Json> {
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([key, shape]) => [key, arbitraryOf(shape)])),
    { requiredKeys: [...required] },
  ) as fc.Arbitrary<Record<string, Json>>;
  if (typeof additionalProperties !== 'object') return known;
  const more = fc.dictionary(
    textOf(propertyNames ?? {}) as fc.Arbitrary<string>,
    arbitraryOf(additionalProperties),
    { maxKeys: LIST },
  );
  return fc.tuple(known, more).map(([some, others]) => ({ ...others, ...some }));
}

function numberOf(shape: Shape): fc.Arbitrary<Json> {
  const { type, minimum, exclusiveMinimum, maximum = 2 ** 40 } = shape;
  const min = minimum ?? (exclusiveMinimum === undefined ? -(2 ** 20) : exclusiveMinimum + 1);
  if (type === 'integer')
    return fc.integer({ min: Math.max(min, -(2 ** 31)), max: Math.min(maximum, 2 ** 31 - 1) });
  return fc.double({ min, max: maximum, noNaN: true, noDefaultInfinity: true });
}

/** Values that a schema takes, or nearly (refinements are not in its JSON Schema). */
function arbitraryOf(shape: Shape): fc.Arbitrary<Json> {
  const choices = shape.anyOf ?? shape.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map(arbitraryOf));
  if (shape.const !== undefined) return fc.constant(shape.const);
  switch (shape.type) {
    case 'object':
      return objectOf(shape);
    case 'array': {
      const { items = {}, minItems = 0, maxItems = LIST } = shape;
      return fc.array(arbitraryOf(items), {
        minLength: minItems,
        maxLength: Math.max(minItems, Math.min(maxItems, LIST)),
      });
    }
    case 'string':
      return textOf(shape);
    case 'number':
    case 'integer':
      return numberOf(shape);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;
  }
}

/** Makes examples of a schema; a field that is added to the schema is in them. */
export class Examples {
  private readonly arbitrary: fc.Arbitrary<Json>;

  constructor(schema: z.ZodType) {
    this.arbitrary = arbitraryOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape);
  }

  /** One that fits, or nearly. */
  one(random: Random): Json {
    const [value = null] = fc.sample(this.arbitrary, { numRuns: 1, seed: random.int(0, 2 ** 31 - 1) });
    // What fast-check makes may share parts, or have no prototype; what is changed later must not.
    return JSON.parse(JSON.stringify(value)) as Json;
  }

  /** A text for the parser: as it should be, with a few values changed, or broken as a text. */
  text(random: Random): string {
    const kind = random.next();
    const value = this.one(random);
    if (kind < 0.12) return JSON.stringify(value);
    const text = toText(changed(random, value));
    return kind < 0.75 ? text : broken(random, text);
  }
}
