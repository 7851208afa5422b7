// `@org/dte-runner/core`: what a main job decides while it follows a run, and what it runs itself afterwards. The simulation runs
// this code, and nothing else imports it: what it offers may change at any time.
export { follow } from '../follow/follow';
export { FollowedRun } from '../follow/followed-run';
export { newFollowState, type FollowEffect, type FollowEvent, type FollowState } from '../follow/state';
export { leftovers } from '../tasks/leftovers';
