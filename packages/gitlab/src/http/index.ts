export { extraAuthorities } from './authorities';
export { gitlabCall, type GitlabAnswer, type GitlabCall } from './call';
export { gitlabDownload } from './download';
