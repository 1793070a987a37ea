import { Severity } from '@holdfast/contracts/alert-events';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { AlertRule } from '@holdfast/contracts/http/alerting';
import { z } from 'zod';
import { FIXED_WAITS, type Waits } from './domain/alert/timing.ts';
import type { PacePolicy } from './domain/delivery/pace.ts';
import { LOG_CHANNEL } from './domain/routing/route.ts';
import type { RuleContext } from './domain/rule/observe.ts';

/** `alerts.conditions` of requirements 6.2; what else it says is for later. */
const Conditions = z.record(z.string(), z.looseObject({ severity: Severity.optional() }));

/** The names that the requirements give to rules of ours. */
const ALIASES: Readonly<Record<string, AlertRule>> = { integrity_check_failed: 'backup_verification_failed' };

function severitiesOf(conditions: unknown): RuleContext['severities'] {
  const parsed = Conditions.safeParse(conditions ?? {});
  const entries = Object.entries(parsed.data ?? {}).flatMap(([name, { severity }]) => {
    const rule = AlertRule.safeParse(ALIASES[name] ?? name);
    return rule.success && severity !== undefined ? [[rule.data, severity] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** What the rules need of the configuration. */
export function ruleContext(config: HoldfastConfig): RuleContext {
  return { sources: config.sources, severities: severitiesOf(config.alerts.conditions) };
}

/** How long to wait, as configured. */
export function waitsOf({ group_wait_ms, group_interval_ms }: HoldfastConfig['alerts']): Waits {
  return { ...FIXED_WAITS, group_wait_ms, group_interval_ms };
}

/** Twenty messages in an interval are what a person reads; the rest comes as digests. */
export function pacePolicy({ group_interval_ms }: HoldfastConfig['alerts']): PacePolicy {
  return { messages_max: 20, window_ms: group_interval_ms, merge_from: 6 };
}

/** Where people read on: the address that the configuration gives. */
export function baseUrl({ http }: HoldfastConfig): string {
  const host = http.host === '0.0.0.0' || http.host === '::' ? 'localhost' : http.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${http.port}`;
}

/** Channels that routes name and nobody configured: what goes to them goes to the log, if nobody else hears of it. */
export function missingChannels({ channels, routes }: HoldfastConfig['alerts']): string[] {
  const named = new Set(routes.flatMap((route) => route.channels));
  return [...named].filter((name) => name !== LOG_CHANNEL && !Object.hasOwn(channels, name));
}
