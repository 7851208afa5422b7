export { matchFiles } from './match-files';
export { INPUTS_OF_EVERY_TASK } from './of-every-task';
export { readHashInput, type HashInput } from './read-input';
