export { matchFiles } from './match-files';
export { readHashInput, type HashInput } from './read-input';
