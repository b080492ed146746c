"""How results say that a call failed, or that it found nothing: the patterns `pisama.outcomes` reads texts with.

Every quantifier is bounded and every pattern is tried on a bounded part of the text.
"""

from __future__ import annotations

import re

from pisama.patterns import lazy

_KIND_OF_ERROR = (
    "api|validation|unexpected|internal|runtime|syntax|pars(?:e|ing)|server|network|connection|http|tool|execution"
    "|compil(?:e|ation|er)|type|import|value|system|permission|database|sql|query|request|search|file|timeout"
    "|authentication|fatal|script|shell|command|input|argument|decod(?:e|ing)|unknown|user|client|general"
)
_NO_ERROR = r"(?:0|none|\(none\)|null|no|false)\s{0,4}(?:\n|\Z)"
_ACT = (
    "executing|running|calling|fetching|reading|writing|opening|loading|processing|invoking|parsing|decoding|searching"
    "|accessing|performing|retrieving|connecting|communicating"
)
_NOUN = (
    "tool|tool call|call|command|request|execution|code execution|tool execution|action|operation|query|search|import|build|fetch"
    "|download|upload|script|process|task|job|api call|function|navigation|patch|apply_patch verification|edit|test run"
)
_MISSING = "no such file or directory|permission denied|not a directory|is a directory|command not found"

ERROR_REPORT = lazy(
    r"\A[\s\"'`*\[(<#>❌⚠️✗✖-]{0,12}(?:"
    + "|".join((
        # An exception by its name, or the word itself as a label: `ValueError: …`, `[ERROR] …`, `Error:`.
        rf"(?:(?-i:[A-Za-z_][\w.]{{0,80}}(?:Error|Exception))|(?:(?:an? )?(?:{_KIND_OF_ERROR}) )?(?:error|exception))"
        rf"[\])>*]{{0,3}}\s{{0,2}}:(?!:)(?!\s{{0,4}}{_NO_ERROR})",
        r"error\]|error (?:code|number|status)?:? ?\(?-?[1-9]\d{0,5}\b(?! (?:is|was|means|pages?|in)\b)|error\[[a-z]?\d{1,6}\]|errors:\s{0,4}\n|error\s{0,4}(?:\n|\Z)",
        r"errors? occurred\b|(?:an? |the following )?(?:\w{1,20} )?errors? (?:has |have )?(?:occurred|happened|was raised|was encountered)\b",
        rf"error (?:while|when|during|{_ACT}|from (?:tool|server|api)|message:|in (?:code|tool|executing|running|parsing|processing)|for tool|:|-)",
        r"fatal(?: error)?:|panic:|failed:|failure:|failed (?:to|with|at|on)\b|traceback \(most recent call last\)|tool_use_error>",
        r"uncaught (?:\w{1,40})?(?:error|exception)|exception in thread |unhandled (?:promise )?(?:rejection|exception|error)",
        r"segmentation fault|thread '[^'\n]{1,80}' panicked|npm err(?:or|!)|your (?:proposed )?edit has introduced new syntax error",
        rf"(?:the |your )?(?:{_NOUN})s? (?:has |was )?(?:failed|errored|timed out|aborted|crashed|rejected|interrupted|cancelled|denied)"
        r"(?! (?:tests?|attempts?|login))\b",
        r"unsupported call|(?:unknown|no such|unsupported|unrecognized|invalid) (?:tool|function|action|argument|parameter|option|input"
        r"|request|date|json|url|arguments|parameters|api key|syntax|value)\b(?! (?:is|was) (?:a|an|the)\b)",
        r"(?:permission|access) denied|unauthori[sz]ed\b|authentication (?:failed|error|required)|operation not permitted",
        r"rate limit (?:exceeded|reached|hit)|rate.?limited|too many requests",
        r"timed out|request timed out|time ?out(?: error)?(?: after|:|\s{0,4}\Z)",
        r"internal server error|service unavailable|bad (?:gateway|request)\b|no such file or directory|not found\s{0,4}(?:[:.\n]|\Z)",
        # Shells, programs and compilers.
        r"(?:bash|sh|zsh|fish|cmd|/bin/(?:ba|z)?sh): [^\n]{0,200}(?:not found|no such file|denied|error|cannot|syntax)",
        r"[\w./\-]{1,60}: (?:(?:fatal |syntax )?error:|cannot |can't |invalid option|unrecognized option|illegal option"
        rf"|[^\n]{{0,120}}(?:{_MISSING}))",
        r"[\w./\-]{1,200}:\d{1,6}:(?:\d{1,5}:)? (?:fatal )?error\b",
        # HTTP and sockets.
        r"(?:http(?:/\d(?:\.\d)?)? ?(?:error|status)?(?: code)?:? ?|(?:response )?status(?: code)?:? ?|error code:? ?)[45]\d\d\b",
        r"[45]\d\d (?:client|server) error|[45]\d\d:? (?:not found|forbidden|unauthori|bad request|bad gateway|internal server"
        r"|service unavailable|too many requests|method not allowed|gateway timeout)",
        r"(?:request|fetch|call) failed with (?:status|code)|net::err_|e(?:noent|acces|connrefused|connreset|timedout|notfound)\b",
        # A dict as Python prints it, or JSON that was cut off.
        r"\{?\s{0,4}['\"](?:error|exception|error_message)['\"]\s{0,4}:\s{0,4}(?!none|null|''|\"\"|false|\[\]|\{\}|0\b)",
    ))
    + ")",
    re.IGNORECASE,
)  # fmt: skip
"""A result that begins by reporting an error."""

