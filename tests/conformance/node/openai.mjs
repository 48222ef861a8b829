// What the openai SDK for Node hears, as one JSON object.
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ baseURL: `${process.env.BASE_URL}/v1`, apiKey: process.env.API_KEY, maxRetries: 0 });
const says = (content) => [{ role: 'user', content }];
const parameters = { type: 'object', properties: { city: { type: 'string', examples: ['Lisbon'] } }, required: ['city'] };
const heard = {};

const whole = await client.chat.completions.create({ model: 'gpt-5', messages: says('good morning') });
heard.whole = whole.choices[0].message.content;

const pieces = [];
for await (const chunk of await client.chat.completions.create({ model: 'gpt-5', messages: says('good morning'), stream: true })) {
  pieces.push(chunk.choices[0]?.delta?.content ?? '');
}
heard.streamed = pieces.join('');
heard.pieces = pieces.length;

const runner = client.chat.completions.runTools({
  model: 'gpt-5',
  messages: says('call weather'),
  tools: [{ type: 'function', function: { name: 'weather', parameters, parse: JSON.parse, function: ({ city }) => `sun in ${city}` } }],
});
heard.tools = await runner.finalContent();

const stream = client.responses.stream({ model: 'openai/gpt-5.5', input: 'good morning' });
heard.responses = (await stream.finalResponse()).output_text;

const picture = await client.images.generate({ model: 'nano-banana', prompt: 'a fox', response_format: 'b64_json' });
heard.picture = Buffer.from(picture.data[0].b64_json, 'base64').subarray(1, 4).toString();

const source = await toFile(Buffer.from(picture.data[0].b64_json, 'base64'), 'fox.png', { type: 'image/png' });
const edited = await client.images.edit({ model: 'nano-banana-edit', prompt: 'a blue fox', image: [source, source] });
heard.edited = edited.data.map((each) => typeof each.url);

const speech = await client.audio.speech.create({ model: 'speech-2.8-hd', voice: 'Wise_Woman', input: 'Hello.', response_format: 'wav' });
heard.speech = Buffer.from(await speech.arrayBuffer()).subarray(0, 4).toString();

let video = await client.videos.create({ model: 'sora-2', prompt: 'a tide pool', seconds: '4' });
while (!['completed', 'failed'].includes(video.status)) video = await client.videos.retrieve(video.id);
const clip = await client.videos.downloadContent(video.id);
heard.video = [video.status, Buffer.from(await clip.arrayBuffer()).subarray(4, 8).toString()];

heard.models = (await client.models.list()).data.some((model) => model.id === 'veo-3.1');

try {
  await client.chat.completions.create({ model: 'gpt-5', messages: says('x [[sim:{"status":429}]]') });
} catch (error) {
  heard.throttled = [error.constructor.name, error.status];
}

console.log(JSON.stringify(heard));
