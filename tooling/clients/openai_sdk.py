"""OpenAI's Python SDK against a live `g3 serve`: what its users do, streamed and not. Fails where anything is not as its types say.

    pip install openai
    g3 serve --model tiny-vision --data FOLDER --port 8080 &
    python tooling/clients/openai_sdk.py http://127.0.0.1:8080
"""

import base64
import json
import pathlib
import sys
import time

import openai

ROOT = pathlib.Path(__file__).parents[2]
PICTURE = ROOT / "apps/node-runner/fixtures/tiny-vision/examples/pair.png"
client = openai.OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none", max_retries=0, timeout=120)
model = client.models.list().data[0].id

picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + base64.b64encode(PICTURE.read_bytes()).decode()}}
question = [{"role": "user", "content": [picture, {"type": "text", "text": "Describe the image."}]}]
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "count": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["colour", "count"],
    "additionalProperties": False,
}
TOOL = {"name": "paint", "description": "Paints", "parameters": SCHEMA}


def chat():
    answer = client.chat.completions.create(model=model, messages=question, temperature=0, logprobs=True, top_logprobs=2)
    choice = answer.choices[0]
    assert choice.message.content == "a yellow heart and a purple triangle", choice
    assert choice.finish_reason == "stop" and answer.usage.completion_tokens > 3, answer
    assert len(choice.logprobs.content[0].top_logprobs) == 2, choice.logprobs


def streamed_chat():
    pieces, usage = [], None
    stream = client.chat.completions.create(
        model=model, messages=question, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        usage = chunk.usage or usage
        pieces += [choice.delta.content or "" for choice in chunk.choices]
    assert "".join(pieces) == "a yellow heart and a purple triangle", pieces
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage


def several_choices():
    ask = {"model": model, "messages": [{"role": "user", "content": "hello"}], "n": 3, "seed": 7, "max_completion_tokens": 6}
    first, second = (client.chat.completions.create(**ask) for _ in range(2))
    assert [c.index for c in first.choices] == [0, 1, 2], first
    assert [c.message.content for c in first.choices] == [c.message.content for c in second.choices], (first, second)


def held_to_a_schema():
    form = {"type": "json_schema", "json_schema": {"name": "paint", "schema": SCHEMA, "strict": True}}
    ask = {"model": model, "messages": [{"role": "user", "content": "paint"}], "response_format": form, "max_tokens": 60}
    value = json.loads(client.chat.completions.create(**ask).choices[0].message.content)
    assert value["colour"] in ("red", "blue") and 0 <= value["count"] <= 9, value


def tools():
    ask = {
        "model": model,
        "messages": [{"role": "user", "content": "paint"}],
        "tools": [{"type": "function", "function": TOOL}],
        "tool_choice": {"type": "function", "function": {"name": "paint"}},
        "parallel_tool_calls": False,
        "max_tokens": 120,
        "seed": 1,
    }
    answer = client.chat.completions.create(**ask)
    (call,) = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls" and call.function.name == "paint", answer
    arguments = json.loads(call.function.arguments)
    assert set(arguments) == {"colour", "count"}, arguments
    told = ""
    for chunk in client.chat.completions.create(**ask, stream=True):
        for choice in chunk.choices:
            told += "".join(each.function.arguments or "" for each in choice.delta.tool_calls or [])
    assert json.loads(told) == arguments, told
    result = {"role": "tool", "tool_call_id": call.id, "content": "done"}
    turns = [*ask["messages"], answer.choices[0].message.model_dump(exclude_none=True), result]
    assert client.chat.completions.create(model=model, messages=turns, max_tokens=4).choices


def completions():
    ask = {"model": model, "prompt": ["hello", "there"], "max_tokens": 5, "temperature": 0, "echo": True, "logprobs": 1}
    answer = client.completions.create(**ask)
    assert answer.choices[1].text.startswith("there"), answer
    assert answer.choices[0].logprobs.token_logprobs[0] is None, answer
    whole = client.completions.create(model=model, prompt="hello", max_tokens=5, temperature=0).choices[0].text
    stream = client.completions.create(model=model, prompt="hello", max_tokens=5, temperature=0, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == whole


def responses():
    content = [{"type": "input_image", "image_url": picture["image_url"]["url"], "detail": "auto"}, {"type": "input_text", "text": "Describe the image."}]
    ask = {"model": model, "input": [{"role": "user", "content": content}], "temperature": 0}
    answer = client.responses.create(**ask)
    assert answer.output_text == "a yellow heart and a purple triangle" and answer.status == "completed", answer
    text, last = "", None
    for event in client.responses.create(**ask, stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
        last = event
    assert text == answer.output_text and last.type == "response.completed", last
    called = client.responses.create(model=model, input="paint", tools=[{"type": "function", **TOOL}], tool_choice="required", max_output_tokens=200)
    assert called.output[-1].type == "function_call" and called.output[-1].name == "paint", called


def batches():
    lines = [
        {"custom_id": f"line-{n}", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": question[0:1], "temperature": 0}}
        for n in range(3)
    ]
    file = client.files.create(file=("lines.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    for _ in range(240):
        batch = client.batches.retrieve(batch.id)
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            break
        time.sleep(0.25)
    assert batch.status == "completed" and batch.request_counts.completed == 3, batch
    answers = [json.loads(line) for line in client.files.content(batch.output_file_id).text.strip().split("\n")]
    assert sorted(each["custom_id"] for each in answers) == ["line-0", "line-1", "line-2"], answers
    client.files.delete(file.id)


def errors():
    for ask, kind in [
        ({"model": "another", "messages": question}, openai.NotFoundError),
        ({"model": model, "messages": question, "temperature": 9}, openai.BadRequestError),
        ({"model": model, "messages": [{"role": "user", "content": "a " * 100_000}]}, openai.BadRequestError),
    ]:
        try:
            client.chat.completions.create(**ask)
        except kind as error:
            assert error.body["message"], error
        else:
            raise AssertionError(f"nothing was said of {str(ask)[:80]}")


for check in [chat, streamed_chat, several_choices, held_to_a_schema, tools, completions, responses, batches, errors]:
    check()
    print(f"fine  {check.__name__.replace('_', ' ')}")
