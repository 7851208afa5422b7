import type { Reason, WorkspaceIdentity } from '@org/dte-protocol';
import type { JoinedSession } from './member';
import { compareWorkspaces } from './workspace-identity';

/** Sends away the agents whose workspace differs from that of the main job, which has come after them. */
export function dismissDiffering(
  identity: WorkspaceIdentity,
  session: Pick<JoinedSession, 'members' | 'push'> & { refuse(name: string, reason: Reason): void },
): void {
  const { agents } = session.members;
  for (const [agentId, agent] of agents) {
    const difference = compareWorkspaces(identity, agent.hello);
    if (difference === null) continue;
    const reason = { code: difference.code, message: difference.message };
    agents.delete(agentId);
    session.push({ type: 'agent.removed', agentId, reason });
    session.refuse(agent.hello.name, reason);
    agent.dismiss(difference);
  }
}
