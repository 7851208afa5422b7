// Cycles of a directed graph: its strongly connected components of more than one node, by Tarjan's algorithm
// (R. Tarjan, "Depth-first search and linear graph algorithms", 1972).

/**
 * @param {Map<string, Set<string>>} graph node -> nodes it points to
 * @returns {string[][]} one list of nodes for each cycle or group of connected cycles
 */
export function cyclesOf(graph) {
  const state = { index: new Map(), low: new Map(), stack: [], onStack: new Set(), found: [] };
  for (const node of graph.keys()) if (!state.index.has(node)) visit(graph, node, state);
  return state.found.filter((nodes) => nodes.length > 1);
}

function visit(graph, node, state) {
  const { index, low, stack, onStack, found } = state;
  index.set(node, index.size);
  low.set(node, index.get(node));
  stack.push(node);
  onStack.add(node);
  for (const next of graph.get(node) ?? []) {
    if (!index.has(next)) {
      visit(graph, next, state);
      low.set(node, Math.min(low.get(node), low.get(next)));
    } else if (onStack.has(next)) low.set(node, Math.min(low.get(node), index.get(next)));
  }
  if (low.get(node) !== index.get(node)) return;
  const component = [];
  for (let last; last !== node;) {
    last = stack.pop();
    onStack.delete(last);
    component.push(last);
  }
  found.push(component);
}
