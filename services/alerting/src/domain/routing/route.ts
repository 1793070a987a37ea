import type { Severity } from '@holdfast/contracts/alert-events';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { isAtLeast } from '../rule/severity.ts';

/** The channel that is always there: what else fails ends here. */
export const LOG_CHANNEL = 'log';

type AlertsConfig = Pick<HoldfastConfig['alerts'], 'channels' | 'routes'>;
interface Routed {
  rule: string;
  severity: Severity;
}

function routed(config: AlertsConfig, about: Routed): string[] {
  if (config.routes.length === 0) return Object.keys(config.channels);
  return config.routes
    .filter(({ match }) => match.severity?.includes(about.severity) ?? true)
    .filter(({ match }) => match.rule?.includes(about.rule) ?? true)
    .flatMap(({ channels }) => channels);
}

/** A route may name a channel that this machine has not: it is as if it were not named. */
function known(config: AlertsConfig, names: string[]): string[] {
  return names.filter((name) => name === LOG_CHANNEL || Object.hasOwn(config.channels, name));
}

/**
 * The channels that hear of an alert, each once: those of all routes that match (all channels where no route is
 * configured), less those whose `min_severity` it does not reach. Nobody left: the log.
 */
export function channelsFor(config: AlertsConfig, about: Routed): string[] {
  const heard = known(config, routed(config, about)).filter((name) => {
    const floor = config.channels[name]?.min_severity;
    return floor === undefined || isAtLeast(about.severity, floor);
  });
  return heard.length === 0 ? [LOG_CHANNEL] : [...new Set(heard)];
}

/** Who hears of it instead when a channel failed for good: the next ones of its routes, and the log. */
export function fallbacksFor(config: AlertsConfig, about: Routed, failed: string): string[] {
  if (failed === LOG_CHANNEL) return [];
  const all = known(config, routed(config, about));
  const next = all.slice(all.indexOf(failed) + 1);
  return [...new Set([...next, LOG_CHANNEL])].filter((name) => name !== failed);
}
