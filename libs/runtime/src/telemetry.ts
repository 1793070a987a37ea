import { type Attributes, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createContextManager, idsOnly } from './trace-ids.ts';

export type { Span } from '@opentelemetry/api';

const TRACER = 'holdfast';
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

export interface TelemetryOptions {
  service: string;
  host: string;
  /** Base address of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`; none: ids are made, nothing is sent. */
  endpoint?: string | undefined;
  /** For tests: takes the spans instead of a collector. */
  processors?: SpanProcessor[];
}

/**
 * Starts tracing for this thread. Trace ids are made with or without a collector, so that events carry them and a loss
 * can be followed either way; the SDK is loaded only for a collector. Disposing sends what is left.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<AsyncDisposable> {
  context.setGlobalContextManager(createContextManager());
  const isRecorded = options.endpoint !== undefined || options.processors !== undefined;
  const provider = isRecorded ? await recorder(options) : null;
  trace.setGlobalTracerProvider(provider ?? idsOnly);
  return {
    async [Symbol.asyncDispose]() {
      await provider?.shutdown();
      trace.disable();
      context.disable();
    },
  };
}

async function recorder({ service, host, endpoint, processors = [] }: TelemetryOptions) {
  const { BasicTracerProvider, BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const url = `${endpoint?.replace(/\/+$/, '')}/v1/traces`;
  const sender = endpoint === undefined ? [] : [new BatchSpanProcessor(new OTLPTraceExporter({ url }))];
  return new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': `holdfast-${service}`,
      'service.namespace': 'holdfast',
      'host.name': host,
    }),
    spanProcessors: [...processors, ...sender],
  });
}

export interface SpanOptions {
  /** W3C traceparent, as an event carries it: the span joins that trace. Default: the active span. */
  parent?: string | undefined;
  attributes?: Attributes;
}

/** Runs `work` inside a span; an error is recorded on it and thrown on. */
export async function inSpan<Result>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Result | Promise<Result>,
): Promise<Result> {
  const span = startSpan(name, options);
  try {
    return await withinSpan(span, () => work(span));
  } catch (error) {
    span.recordException(Error.isError(error) ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: Error.isError(error) ? error.message : '' });
    throw error;
  } finally {
    span.end();
  }
}

/** A span that the caller ends. */
export function startSpan(name: string, options: SpanOptions = {}): Span {
  const parent = options.parent === undefined ? context.active() : joined(options.parent);
  return trace.getTracer(TRACER).startSpan(name, { attributes: options.attributes ?? {} }, parent);
}

/** Calls with this span as the active one, and leaves it open. */
export function withinSpan<Result>(span: Span, call: () => Result): Result {
  return context.with(trace.setSpan(context.active(), span), call);
}

/** W3C traceparent of the active span, to be put into an event; undefined outside of any. */
export function activeTraceparent(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (span === undefined || !trace.isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
}

// A traceparent that does not parse came from outside: the trace starts anew, the work goes on.
function joined(traceparent: string) {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return context.active();
  const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(context.active(), remote);
}