RUNTIME_REPORT = lazy(
    r"\A[\s\"'`*\[(#❌]{0,8}(?:"
    + "|".join((
        # The tool could not be called.
        r"model tried to call unavailable tool|no tool named\b|action ['\"`]?[\w.\-]{1,80}['\"`]? (?:don't|doesn't|does not) exist",
        r"validation failed for tool\b|\d{1,4} validation errors?(?::| for \S{1,80}\s{0,4}(?:\n|\Z))|input should be an? valid\b",
        r"your command was not (?:executed|run)\b|this command requires approval",
        # Somebody stopped it.
        r"(?:the )?user (?:rejected|declined|denied|cancell?ed) (?:the |this |your )?(?:tool|call|request|command|edit|change|action"
        r"|operation|permission|execution)|the user doesn't want to proceed",
        r"permission to use [\w.\-]{1,80} (?:has been |was )?(?:denied|rejected)|sandbox (?:denied|error|violation)\b",
        rf"(?:the )?(?:{_NOUN}) (?:was |has been )?(?:cancell?ed|rejected|denied|aborted|interrupted) by\b",
        # It broke, in the words of the runtime around it.
        r"i encountered an error while trying to use the tool|tool (?:invoke|invocation|call|use|run) error\b|tool error[\]:]",
        r"<error(?: [^>\n]{0,100})?>(?!\s{0,4}(?:none|null|no errors?)?\s{0,4}</error>)",
        r"(?:oops[!.,]{0,3} )?something went wrong(?! (?:is|was) |\s?\()|agent stopped due to (?:max|iteration|time)",
        # Editors and programs.
        r"file has not been read yet|found \d{1,6} matches of the string to replace|no replacement was performed",
        r"\d{1,4} search/replace blocks? failed to match|failed \((?:failures|errors)=\d|execution halted\s{0,4}\Z",
        r"the requested url returned error|goroutine \d{1,9} \[[a-z ]{1,30}\]: panic",
        r"(?:curl|wget|git|ssh|scp|rsync|psql|mysql|docker|kubectl|npm|pip|cargo): (?:\(\d{1,3}\) )?[^\n]{0,200}(?:could not resolve"
        r"|connection refused|timed out|failed|denied|not found)",
        # An exception as Python writes it, and nothing else.
        r"(?-i:[A-Z]\w{0,60}(?:Error|Exception))\(['\"][^\n]{0,500}\)\s{0,4}\Z",
    ))
    + ")",
    re.IGNORECASE,
)  # fmt: skip
"""A result in which the runtime of an agent, or a program, says that the call failed without the word `error` in front."""

INABILITY = lazy(
    r"\A[\s\"'`*\[(<-]{0,6}(?:(?:sorry|unfortunately|i'm sorry|i am sorry|oops)[,.!:]? (?:but )?)?"
    r"(?:i |we |the (?:tool|server|system|page|file) )?"
    r"(?:could(?: not|n't)(?! (?:have been|be (?:better|more|less|easier|happier)))|(?:cannot|can't)(?-i:(?! [A-Z][a-z]+ [A-Z]))"
    r"|can not|unable to|was unable to|failed to|did not manage to|not able to|not allowed"
    r"|you (?:do not|don't) have (?:permission|access))\b"
    r"|\Ainvalid (?![\w\- ]{1,40} (?:is|was|are|were) )[\w\- ]{1,60}(?:[:.!]|\Z)",
    re.IGNORECASE,
)
"""A short result that begins by saying what the tool could not do."""

BRIEF_FAILURE = lazy(
    r"\A(?:the |your |this |no )?(?:[\w.,/:@#'\"`()\[\]{}=*\-]{1,120} ){1,12}(?:"
    r"(?:was |were |is |are |could )?(?<!\bas )not (?:be )?(?:found|available|supported|permitted|allowed|valid|recogni[sz]ed|installed"
    r"|registered|authori[sz]ed)(?=\s{0,2}(?:[.,:;!()]|\Z)"
    r"| (?:in|for|with|at|by|on|to|from|under)\b(?! th(?:is|e) (?:page|document|text|file)\b))"
    r"|(?:does|do) not exist\b|doesn't exist\b|(?:is|are) (?:invalid|unavailable|required|missing|offline|out of range)\b"
    r"|has expired\b|failed\s{0,2}[.!:]|timed out\b|must be (?:a|an|in|of|one|between|at|positive|non)\b"
    r"|access denied|permission denied)",
    re.IGNORECASE,
)
"""A line that says in its middle what is wrong: `Reservation 17 not found`."""

