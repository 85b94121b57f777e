// Who makes the agent's commits.
export const AUTHOR = { name: 'Ralph Wiggum', email: 'ralph@agent-execution-runtime.invalid' }
