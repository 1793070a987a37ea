import { MonitorStatus } from '@holdfast/contracts/http/monitor';
import type { HttpServer } from '@holdfast/http/server';

/** `GET /api/monitor/status`: what is watched, and how well. */
export function showStatus(app: HttpServer, { status }: { status: () => MonitorStatus }): void {
  const schema = {
    tags: ['monitor'],
    summary: 'What is watched, and how well',
    response: { 200: MonitorStatus },
  };
  app.get('/api/monitor/status', { config: { role: 'viewer' }, schema }, async () => status());
}
