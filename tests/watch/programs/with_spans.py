"""Emits the spans of an agent whose only tool fails, as instrumentors of the GenAI conventions do."""

import json

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("example.instrumentor")
messages = [{"role": "user", "parts": [{"type": "text", "content": "How many files are in /data?"}]}]
with tracer.start_as_current_span("invoke_agent Lister") as agent:
    agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Lister"})
    for number in range(6):
        call = {
            "type": "tool_call",
            "id": f"call_{number}",
            "name": "list_files",
            "arguments": {"path": "/data"},
        }
        answer = {"role": "assistant", "parts": [call], "finish_reason": "tool_call"}
        with tracer.start_as_current_span("chat gpt-4o-mini") as span:
            span.set_attributes(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.request.model": "gpt-4o-mini",
                    "gen_ai.usage.input_tokens": 50,
                    "gen_ai.usage.output_tokens": 10,
                    "gen_ai.input.messages": json.dumps(messages),
                    "gen_ai.output.messages": json.dumps([answer]),
                }
            )
        failed = {
            "type": "tool_call_response",
            "id": f"call_{number}",
            "response": "Error: no such directory: /data",
        }
        with tracer.start_as_current_span("execute_tool list_files") as span:
            span.set_attributes(
                {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": "list_files",
                    "gen_ai.tool.call.id": f"call_{number}",
                    "gen_ai.tool.call.arguments": json.dumps({"path": "/data"}),
                    "gen_ai.tool.call.result": failed["response"],
                }
            )
        messages += [answer, {"role": "tool", "parts": [failed]}]
provider.shutdown()
