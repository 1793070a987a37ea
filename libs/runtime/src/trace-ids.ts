import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type ContextManager,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';

/** Makes trace and span ids and keeps nothing: what a system without a collector needs, at a hundredth of the SDK's weight. */
export const idsOnly: TracerProvider = { getTracer: () => tracer };

/** Carries the active span across awaits, as the SDK's own does. */
export function createContextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (context, call, thisArg, ...args) => storage.run(context, () => call.apply(thisArg as never, args)),
    bind: (context, target) => {
      if (typeof target !== 'function') return target;
      return ((...args: unknown[]) => storage.run(context, () => target(...args))) as typeof target;
    },
    enable: () => manager,
    disable: () => {
      storage.disable();
      return manager;
    },
  };
  return manager;
}

const tracer: Tracer = {
  startSpan: (_name, _options, context) => spanBelow(context),
  startActiveSpan: ((...args: unknown[]) => {
    const call = args.at(-1) as (span: Span) => unknown;
    return call(spanBelow(undefined));
  }) as Tracer['startActiveSpan'],
};

function spanBelow(context: Context | undefined): Span {
  const parent = context === undefined ? trace.getActiveSpan()?.spanContext() : trace.getSpanContext(context);
  const own: SpanContext = {
    traceId: parent?.traceId ?? randomHex(4),
    spanId: randomHex(2),
    traceFlags: parent?.traceFlags ?? TraceFlags.SAMPLED,
  };
  return trace.wrapSpanContext(own);
}

/** Groups of eight hexadecimal digits. Ids must be unlikely to meet, not hard to guess; none is all zero. */
function randomHex(groups: number): string {
  let digits = '';
  for (let group = 0; group < groups; group++) {
    const number = Math.floor(Math.random() * 0xffffffff) + 1;
    digits += number.toString(16).padStart(8, '0');
  }
  return digits;
}
