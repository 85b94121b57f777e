// Builds Orgo's answers, including unknown extra fields, which a client must accept.

import type { Computer, Workspace } from './model.ts'

export function computerAnswer(computer: Computer, workspaceName: string): Record<string, unknown> {
  const isUp = computer.status === 'running'
  return {
    ...computerLite(computer),
    workspace_id: computer.workspaceId,
    project_id: computer.workspaceId,
    project_name: workspaceName,
    image: computer.image,
    resolution: '1280x720x24',
    disk_size_gb: computer.diskGb,
    url: `https://orgo.ai/workspaces/${computer.workspaceId}/computers/${computer.id}`,
    created_at: computer.createdAt,
    instance_id: computer.instanceId,
    fly_instance_id: computer.instanceId,
    hostname: 'www.orgo.ai',
    connection_url: `https://www.orgo.ai/desktops/${computer.instanceId}`,
    vnc_password: computer.vncPassword,
    auto_stop_minutes: computer.autoStopMinutes,
    instance_details: isUp ? { id: computer.instanceId, webrtc: null } : null,
  }
}

export function workspaceAnswer(workspace: Workspace, computers: Computer[]): Record<string, unknown> {
  return {
    id: workspace.id,
    name: workspace.name,
    user_id: 'user-of-the-stand-in',
    status: 'active',
    icon_url: null,
    created_at: workspace.createdAt,
    updated_at: workspace.createdAt,
    role: 'owner',
    desktops: computers.filter((it) => it.workspaceId === workspace.id).map(computerLite),
  }
}

function computerLite(computer: Computer): Record<string, unknown> {
  const { id, name, status, ramGb, cpu } = computer
  return {
    id,
    name,
    os: 'linux',
    ram: ramGb,
    cpu,
    status,
    template_build_id: null,
    user_id: 'user-of-the-stand-in',
  }
}
