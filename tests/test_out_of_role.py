"""Steps at which an agent leaves its role."""

from __future__ import annotations

import pytest

from pisama.out_of_role import departures
from pisama.transcript import parse


def _kinds(transcript: str) -> list[tuple[int, str, str]]:
    return [(item.step.index, item.kind, item.subject) for item in departures(parse(transcript))]


def test_a_tools_answer_that_an_agent_writes_is_invented_unless_it_shows_it_as_code() -> None:
    block = "<tool_response>21 degrees</tool_response>"
    assert _kinds(f"agent: I look. {block} It is warm.") == [(0, "invents_turn", "tool response")]
    assert _kinds(f"agent: It looks like this:\\n```\\n{block}\\n```") == []


def test_a_users_turn_is_invented_when_the_agents_own_answer_to_it_follows() -> None:
    assert _kinds("agent: Done.\\nUser: And the second one?\\nAssistant: That too.") == [
        (0, "invents_turn", "user")
    ]
    assert _kinds("agent: The roles:\\nUser: asks for a booking\\nClerk: books it") == []
    assert _kinds("agent: For example\\n```\\nUser: Hi\\nAssistant: Hello\\n```") == []


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("You must not edit files.", [(0, "excluded_act", "edit_file")]),
        ("Never read, write or delete files.", []),
        ("Never write or delete files.", [(0, "excluded_act", "edit_file")]),
        ("You must not edit files unless you are asked to.", []),
        ("You must not edit tickets.", []),
        ("You must not promise help, and edit is what you are for.", []),
    ],
)
def test_a_role_excludes_the_verbs_it_begins_with_for_the_objects_it_names(
    rule: str, found: list[tuple[int, str, str]]
) -> None:
    run = f'system: You review.\\n{rule}\nreviewer: edit_file(path="a.py", text="x = 2") -> ok'
    assert _kinds(run) == found


def test_the_rules_of_one_agent_do_not_bind_another() -> None:
    run = 'system: You review. You must not edit files.\nreviewer: I have read it.\n%s: edit_file(path="a.py") -> ok'
    assert _kinds(run % "reviewer") == [(1, "excluded_act", "edit_file")]
    assert _kinds(run % "coder [context=own]") == []
