export { junitOf } from './formats/junit';
export { markdownOf } from './formats/markdown';
export { traceOf } from './formats/trace';
export {
  reportEventSchema,
  type CacheSource,
  type Miss,
  type ReportEvent,
  type TaskStatus,
} from './model/event';
export { foldEvents } from './model/fold';
export type { SessionModel } from './model/model';
export { placeInTime } from './model/place-in-time';
