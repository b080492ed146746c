"""The judge that is a language model, of any provider, through pydantic-ai (extra `llm`)."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from inspect import signature
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pisama.attribution.judge import JudgeError, Question, Reply
from pisama.attribution.judgement import one_line
from pisama.config import ConfigError
from pisama.trace import Usage

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelRequest, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.providers import Provider
    from pydantic_ai.settings import ModelSettings

MAX_OUTPUT_TOKENS = 4_000
"""Tokens of one answer, its reasoning included."""
RETRIES = 4
"""How often a call is repeated after 408, 409, 429, 5xx or a lost connection, each time after a longer pause; the
SDKs keep to the pause that a provider asks for."""
ANSWER = "answer"
"""The tool by which models answer."""

_FOR_EVERYBODY = frozenset((401, 402, 403, 404))
"""Statuses that would meet every other question too: no key, no money, no right, no such model."""


def check_extra() -> None:
    """Raises `ConfigError` when the extra `llm` is not installed."""
    if any(find_spec(name) is None for name in ("pydantic_ai", "genai_prices", "platformdirs")):
        raise ConfigError("asking a model needs the extra llm: pip install 'pisama[llm]'")


def split_name(model: str) -> tuple[str, str]:
    """Provider and model of PROVIDER:NAME. Raises `ConfigError` for anything else."""
    provider, colon, name = model.partition(":")
    if not (provider and colon and name):
        raise ConfigError(f"model: {model!r} is not PROVIDER:NAME, for example anthropic:claude-sonnet-5")
    return provider, name


class ModelJudge:
    """A model as a judge. Its connections live as long as it is entered."""

    def __init__(
        self, model: str, base_url: str | None = None, timeout: float = 180.0, *, stream: bool = False
    ) -> None:
        """Raises `ConfigError` for a model that cannot be asked: unknown, without a key, without the extra."""
        check_extra()
        self._model = _model(model, base_url)
        self._timeout = timeout
        self._stream = stream

    async def __aenter__(self) -> Self:
        await self._model.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._model.__aexit__(kind, error, trace)

    async def answer(self, question: Question) -> Reply:
        """One call of the model, repeated by its SDK when the provider is busy."""
        from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError, UnexpectedModelBehavior, UserError
        from pydantic_ai.messages import ModelRequest, UserPromptPart
        from pydantic_ai.models import ModelRequestParameters
        from pydantic_ai.settings import ModelSettings
        from pydantic_ai.tools import ToolDefinition

        tool = ToolDefinition(
            name=ANSWER, description="Answer the question.", parameters_json_schema=dict(question.schema)
        )
        request = ModelRequest([UserPromptPart(question.text)], instructions=question.instructions)
        settings = ModelSettings(max_tokens=MAX_OUTPUT_TOKENS, timeout=self._timeout, max_retries=RETRIES)
        wanted = ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._response(request, settings, wanted)
        except TimeoutError:
            raise JudgeError(f"no answer within {self._timeout:g} s", billed=True) from None
        except ModelHTTPError as error:
            final = error.status_code in _FOR_EVERYBODY
            raise JudgeError(
                f"the provider answers with {error.status_code}{_said(error.body)}", final=final
            ) from None
        except UnexpectedModelBehavior as error:
            raise JudgeError(f"the provider's answer cannot be read: {_short(error)}", billed=True) from None
        except (ModelAPIError, UserError) as error:
            raise JudgeError(f"the model cannot be reached: {_short(error)}", final=True) from None
        return _reply(response)

    async def _response(
        self, request: ModelRequest, settings: ModelSettings, wanted: ModelRequestParameters
    ) -> ModelResponse:
        from pydantic_ai.direct import model_request, model_request_stream

        if not self._stream:
            return await model_request(
                self._model, [request], model_settings=settings, model_request_parameters=wanted
            )
        async with model_request_stream(
            self._model, [request], model_settings=settings, model_request_parameters=wanted
        ) as events:
            async for _ in events:
                pass
            return events.get()


def _model(name: str, base_url: str | None) -> Model:
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import infer_model

    provider, model = split_name(name)
    if provider == "openai" and base_url is not None:
        # What calls itself compatible with OpenAI has chat completions, and seldom the newer API.
        provider = "openai-chat"
    try:
        return infer_model(f"{provider}:{model}", lambda each: _provider(each, base_url))
    except (UserError, ValueError, ImportError) as error:
        raise ConfigError(f"model {name}: {_short(error)}") from None


def _provider(name: str, base_url: str | None) -> Provider[Any]:
    from pydantic_ai.providers import infer_provider, infer_provider_class

    if base_url is None and not name.startswith("google"):
        return infer_provider(name)
    kind = infer_provider_class(name)
    takes = signature(kind).parameters
    given: dict[str, Any] = {}
    if base_url is not None:
        if "base_url" not in takes:
            raise ValueError(f"the provider {name} takes no other address")
        given["base_url"] = base_url
    if "retry_options" in takes:
        from google.genai.types import HttpRetryOptions

        given["retry_options"] = HttpRetryOptions(attempts=RETRIES + 1)
    return kind(**given)


def _reply(response: ModelResponse) -> Reply:
    used = response.usage
    usage = Usage(used.input_tokens or None, used.output_tokens or None, used.cache_read_tokens or None)
    problem = ""
    answer = response.text or ""
    for part in response.parts:
        if part.part_kind == "tool-call" and part.tool_name == ANSWER:
            answer = part.args_as_json_str()
            break
    else:
        if response.finish_reason == "content_filter":
            problem = "the model refused to answer"
        elif response.finish_reason == "length":
            problem = f"its answer was cut off after {used.output_tokens:,} tokens"
    return Reply(answer, usage, problem)


def _said(body: object) -> str:
    """The words of an error of a provider, if it has any."""
    error = body.get("error", body) if isinstance(body, dict) else body
    words = error.get("message") if isinstance(error, dict) else error
    return f": {_short(words)}" if isinstance(words, str) and words.strip() else ""


def _short(error: object) -> str:
    return one_line(str(error), width=160) or type(error).__name__
