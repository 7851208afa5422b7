import type { Target } from './target';
import { archives } from './targets/archives';
import { coordinatorAnswers } from './targets/coordinator-answers';
import { gitlabApi } from './targets/gitlab-api';
import { httpBytes } from './targets/http-bytes';
import { idTokens } from './targets/id-tokens';
import { ids } from './targets/ids';
import { issuers } from './targets/issuers';
import { journal } from './targets/journal';
import { members } from './targets/members';
import { messages } from './targets/messages';
import { rendezvous } from './targets/rendezvous';
import { websocket } from './targets/websocket';

/** The first one takes what cannot be shared out evenly. */
export const TARGETS: readonly Target[] = [
  messages,
  httpBytes,
  websocket,
  ids,
  members,
  archives,
  idTokens,
  issuers,
  rendezvous,
  gitlabApi,
  coordinatorAnswers,
  journal,
];
