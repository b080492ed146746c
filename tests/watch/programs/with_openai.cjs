// An agent on the OpenAI SDK of Node whose only tool fails.
const OpenAI = require("openai");
const client = new OpenAI({ maxRetries: 0 });
const parameters = { type: "object", properties: { path: { type: "string" } } };
const tools = [{ type: "function", function: { name: "list_files", parameters } }];
const messages = [{ role: "user", content: "How many files are in /data?" }];
(async () => {
  for (;;) {
    const answer = await client.chat.completions.create({ model: "gpt-4o-mini", messages, tools });
    const message = answer.choices[0].message;
    messages.push(message);
    if (!message.tool_calls) return console.log(message.content);
    for (const call of message.tool_calls)
      messages.push({ role: "tool", tool_call_id: call.id, content: "Error: no such directory: /data" });
  }
})();
