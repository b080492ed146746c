"""Makes one call and prints what the SDK says of it."""

import openai

client = openai.OpenAI(max_retries=0, timeout=2)
try:
    client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
except openai.APIStatusError as error:
    print(type(error).__name__, error.status_code, error.response.json()["error"]["message"])
except openai.APIConnectionError as error:
    print(type(error).__name__, type(error.__cause__).__name__)
