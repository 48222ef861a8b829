// What Anthropic's SDK for Node hears, from its own model and from a translated one, as one JSON object.
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const input_schema = { type: 'object', properties: { city: { type: 'string', examples: ['Lisbon'] } }, required: ['city'] };
const heard = {};

for (const model of ['claude-sonnet-4-6', 'gpt-5']) {
  const ask = (content) => ({ model, max_tokens: 100, messages: [{ role: 'user', content }] });
  const whole = await client.messages.create(ask('good morning'));
  const stream = client.messages.stream(ask('good morning'));
  const asked = await client.messages.create({ ...ask('call weather'), tools: [{ name: 'weather', input_schema }] });
  const call = asked.content.find((block) => block.type === 'tool_use');
  heard[model] = {
    whole: whole.content[0].text,
    streamed: await stream.finalText(),
    call: [asked.stop_reason, call.name, call.input],
  };
}

try {
  await client.messages.create({ model: 'claude-sonnet-4-6', max_tokens: 9, messages: [{ role: 'user', content: 'x [[sim:{"status":529}]]' }] });
} catch (error) {
  heard.overloaded = error.status;
}

console.log(JSON.stringify(heard));