GOOD_NEWS = lazy(
    r"\b(?:success|passed|0 (?:failed|errors?)|no (?:errors?|issues|problems)|completed|as expected)",
    re.IGNORECASE,
)
"""Words with which a short text that names a failure reports none."""

LOG_LEVEL = lazy(r"\n[^\n]{0,40}\b(?:INFO|DEBUG|TRACE|NOTICE)\b")
"""A line of a log: the errors in it are what was asked for."""

ERROR_PAGE = lazy(
    r"^Title: [^\n]{0,40}?(?:\b(?:error )?(?:40[0-9]|410|429|50[0-4])\b|page not found|not found\s{0,4}$|access denied|forbidden"
    r"|just a moment|error\s{0,4}$|attention required|bot verification|are you a robot)",
    re.IGNORECASE | re.MULTILINE,
)
"""The title of the page that a server shows in place of the one asked for."""

EXIT_CODE = lazy(
    r"(?:^|\n)[ \t\[(<*>]{0,6}(?:(?:the )?(?:process|command|script|program|shell|session)(?: \d{1,9})? )?(?:is )?"
    r"(?:exited|finished|returned|failed|completed|ended|terminated)?[ \t]{0,2}(?:with )?(?:a )?(?:non-?zero )?"
    r"(?:exit|return|error)?[ _-]?(?:code|status)[ \t]{0,2}[:=]?[ \t>]{0,3}(?P<code>-?\d{1,5})(?=[ \t]{0,2}(?:[\n\])<(.,;:]|\Z))"
    r"|(?:^|\n)[ \t<]{0,4}returncode[>:= \t]{1,4}(?P<tag>-?\d{1,5})\b"
    r"|(?:^|\n)[ \t\[(]{0,4}(?:process |command )?(?:exited|exit) (?:with )?(?P<bare>-?\d{1,5})[\])\s]"
    r"|returned non-zero exit status (?P<status>\d{1,5})",
    re.IGNORECASE,
)
"""The exit code of a program, on a line of its own."""

MAKE_ERROR = lazy(r"(?:^|\n)g?make(?:\[\d{1,3}\])?: \*\*\* [^\n]{0,300}\s{0,8}\Z")

ENVELOPE = lazy(
    r"\A\s{0,8}(?:call id: ?[\w\-]{1,80}\s{0,4}\n\s{0,4})?(?:(?:tool )?(?:observation|result|output|response)s?:\s{0,4}\n"
    r"|<(?:tool_response|tool_result|result|output|stdout|response|observation)>\s{0,4}"
    r"|execution logs:\s{0,4}\n(?=last output from code snippet:)|last output from code snippet:\s{0,4}\n)",
    re.IGNORECASE,
)
"""Words of the runtime around what the tool returned."""
ENVELOPE_END = lazy(
    r"\s{0,8}</(?:tool_response|tool_result|result|output|stdout|response|observation)>\s{0,8}\Z"
)
CALL_ID = lazy(r"\A\s{0,8}call id: ?[\w\-]{1,80}\s{0,4}\n", re.IGNORECASE)

NOTHING = lazy(
    r"\A\W{0,3}(?:"
    + "|".join((
        r"none|null|nil|undefined|\[[\s\[\]]{0,8}\]|\{\s{0,4}\}|\(\)|n/a",
        r"\(?(?:empty|no output|no content|tool ran without output or errors"
        r"|(?:the |your )?(?:command|code|bash|tool) [ \w]{0,60}\b(?:no|without|not produce)(?: any)? output)\)?",
        r"(?:sorry,? |unfortunately,? )?(?:there (?:are|were|is|was) )?no (?:\w{1,20} )?"
        r"(?:results?|match(?:es)?|documents?|data|records?|entries|items|pages?|articles?|files?|rows?|events?|emails?|messages?"
        r"|content|text|changes|issues|flights|information)(?: matching| match)?"
        r"(?: (?:were |was |are )?(?:found|returned|available|exist|matched))?(?:(?: for| with| in| matching| that| on)?:? [^\n]{0,200})?",
        r"(?:0|zero) (?:\w{1,20} )?(?:results?|match(?:es)?|documents?|records?|hits|rows|files)(?: (?:were |was )?(?:found|returned))?"
        r"(?: (?:for|in|matching)[^\n]{0,200})?",
        r"(?:nothing|no one) (?:was )?found[^\n]{0,80}|found (?:0|no) [^\n]{0,80}",
        r"[^\n]{0,120} (?:was )?not found (?:on|in) th(?:is|e) (?:page|document|text|file)",
    ))
    + r")\W{0,3}\Z",
    re.IGNORECASE,
)  # fmt: skip
"""A whole result that says there is nothing."""

COMPARES = lazy(r"(?:^|[|;&(\s\"'])(?:e|f|p|z|git )?(?:grep|rg|diff|cmp|test|which|ag|command -v|\[)\s")
"""A command of which exit code 1 only means `no`."""
ONLY_CODE_ONE = lazy(
    r"\A[^\n]{0,60}\b1\b[^\n]{0,30}(?:\n\s{0,8}(?:\(?no output\)?|output:|stdout:)?\s{0,8}){0,2}\Z",
    re.IGNORECASE,
)
