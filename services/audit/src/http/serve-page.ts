import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HttpServer } from '@holdfast/http/server';

/** What the browser may do on our page: load from here, ask here, and nothing else. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FILES = [
  ['/', 'page.html', 'text/html; charset=utf-8'],
  ['/api/audit/ui/page.css', 'page.css', 'text/css; charset=utf-8'],
  ['/api/audit/ui/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/api/audit/ui/event-stream.js', 'event-stream.js', 'text/javascript; charset=utf-8'],
  ['/api/audit/ui/render.js', 'render.js', 'text/javascript; charset=utf-8'],
  ['/api/audit/ui/describe.js', 'describe.js', 'text/javascript; charset=utf-8'],
] as const;

/** `GET /` and its files: the page that shows the events as they come. It asks for a token itself. */
export function servePage(app: HttpServer): void {
  for (const [url, file, type] of FILES) {
    const content = readFileSync(join(import.meta.dirname, '..', 'ui', file));
    app.get(url, { config: { role: 'public' }, schema: { hide: true } }, async (_request, reply) =>
      reply
        .type(type)
        .header('content-security-policy', PAGE_POLICY)
        .header('x-content-type-options', 'nosniff')
        .header('referrer-policy', 'no-referrer')
        .header('cache-control', 'no-cache')
        .send(content),
    );
  }
}
