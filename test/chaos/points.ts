// Every call at which something can go wrong, and what; and what machines and the platform do by themselves.
const KILLS = ['kill_before', 'kill_after']
const ORGO = [
  'orgo_401',
  'orgo_402',
  'orgo_403',
  'orgo_404',
  'orgo_409',
  'orgo_422',
  'orgo_429',
  'orgo_500',
  'orgo_hang',
  'orgo_lost',
  'orgo_html',
  ...KILLS,
]
const host = (prefix: string, statuses: string[]) => [
  ...statuses.map((status) => `${prefix}_${status}`),
  `${prefix}_hang`,
  ...KILLS,
]

/** Every call at which something can go wrong, and what. */
export const POINTS: Record<string, string[]> = {
  orgo_list: ORGO,
  orgo_create: [...ORGO, 'orgo_late', 'orgo_limit'],
  orgo_get: ORGO,
  orgo_awake: ORGO,
  orgo_boot: ORGO,
  orgo_bootstatus: ORGO,
  orgo_bell: ORGO,
  orgo_start: ORGO,
  orgo_wake: ORGO,
  orgo_restart: ORGO,
  orgo_delete: ORGO,
  git_refs: host('git', ['401', '500']),
  git_list: host('git', ['401', '500']),
  git_delete: host('git', ['401', '500']),
  github_pulls: host('github', ['403', '500']),
  github_compare: host('github', ['403', '500']),
  github_open: host('github', ['403', '500']),
  notify_post: host('notify', ['500']),
  d1_batch: ['d1_down', 'd1_unknown', 'd1_slow', ...KILLS],
  account_canCall: ['account_down', ...KILLS],
  account_acquireCreate: ['account_down', ...KILLS],
  account_releaseCreate: ['account_down', ...KILLS],
  account_noteRateLimit: ['account_down', ...KILLS],
  account_grantMonth: ['account_down', ...KILLS],
  account_returnMonth: ['account_down', ...KILLS],
  vm_sync: ['vm_lost', 'vm_dropped', 'vm_late'],
  vm_ticket: ['vm_lost', 'vm_dropped'],
  gate_model: ['worker_dies', 'vm_dropped', 'vm_lost', 'model_529', 'model_lost'],
  gate_push: ['worker_dies', 'vm_dropped', 'vm_lost', 'git_refuses', 'push_lost'],
}

export const MACHINE_EVENTS = [
  'vm_stop',
  'vm_reboot',
  'vm_delete',
  'vm_zombie',
  'vm_suspend',
  'vm_silence',
  'vm_error',
  'agent_crash',
  'supervisor_crash',
] as const
export const OBJECT_EVENTS = ['evict', 'kill', 'clock_back', 'clock_forward'] as const
