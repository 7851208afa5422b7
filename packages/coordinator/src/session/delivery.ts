import type { AgentWanted, SessionInfo } from '@org/dte-protocol';
import type { Effects } from '@org/dte-scheduler';
import type { Members } from './members';

/**
 * Sends the messages that the steps of one batch request. Of messages that are complete each time (what an agent should
 * do, the members of the session), only the last in the batch is sent. Updates of runs build on each other, so all are
 * sent.
 */
export function deliver(effects: readonly Effects[], members: Members): void {
  const wanted = new Map<string, AgentWanted>();
  let info: SessionInfo | null = null;
  for (const outgoing of effects.flatMap(({ send }) => send)) {
    switch (outgoing.to) {
      case 'agent':
        wanted.set(outgoing.agentId, outgoing.message);
        break;
      case 'run': {
        const main = members.follower(outgoing.runId);
        if (main !== null) main.send(outgoing.message);
        break;
      }
      case 'session':
        info = outgoing.message;
        break;
    }
  }
  for (const [agentId, message] of wanted) {
    const agent = members.agents.get(agentId);
    if (agent !== undefined) agent.send(message);
  }
  if (info !== null) members.broadcast(info);
}
