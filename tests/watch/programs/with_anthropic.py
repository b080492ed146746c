"""An agent on the Anthropic SDK, streaming, whose only tool fails."""

import anthropic

tool = {"name": "list_files", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
messages = [{"role": "user", "content": "How many files are in /data?"}]
client = anthropic.Anthropic(max_retries=0)
while True:
    asked = {"model": "claude-3-5-haiku-latest", "max_tokens": 100, "messages": messages, "tools": [tool]}
    with client.messages.stream(**asked) as events:
        answer = events.get_final_message()
    messages.append(
        {
            "role": "assistant",
            "content": [
                block.model_dump(include={"type", "id", "name", "input", "text"}) for block in answer.content
            ],
        }
    )
    calls = [block for block in answer.content if block.type == "tool_use"]
    if not calls:
        print(answer.content[0].text)
        break
    failed = {"type": "tool_result", "is_error": True, "content": "no such directory: /data"}
    messages.append({"role": "user", "content": [{**failed, "tool_use_id": call.id} for call in calls]})
