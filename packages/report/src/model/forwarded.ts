import { z } from 'zod';
import { reportEventSchema, type ReportEvent } from './event';

/**
 * What the main job tells its coordinator for the live report: what only it knows. Agents and the entries of a run's log are the
 * coordinator's own.
 */
const FORWARDED = ['session', 'run', 'ended', 'miss', 'hit', 'message', 'run.ended'] as const;

const isOneOf = (type: string): boolean => FORWARDED.some((each) => each === type);

/** Is this event sent to the coordinator? */
export const isForwarded = ({ type }: ReportEvent): boolean => isOneOf(type);

/** Most events in one request: no limit of its own, because its bytes are limited; it keeps a list from being absurd. */
const MOST_EVENTS = 100_000;

/** One request. `sentAtMs`: by the clock that also wrote the times of the events. */
export const forwardedEventsSchema = z.strictObject({
  sentAtMs: z.number(),
  events: z
    .array(reportEventSchema.refine(isForwarded, 'is not an event that a main job reports'))
    .max(MOST_EVENTS),
});
export type ForwardedEvents = z.infer<typeof forwardedEventsSchema>;
