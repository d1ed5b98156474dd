"""A folder of another program is recognised by what lies in it, and what its own files send on to is found too."""

import json

import pytest

from tests.library.test_scan import LORA, write
from webui.library import Library
from webui.library.layouts import program_of

VAE = {"decoder.mid.block_1.conv1.weight": (4, 4)}


def names(library, kind):
    return [model.name for model in library.models(kind)]


def test_comfyui_with_extra_model_paths(tmp_path):
    comfy, a1111, other = tmp_path / "ComfyUI", tmp_path / "a1111", tmp_path / "other"
    write(comfy / "models" / "diffusion_models" / "unet.safetensors")
    write(comfy / "models" / "text_encoders" / "clip_l.safetensors", {"text_model.encoder.x": (1,)})
    write(a1111 / "models" / "Lora" / "one.safetensors", LORA)
    write(a1111 / "models" / "LyCORIS" / "two.safetensors", LORA)
    write(other / "v" / "three.safetensors", VAE)
    (comfy / "extra_model_paths.yaml").write_text(
        f"# comment\na111:\n    base_path: {a1111}\n    checkpoints: models/Stable-diffusion\n"
        "    loras: |\n         models/Lora\n         models/LyCORIS\n"
        "mine:\n    is_default: true\n    base_path: ../other\n    vae: v\nbroken: 5\n"
    )
    for root in (comfy, comfy / "models"):
        library = Library([root])
        assert program_of(root) == "ComfyUI"
        assert names(library, "lora") == ["one", "two"]
        assert names(library, "vae") == ["three"]
        assert names(library, "checkpoint") == ["unet"]
        assert names(library, "text_encoder") == ["clip_l"]


def test_a1111_and_forge_with_folders_given_as_flags(tmp_path):
    root = tmp_path / "webui"
    write(tmp_path / "big disk" / "one.safetensors")
    write(tmp_path / "loras" / "two.safetensors", LORA)
    write(root / "extensions" / "sd-webui-controlnet" / "models" / "canny.safetensors", {"control_model.x": (1,)})
    (root / "webui.py").write_text("")
    (root / "webui-user.sh").write_text(
        '#export COMMANDLINE_ARGS="--vae-dir /nowhere"\n'
        f"export COMMANDLINE_ARGS=\"--xformers --ckpt-dir '{tmp_path}/big disk' --lora-dir=../loras\"\n"
    )
    library = Library([root])
    assert program_of(root) == "A1111"
    assert names(library, "checkpoint") == ["one"]
    assert names(library, "lora") == ["two"]
    assert names(library, "controlnet") == ["canny"]
    (root / "modules_forge").mkdir()
    assert program_of(root / "models") == "Forge"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("webui-user.sh", 'export COMMANDLINE_ARGS="--xformers --lora-dir \\"{}\\" --listen"'),
        ("webui-user.sh", "export COMMANDLINE_ARGS='--lora-dir \"{}\"'"),
        ("webui-user.sh", "COMMANDLINE_ARGS=\"--lora-dir='{}'\""),
        ("webui-user.sh", 'export COMMANDLINE_ARGS="--medvram \\\n  --lora-dir \\"{}\\""'),
        ("webui-user.sh", 'mine="{}"\nexport COMMANDLINE_ARGS="--lora-dirs \\"$mine\\""'),
        ("webui-user.sh", "python launch.py --lora-dir '{}'  # mine"),
        ("webui-user.bat", 'set COMMANDLINE_ARGS=--xformers --lora-dir "{}"'),
        ("webui-user.bat", 'set "COMMANDLINE_ARGS=--lora-dir "{}""'),
        ("webui-user.bat", '@set MINE={}\nset COMMANDLINE_ARGS=--listen ^\n --lora-dir "%MINE%"'),
    ],
)
def test_a_folder_with_a_space_is_found_however_it_is_quoted(tmp_path, name, line):
    write(tmp_path / "my loras" / "two.safetensors", LORA)
    (tmp_path / "webui").mkdir()
    (tmp_path / "webui" / name).write_text(line.format(tmp_path / "my loras") + "\n")
    assert names(Library([tmp_path / "webui"]), "lora") == ["two"]


def test_a_folder_of_another_a1111_that_a_flag_names_is_gone_through(tmp_path):
    write(tmp_path / "old" / "models" / "Lora" / "two.safetensors", LORA)
    (tmp_path / "forge").mkdir()
    (tmp_path / "forge" / "webui-user.sh").write_text('export COMMANDLINE_ARGS="--forge-ref-a1111-home ../old --broken \'x"\n"')
    assert names(Library([tmp_path / "forge"]), "lora") == ["two"]


def test_sdnext(tmp_path):
    root = tmp_path / "sdnext"
    write(root / "models" / "Stable-diffusion" / "one.safetensors")
    write(tmp_path / "elsewhere" / "two.safetensors", LORA)
    hub = root / "models" / "Diffusers" / "models--owner--fox" / "snapshots" / "0123"
    write(hub / "unet" / "diffusion_pytorch_model.safetensors")
    (hub / "model_index.json").write_text(json.dumps({"_class_name": "X", "unet": ["diffusers", "UNet2DConditionModel"]}))
    (root / "html").mkdir()
    (root / "html" / "locale_en.json").write_text("{}")
    (root / "webui.py").write_text("")
    (root / "config.json").write_text(json.dumps({"lora_dir": str(tmp_path / "elsewhere"), "vae_dir": 5}))
    library = Library([root])
    assert program_of(root) == "SD.Next"
    assert names(library, "checkpoint") == ["one", "owner/fox"]
    assert names(library, "lora") == ["two"]


def test_invokeai_old_and_new(tmp_path):
    root = tmp_path / "invokeai"
    write(root / "models" / "sdxl" / "lora" / "one.safetensors", LORA)
    write(root / "models" / "sd-1" / "main" / "two.safetensors")
    write(root / "models" / "0f1e2d3c" / "three.safetensors")
    (root / "invokeai.yaml").write_text("schema_version: 4.0.2\n")
    library = Library([root])
    assert program_of(root) == "InvokeAI"
    assert names(library, "lora") == ["one"]
    assert names(library, "checkpoint") == ["three", "two"]


@pytest.mark.parametrize("text", ["{", "a: [1, 2", "- x", "x: &a [*a]", "\0", "a:\n  base_path: 5\n  loras: {x: y}\n", "x" * 2**21])
def test_a_broken_file_of_another_program_sends_nowhere(tmp_path, text):
    write(tmp_path / "models" / "loras" / "one.safetensors", LORA)
    (tmp_path / "extra_model_paths.yaml").write_text(text)
    assert names(Library([tmp_path]), "lora") == ["one"]


def test_a_folder_that_is_reached_by_two_names_is_listed_once(tmp_path):
    write(tmp_path / "a" / "models" / "Lora" / "one.safetensors", LORA)
    (tmp_path / "b" / "models").mkdir(parents=True)
    (tmp_path / "b" / "models" / "loras").symlink_to(tmp_path / "a" / "models" / "Lora")
    assert len(Library([tmp_path / "a", tmp_path / "b"]).models("lora")) == 1


@pytest.mark.parametrize("name", ["n" * 300, "x" * 250 + "/" + "y" * 250, "plain/below"])
def test_a_folder_that_cannot_be_is_no_programs_and_holds_nothing(tmp_path, name):
    (tmp_path / "plain").write_text("a file")
    assert program_of(tmp_path / name) == ""
    assert Library([tmp_path / name, tmp_path]).all_models == ()
