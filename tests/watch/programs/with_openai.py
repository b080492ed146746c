"""An agent on the OpenAI SDK whose only tool fails; told `stream`, it streams."""

import sys

import openai

tool = {"name": "list_files", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
messages = [{"role": "user", "content": "How many files are in /data?"}]
client = openai.OpenAI(max_retries=0)
while True:
    asked = {"model": "gpt-4o-mini", "messages": messages, "tools": [{"type": "function", "function": tool}]}
    if "stream" in sys.argv:
        with client.chat.completions.stream(**asked) as events:
            answer = events.get_final_completion().choices[0].message
    else:
        answer = client.chat.completions.create(**asked).choices[0].message
    calls = [
        {
            "id": c.id,
            "type": "function",
            "function": {"name": c.function.name, "arguments": c.function.arguments},
        }
        for c in answer.tool_calls or ()
    ]
    messages.append(
        {"role": "assistant", "content": answer.content} | ({"tool_calls": calls} if calls else {})
    )
    if not calls:
        print(answer.content)
        break
    messages += [
        {"role": "tool", "tool_call_id": c["id"], "content": "Error: no such directory: /data"} for c in calls
    ]
