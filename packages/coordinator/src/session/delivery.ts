import type { AgentWanted, SessionInfo } from '@org/dte-protocol';
import type { Effects } from '@org/dte-scheduler';
import type { Members } from './members';

/**
 * Sends what the steps of one batch want sent. Of the messages that state everything again (what is wanted of an
 * agent, who serves the session) only the last of the batch goes out; news of runs build on each other and all go.
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
