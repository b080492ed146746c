"""Calls a provider within spans of its own, in the names of OpenInference."""

import json

import openai
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("example.instrumentor")
client = openai.OpenAI()
messages = [{"role": "user", "content": "How many files are in /?"}]
with tracer.start_as_current_span("Lister.run") as agent:
    agent.set_attributes({"openinference.span.kind": "AGENT", "agent.name": "Lister"})
    for _ in range(2):
        with tracer.start_as_current_span("LLM") as span:
            said = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
            message = said.choices[0].message
            span.set_attributes(
                {
                    "openinference.span.kind": "LLM",
                    "llm.model_name": said.model,
                    "input.value": json.dumps({"messages": messages}),
                    "output.value": said.model_dump_json(),
                    "llm.token_count.prompt": said.usage.prompt_tokens,
                    "llm.token_count.completion": said.usage.completion_tokens,
                }
            )
        messages.append(message.model_dump(exclude_none=True))
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": "a.txt b.txt"}
            for call in message.tool_calls or ()
        ]
provider.shutdown()
