import { expect, test } from '@jest/globals';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { activeTraceparent, inSpan, startTelemetry } from './telemetry.ts';

test('one loss is one trace: a span joins the trace that an event carries', async () => {
  const spans = new InMemorySpanExporter();
  await using _telemetry = await startTelemetry({
    service: 'monitor',
    host: 'web1',
    processors: [new SimpleSpanProcessor(spans)],
  });
  const carried = await inSpan('detect loss', {}, () => activeTraceparent());
  expect(carried).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  await expect(
    inSpan('put back', { parent: carried }, async () => {
      await inSpan('read the version', { attributes: { 'holdfast.source': 'docs' } }, () => 'bytes');
      throw new Error('the disk is full');
    }),
  ).rejects.toThrow('the disk is full');
  const [detect, read, putBack] = spans.getFinishedSpans();
  expect([read?.spanContext().traceId, putBack?.spanContext().traceId]).toEqual(
    Array(2).fill(detect?.spanContext().traceId),
  );
  expect(putBack?.parentSpanContext?.spanId).toBe(detect?.spanContext().spanId);
  expect(read?.parentSpanContext?.spanId).toBe(putBack?.spanContext().spanId);
  expect(putBack?.status.message).toBe('the disk is full');
  expect(detect?.resource.attributes).toMatchObject({
    'service.name': 'holdfast-monitor',
    'host.name': 'web1',
  });
});

test('without a collector the ids are made and carried all the same', async () => {
  await using _telemetry = await startTelemetry({ service: 'monitor', host: 'web1' });
  await inSpan('detect loss', {}, async () => {
    const outer = activeTraceparent() ?? '';
    await Promise.resolve();
    const inner = await inSpan('read', {}, async () => {
      await Promise.resolve();
      return activeTraceparent() ?? '';
    });
    expect(inner.split('-')[1]).toBe(outer.split('-')[1]);
    expect(inner.split('-')[2]).not.toBe(outer.split('-')[2]);
    expect(await inSpan('join', { parent: inner }, () => activeTraceparent()?.slice(0, 36))).toBe(
      outer.slice(0, 36),
    );
    expect(activeTraceparent()).toBe(outer);
  });
});

test('a traceparent that is none does not stop the work; without telemetry there is none', async () => {
  expect(await inSpan('work', { parent: 'garbage' }, () => 'done')).toBe('done');
  expect(activeTraceparent()).toBeUndefined();
});
