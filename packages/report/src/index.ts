export { withoutAnsi } from './text/ansi';
export { annotationsOf, type JobLink } from './formats/annotations';
export { junitOf } from './formats/junit';
export { failureLinesOf } from './formats/log-end';
export { OpenSections, sectionOf } from './formats/log-sections';
export { markdownOf } from './formats/markdown';
export { noteOf } from './formats/note';
export { otlpOf, type TraceContext } from './formats/otlp';
export { traceOf } from './formats/trace';
export {
  reportEventSchema,
  type CacheSource,
  type Miss,
  type ReportEvent,
  type TaskStatus,
} from './model/event';
export { foldEvents, ModelFold } from './model/fold';
export { type ForwardedEvents, forwardedEventsSchema, isForwarded } from './model/forwarded';
export type { SessionModel } from './model/model';
export { modelJsonSchema, sessionModelSchema, taskModelSchema } from './model/schema';
export { withAccuracy } from './views/accuracy';
export { missReasonsOf, type MissReason } from './views/miss-reasons';
export { originText } from './views/origin';
export { placeInTime } from './model/place-in-time';
export { livePage, livePagePolicy } from './page/live-page';
export { staticPage } from './page/static-page';
