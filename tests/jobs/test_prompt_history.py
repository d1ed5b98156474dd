"""Prompts used before: each once, the latest first, as they were written."""

from tests.jobs.conftest import Box
from tests.whole_requests import resolve_without_models
from webui.core.request import GenerationRequest
from webui.jobs.prompt_history import used_prompts
from webui.words.service import NO_WORDS


def test_each_prompt_once_with_its_template(tmp_path):
    box = Box(tmp_path)
    box.queue._resolve = lambda request: resolve_without_models(NO_WORDS.put_into(request.model_copy(update={"seed": 1})))
    for prompt in ("a cat", "a {red|blue} dog", "a cat", "", 'say "hé"'):
        box.queue.submit(GenerationRequest(prompt=prompt, negative_prompt="blurry" if prompt == "a cat" else ""), "ann")
    box.queue.submit(GenerationRequest(prompt="not mine"), "bob")
    told = used_prompts(box.database, "ann")
    assert [(each.prompt, each.negative_prompt) for each in told] == [('say "hé"', ""), ("a cat", "blurry"), ("a {red|blue} dog", "")]
    assert [each.prompt for each in used_prompts(box.database, "ann", "CAT")] == ["a cat"]
    assert [each.prompt for each in used_prompts(box.database, "ann", '"hé')] == ['say "hé"']
    assert used_prompts(box.database, "ann", "euler") == [] and len(used_prompts(box.database, "ann", limit=1)) == 1
    box.close()
