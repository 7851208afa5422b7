export { isHighSurrogate, utf8Chunks, withinLimit } from './terminal-output';
