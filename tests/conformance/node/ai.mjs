// What the AI SDK hears through its provider for OpenAI-compatible services, as one JSON object.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateImage, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const provider = createOpenAICompatible({ name: 'cli2api', baseURL: `${process.env.BASE_URL}/v1`, apiKey: process.env.API_KEY });
const model = provider('gpt-5');
const heard = {};

const whole = await generateText({ model, prompt: 'good morning', maxRetries: 0 });
heard.whole = whole.text;
heard.tokens = whole.usage.totalTokens;

const pieces = [];
for await (const piece of streamText({ model, prompt: 'good morning', maxRetries: 0 }).textStream) pieces.push(piece);
heard.streamed = pieces.join('');
heard.pieces = pieces.length;

const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => `sun in ${city}` });
const prompt = 'call weather {"city": "Lisbon"} and weather {"city": "Oslo"}';
heard.tools = (await generateText({ model, prompt, tools: { weather }, stopWhen: stepCountIs(2), maxRetries: 0 })).text;

// It would fetch a link by itself, but never one that leads to this machine.
const providerOptions = { cli2api: { response_format: 'b64_json' } };
const picture = await generateImage({ model: provider.imageModel('nano-banana'), prompt: 'a fox', maxRetries: 0, providerOptions });
heard.picture = Buffer.from(picture.image.uint8Array).subarray(1, 4).toString();

try {
  await generateText({ model, prompt: 'x [[sim:{"status":429}]]', maxRetries: 0 });
} catch (error) {
  heard.throttled = error.statusCode;
}

console.log(JSON.stringify(heard));
