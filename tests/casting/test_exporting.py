from pathlib import Path

from click.testing import CliRunner

from storyboard.casting.registry import load_cast
from storyboard.commands.characters import characters
from storyboard.rendering.diffusion.adapter_files import read_tensors
from storyboard.rendering.diffusion.adapter_lora import parse_lora


def test_a_lora_is_exported_for_web_uis(tmp_path: Path) -> None:
    runner, target = CliRunner(), tmp_path / "flynn.safetensors"
    result = runner.invoke(characters, ["export", "flynn", "--format", "kohya", "-o", str(target)])
    assert result.exit_code == 0 and "flynn.starter.embedding.safetensors" in result.output
    tensors, metadata = read_tensors(target)
    assert all(name.startswith("lora_unet_") for name in tensors)
    assert metadata["modelspec.trigger_phrase"] == "fljsdhn man"
    own = load_cast()["flynn"].adapters_for("starter")[1]
    kinds = [parse_lora(*read_tensors(path)) for path in (own.path, target)]
    one, other = (
        {round(float(layer._product().norm()) * layer.alpha / layer.rank, 3) for layer in each} for each in kinds
    )
    assert one == other
    cases = {("inkline",): "no LoRA", ("flynn", "--family", "sdxl"): "no LoRA for sdxl", ("flynn", "-o", "x"): "end in"}
    for arguments, expected in cases.items():
        result = runner.invoke(characters, ["export", *arguments, "--format", "kohya"])
        assert expected in str(result.exception)
