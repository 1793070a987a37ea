import type { Severity } from '@holdfast/contracts/alert-events';
import type { Logger } from '@holdfast/runtime/logger';
import type { Message } from '../../domain/alert/message.ts';
import type { Channel } from './channel.ts';

const LEVELS: Record<Severity, 'error' | 'warn' | 'info'> = {
  critical: 'error',
  high: 'error',
  medium: 'warn',
  low: 'warn',
  info: 'info',
};

function levelOf(message: Message): 'error' | 'warn' | 'info' {
  return message.status === 'resolved' ? 'info' : LEVELS[message.severity];
}

/** Tells people by the service's own log. */
export function createLogChannel(name: string, log: Logger): Channel {
  return {
    name,
    type: 'log',
    min_interval_ms: 0,
    calls_people: false,
    send: async (message, { notification_id }) => {
      const { alert_id, rule, severity, kind, status, correlation_id, counts, details, paths, failures } =
        message;
      const alert = {
        alert_id,
        rule,
        severity,
        kind,
        status,
        correlation_id,
        counts,
        details,
        paths,
        failures,
      };
      log[levelOf(message)]({ notification_id, alert }, message.subject);
      return { outcome: 'delivered', provider_id: null };
    },
  };
}
