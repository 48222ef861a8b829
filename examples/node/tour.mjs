// A tour of the gateway from Node: streamed text, a clip watched to its end, and a failure by its name.
// `npm install` here, then `node tour.mjs 127.0.0.1:50051 KEY`; the key only where the gateway has keys.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [target, key] = process.argv.slice(2);
const protos = process.env.PROTOS ?? fileURLToPath(new URL('../../proto', import.meta.url));
// google/api/annotations.proto comes with protobufjs, which the loader stands on.
const google = dirname(createRequire(import.meta.url).resolve('protobufjs/package.json'));
const files = ['text', 'media', 'job', 'error'].map((noun) => `cli2api/v1/${noun}.proto`);
const loaded = loader.loadSync(files, { includeDirs: [protos, google], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
const { TextService, MediaService, JobService } = grpc.loadPackageDefinition(loaded).cli2api.v1;

const options = {
  'grpc.service_config': readFileSync(join(protos, 'cli2api/v1/service_config.json'), 'utf8'),
  'grpc.keepalive_time_ms': 30_000,
  'grpc.max_receive_message_length': 64 << 20,
};
const credentials = grpc.credentials.createInsecure();
const [text, media, jobs] = [TextService, MediaService, JobService].map((Service) => new Service(target, credentials, options));
const metadata = new grpc.Metadata();
if (key) metadata.set('authorization', `Bearer ${key}`);
const within = (seconds) => ({ deadline: Date.now() + seconds * 1000 });
const unary = (client, method, request) =>
  new Promise((resolve, reject) => client[method](request, metadata, within(60), (error, reply) => (error ? reject(error) : resolve(reply))));

const messages = [{ role: 'ROLE_USER', parts: [{ text: 'Good morning!' }] }];
for await (const event of text.StreamGenerate({ model: 'gpt-5-mini', messages }, metadata, within(60))) {
  if (event.event === 'text') process.stdout.write(event.text.text);
}
console.log();

// With a request_id of its own a submission can be sent again without paying twice.
const wish = { model: 'wan2.6-t2v', prompt: 'a mule at noon', seconds: '5', request_id: randomUUID() };
const { job } = await unary(media, 'CreateVideo', wish);
const again = await unary(media, 'CreateVideo', wish);
console.log(again.job.id === job.id ? 'the same job' : 'another job');
for await (const change of jobs.WatchJob({ id: job.id }, metadata, within(600))) {
  console.log(change.job.state, `${change.job.progress} %`);
}

try {
  await unary(jobs, 'GetJob', { id: 'video_none' });
} catch (error) {
  console.log(grpc.status[error.code], error.details);
}
for (const client of [text, media, jobs]) client.close();
