"""Every request field is a flag, and the flags make the request they name."""

import argparse

import pytest

from webui.cli.flags import add_request_flags, request_values
from webui.core.fields import walk
from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError


def parsed(*words: str) -> GenerationRequest:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_request_flags(parser)
    return parse_request(request_values(parser.parse_args(words)))


def test_every_field_has_a_flag():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_request_flags(parser)
    missing = [
        spec.path
        for spec in walk(GenerationRequest)
        if spec.path != "prompt" and f"--{spec.path.replace('.', '-').replace('_', '-')}" not in parser._option_string_actions
    ]
    assert missing == []


def test_flags_reach_nested_fields_by_long_and_short_names():
    request = parsed("--hires-scale", "1.5", "--hires-upscaler", "Lanczos", "--eta", "0.5", "--guidance-options-rescale", "0.7")
    assert (request.hires.scale, request.hires.upscaler) == (1.5, "Lanczos")
    assert (request.sampler_options.eta, request.guidance_options.rescale) == (0.5, 0.7)


def test_objects_as_json_and_single_fields_combine():
    request = parsed("--hires", '{"scale": 3, "steps": 4}', "--hires-scale", "1.5", "--extras", '{"film_grain": {"amount": 0.2}}')
    assert (request.hires.scale, request.hires.steps) == (1.5, 4)
    assert request.extras == {"film_grain": {"amount": 0.2}}


def test_booleans_and_a1111_numbers():
    request = parsed("--tiling", "--no-mask-round", "--fill", "2", "--resize-mode", "1")
    assert (request.tiling, request.mask_round, request.fill, request.resize_mode) == (True, False, "latent noise", "Crop and resize")


def test_broken_json_is_a_request_error():
    with pytest.raises(RequestError, match="not JSON"):
        parsed("--extras", "{")
